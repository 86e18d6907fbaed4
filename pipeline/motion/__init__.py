"""Motion between two pictures: displacement fields by several methods."""

from pipeline.motion.methods import Method, method_of

__all__ = ["Method", "method_of"]
