"""How many cameras at 25 frames a second before answers fall behind."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.camera import Cameras, chunks_of
from bench.task import Task, median, own_folder, run

LAG_LIMIT_S = 0.8  # one stride of the default model
LAST_ANSWERS = 4  # of every stream are judged; before, it catches up with what FFmpeg read while it was probing
STEP = 1.25


@dataclass(frozen=True, slots=True)
class Try:
    """What became of `streams` cameras.

    Attributes:
        lag_s: of the worst stream, from the moment a clip's last frame was sent to its answer; infinite without any.
        dropped_s: seconds left out by policy, of all streams.
        error: why it broke down, else empty.
    """

    streams: int
    lag_s: float
    dropped_s: float
    error: str = ""

    @property
    def holds(self) -> bool:
        return self.lag_s <= LAG_LIMIT_S and self.dropped_s == 0


class Trial:
    """Tries one contestant with any number of cameras."""

    def __init__(self, contestant: str, film: Path, warm: Path, model: Path, seconds: float) -> None:
        self._contestant = contestant
        self._chunks = chunks_of(film, seconds)
        self._warm = warm
        self._model = model

    def __call__(self, streams: int) -> Try:
        answers: dict[int, list[tuple[float, float]]] = {number: [] for number in range(streams)}

        def line(text: str) -> None:
            if text.startswith("ANSWER "):
                _, name, answered_s, at_s = text.split()
                answers[int(name.removeprefix("film-"))].append((float(answered_s), float(at_s)))

        with Cameras(self._chunks) as cameras, own_folder() as folder:
            urls = tuple(cameras.url(number) for number in range(streams))
            try:
                result = run(Task(self._contestant, urls, str(self._warm), str(self._model), folder), line=line)
            except RuntimeError as error:
                return Try(streams, math.inf, 0.0, str(error))
            lags = [_lag_s(answers[number], cameras.began_s[number]) for number in answers]
        return Try(streams, max(lags), result.extra.get("dropped_s", 0.0))


def most(attempt: Callable[[int], Try], guess: int, limit: int) -> list[Try]:
    """Tries in the order made: up or down from `guess` by a quarter, then halving, until 5 % are left to decide."""
    low, high, streams = 0, limit + 1, min(max(1, guess), limit)
    tries: list[Try] = []
    while high - low > 1 + low // 20:
        tries.append(attempt(streams))
        low, high = (streams, high) if tries[-1].holds else (low, streams)
        if high > limit:
            streams = min(limit, max(low + 1, int(low * STEP)))
        else:
            streams = (low + high) // 2 if low else max(1, int(high / STEP))
    return tries


def best(tries: list[Try]) -> int:
    """The most streams that held; 0 of none."""
    return max((one.streams for one in tries if one.holds), default=0)


def _lag_s(answers: list[tuple[float, float]], began_s: float) -> float:
    lags = [at_s - began_s - answered_s for answered_s, at_s in answers[-LAST_ANSWERS:]]
    return median(lags) if len(lags) == LAST_ANSWERS else math.inf
