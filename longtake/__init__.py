"""longtake: action timelines from video streams.

    import longtake

    with longtake.open() as store:
        for segment in store.timeline("cam1", label="fall").segments:
            print(segment.start, segment.score)

Everything else in this package belongs to the commands.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtake.client import Change, Live, Store, Timeline, open
    from pipeline.errors import LongtakeError, StoreError, UsageError
    from pipeline.timeline.records import StreamInfo
    from pipeline.values import Gap, Segment

__version__ = version("longtake")

_HOMES = {
    **dict.fromkeys(("Change", "Live", "Store", "Timeline", "open"), "longtake.client"),
    **dict.fromkeys(("LongtakeError", "StoreError", "UsageError"), "pipeline.errors"),
    **dict.fromkeys(("Gap", "Segment"), "pipeline.values"),
    "StreamInfo": "pipeline.timeline.records",
}
"""Where each public name comes from; loaded when it is asked for, so that `import longtake` takes no time."""

__all__ = [
    "Change",
    "Gap",
    "Live",
    "LongtakeError",
    "Segment",
    "Store",
    "StoreError",
    "StreamInfo",
    "Timeline",
    "UsageError",
    "__version__",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
