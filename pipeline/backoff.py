"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def pauses(first_s: float, cap_s: float, chance: random.Random) -> Iterator[float]:
    """Yield seconds without end: exponential up to `cap_s`, each shortened by up to a half by chance.

    Chance keeps a thousand streams of one dead switch from coming back in step ("full jitter" and its kin, Brooker,
    "Exponential Backoff And Jitter", 2015).
    """
    pause_s = first_s
    while True:
        yield pause_s * chance.uniform(0.5, 1.0)
        pause_s = min(cap_s, 2 * pause_s)
