"""longtake: action timelines from video streams."""

from importlib.metadata import version

__version__ = version("longtake")
