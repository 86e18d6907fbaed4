"""The decoder border: the frames of one URI, decoded in this process or in one of their own."""

from pipeline.frames.door import opened
from pipeline.frames.order import Opened, Order

__all__ = ["Opened", "Order", "opened"]
