"""What to film, and its URI: `synthetic://seed=7&duration=60&people=1&fps=25&size=640x480`."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pipeline.errors import UsageError
from pipeline.synthetic.draw import Split, split_of

SCHEME = "synthetic://"
FPS = 25.0
SIZE = (640, 480)
_SCENES = f"{SCHEME}seeds=0-39&people=1&duration=60"
_LARGEST_SEED = 2**63 - 1
_FORMS = {
    "seed": "a whole number, 0 or more",
    "duration": "seconds, above 0 and at most 86400",
    "people": "1 to 8",
    "fps": "frames per second, 1 to 120",
    "size": "WIDTHxHEIGHT in pixels, 16 to 4096 each",
}


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """One scene: equal specs give equal pixels and equal truth.

    Attributes:
        seed: decides everything; which split it belongs to says `split_of`.
        duration_s: length of the scene.
        people: how many people may be in it at once.

    Raises:
        ValueError: a value is out of range.
    """

    seed: int
    duration_s: float = 60.0
    people: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise ValueError(f"seed must be {_FORMS['seed']}, got {self.seed}")
        if not 0 < self.duration_s <= 86_400:
            raise ValueError(f"duration_s must be {_FORMS['duration']}, got {self.duration_s}")
        if not 1 <= self.people <= 8:
            raise ValueError(f"people must be {_FORMS['people']}, got {self.people}")

    @property
    def split(self) -> Split:
        """The split the seed belongs to."""
        return split_of(self.seed)

    @property
    def uri(self) -> str:
        """Shows the scene."""
        return f"{SCHEME}seed={self.seed}&people={self.people}&duration={self.duration_s:g}"


def parse_uri(uri: str) -> tuple[SceneSpec, float, tuple[int, int]]:
    """Return the scene, frames per second and (width, height) that a `synthetic://` URI asks for.

    Raises:
        UsageError: the URI is no `synthetic://` URI, a key is unknown or repeated, or a value is not allowed.
    """
    if not uri.startswith(SCHEME):
        raise UsageError(f"not a synthetic scene: {uri!r}; write {SCHEME}seed=7")
    values: dict[str, str] = {}
    for key, value in parse_qsl(uri[len(SCHEME) :].lstrip("?"), keep_blank_values=True):
        if key not in _FORMS or key in values:
            problem = "given twice" if key in values else "unknown"
            raise UsageError(f"{problem} key {key!r} in {uri!r}; allowed, once each: {', '.join(_FORMS)}")
        values[key] = value
    width, height = _size(values.get("size", f"{SIZE[0]}x{SIZE[1]}"))
    try:
        spec = SceneSpec(
            int(_number("seed", values.get("seed", "7"), whole=True)),
            _number("duration", values.get("duration", "60")),
            int(_number("people", values.get("people", "1"), whole=True)),
        )
    except ValueError as error:
        raise UsageError(f"{uri!r}: {error}") from error
    fps = _number("fps", values.get("fps", f"{FPS:g}"))
    if not 1 <= fps <= 120:
        raise _not_allowed("fps", values["fps"])
    return spec, fps, (width, height)


def parse_scenes(uri: str) -> list[SceneSpec]:
    """Return the scenes of `synthetic://seeds=20000-20159,0-39&people=1&duration=60`.

    Raises:
        UsageError: another scheme, key or value.
    """
    given = dict(parse_qsl(uri.removeprefix(SCHEME).lstrip("?"), keep_blank_values=True))
    if not uri.startswith(SCHEME) or "seeds" not in given or set(given) - {"seeds", "people", "duration"}:
        raise UsageError(f"scenes are written {_SCENES}, got {uri!r}")
    try:
        people, duration_s = int(given.get("people", 1)), float(given.get("duration", 60))
        seeds = [seed for part in given["seeds"].split(",") for seed in _seeds(part)]
        return [SceneSpec(seed, duration_s, people) for seed in seeds]
    except ValueError as error:
        raise UsageError(f"{uri!r}: {error}; write {_SCENES}") from None


def _seeds(text: str) -> range:
    found = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", text)
    if not found:
        raise ValueError(f"seeds are numbers or ranges, got {text!r}")
    seeds = range(int(found[1]), int(found[2] or found[1]) + 1)
    if not seeds:
        raise ValueError(f"no scene lies between seed {found[1]} and seed {found[2]}")
    return seeds


def _not_allowed(key: str, value: str) -> UsageError:
    return UsageError(f"{key}={value!r} is not allowed in a {SCHEME} URI; {key} is {_FORMS[key]}")


def _number(key: str, value: str, whole: bool = False) -> float:
    if not re.fullmatch(r"\d{1,19}" if whole else r"\d{1,9}(\.\d{1,9})?", value):
        raise _not_allowed(key, value)
    return int(value) if whole else float(value)


def _size(value: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", value)
    if not match or not all(16 <= int(side) <= 4096 for side in match.groups()):
        raise _not_allowed("size", value)
    return int(match[1]), int(match[2])
