"""What somebody wants of one stream: the desired state, as it is kept in Redis."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import unquote, urlsplit

from pipeline.errors import StoreVersion, UsageError
from pipeline.lane_queue import DropPolicy
from pipeline.source.names import check_name, expand, scheme_of

VERSION = 1
Kind: TypeAlias = Literal["file", "device", "rtsp", "rtsps", "http", "https", "synthetic"]
"""What an operator may allow: `file` is a path, `device` one below /dev, the rest are schemes of URIs."""
KINDS: tuple[Kind, ...] = get_args(Kind)

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Wish:
    """One stream somebody wants watched.

    Attributes:
        stream: its name.
        uri: where its video is; `${NAME}` stands for a variable of the environment of whoever opens it.
        policy: what happens to clips the model is too slow for; None is the default of the source.
        model: registered name or directory; "" is the default of the server.
        fps: frames a second to sample, where not as the model says.
        start_time_s: timeline seconds of a recording's first frame.
        paused: it shall not be watched for now.
        realtime: a recording is read no faster than it was filmed.
        generation: number of this version of the wish; a run of another one is to be replaced. The board counts.
    """

    stream: str
    uri: str = field(repr=False)
    policy: DropPolicy | None = None
    model: str = ""
    fps: float | None = None
    start_time_s: float = 0.0
    paused: bool = False
    realtime: bool = False
    generation: int = 0

    def __post_init__(self) -> None:
        check_name(self.stream)
        if not self.uri:
            raise UsageError(f"stream {self.stream!r} has no URI")
        if self.policy is not None and self.policy not in get_args(DropPolicy):
            raise UsageError(f"unknown policy {self.policy!r}; choose one of {', '.join(get_args(DropPolicy))}")
        if self.fps is not None and not 0 < self.fps <= 240:
            raise UsageError(f"frames are sampled 0 to 240 times a second, got {self.fps:g}")
        if not math.isfinite(self.start_time_s):
            raise UsageError(f"a start time is a number of seconds, got {self.start_time_s}")

    def resolved_uri(self, environ: Mapping[str, str]) -> str:
        """Return the URI with every `${NAME}` replaced.

        Raises:
            UsageError: variables are missing; the message names all of them.
        """
        if missing := missing_variables(self.uri, environ):
            names = ", ".join(missing)
            raise UsageError(f"the URI of stream {self.stream!r} needs {names} in the environment of who opens it")
        return _REFERENCE.sub(lambda found: environ[found[1]], self.uri)

    def differs_in_model_only(self, other: "Wish") -> bool:
        """Both want the same of different models."""
        return self.model != other.model and self.same_wish(replace(other, model=self.model))

    def same_wish(self, other: "Wish") -> bool:
        """Both want the same, whatever their generations and whether they are paused."""
        return _content(self) == _content(other)


def references(uri: str) -> list[str]:
    """Return the variables `uri` refers to, in their order."""
    return list(dict.fromkeys(_REFERENCE.findall(uri)))


def missing_variables(uri: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables `uri` refers to that are not set, in their order."""
    return [name for name in references(uri) if name not in environ]


def kind_of(uri: str) -> str | None:
    """Return which of `KINDS` a URI is; None where only the environment can tell, because it begins with `${…}`."""
    if scheme := scheme_of(uri):
        return scheme
    if uri.startswith("${"):
        return None
    return "device" if uri.startswith("/dev/") else "file"


def check_kind(uri: str, allowed: Sequence[str]) -> None:
    """Refuse a source that the operator does not allow, or that nobody can read.

    Raises:
        UsageError: with the choices.
    """
    kind = kind_of(uri)
    if kind is None:
        return
    if kind not in KINDS:
        expand(uri)  # says what can be read
    if kind not in allowed:
        raise UsageError(f"{kind}:// is not allowed here (serve.allowed_schemes); allowed are {', '.join(allowed)}")


def absolute(uri: str) -> str:
    """Return a path, or a `file://` URI, as the absolute path it stands for; any other URI as it is.

    Raises:
        UsageError: a scheme that cannot be read, a URI without a host, what can be no path, or a directory.
    """
    if uri.lower().startswith("file://"):
        uri = _path_of(uri)
    elif scheme_of(uri) is not None:
        return expand(uri)[0]
    if not uri or uri.startswith("${"):
        return uri
    try:
        path = Path(uri).expanduser().absolute()
        directory = path.is_dir()
    except (RuntimeError, OSError) as error:  # the home of nobody, or a name that is too long
        raise UsageError(f"{uri[:100]!r} cannot be a file here: {getattr(error, 'strerror', None) or error}") from None
    if directory:
        raise UsageError(f"{str(path)!r} is a directory; a stream is one video, add them one by one")
    return str(path)


def _path_of(uri: str) -> str:
    try:
        return unquote(urlsplit(uri).path)
    except ValueError:  # as of `file://[`
        raise UsageError(f"{uri!r} is no path; write file:///PATH") from None


def to_json(wish: Wish) -> str:
    """Return what the board keeps: everything but the generation."""
    return json.dumps({"version": VERSION, **_content(wish), "paused": wish.paused})


def from_json(text: str | bytes, generation: int) -> Wish:
    """Return the wish that `to_json` wrote.

    Raises:
        StoreVersion: it was written by another longtake.
    """
    document: dict[str, Any] = json.loads(text)
    if document.pop("version", None) != VERSION:
        raise StoreVersion("a wish in the store was written by another version of longtake; add the stream again")
    return Wish(**document, generation=generation)


def _content(wish: Wish) -> dict[str, Any]:
    fields = asdict(wish)
    del fields["generation"], fields["paused"]
    return fields
