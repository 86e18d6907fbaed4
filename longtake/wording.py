"""Words that several commands need."""

import re

_OURS = (
    (r"^Value error, ", ""),
    (r"^(Input|String|Value|List|Tuple) should", "must"),
    (r", unable to .*| or instance of \w+", ""),
    (r"a valid integer", "a whole number"),
    (r"a valid ", "a "),
    (r"a dictionary", "a mapping of keys to values"),
    (r"a boolean", "true or false"),
)


def counted(number: int, one: str, several: str = "") -> str:
    """`1 gap`, `2 gaps`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def size(count: float) -> str:
    """Bytes as people say them: `640 KiB`, `1.5 GiB`."""
    power = next((power for power in range(4) if count < 1024 ** (power + 1)), 4)
    number, unit = count / 1024**power, ("B", "KiB", "MiB", "GiB", "TiB")[power]
    return f"{number:.1f} {unit}" if power and number < 10 else f"{number:.0f} {unit}"


def plain(complaint: str) -> str:
    """What pydantic says of a value in our words: `Input should be greater than 0` becomes `must be greater than 0`."""
    for theirs, ours in _OURS:
        complaint = re.sub(theirs, ours, complaint)
    return complaint
