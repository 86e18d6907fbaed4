"""What an encoder noted while it coded a video: no search of our own, but as coarse and as wrong as saved it bits."""

from pipeline.values import Float16Array, MotionSpec, Picture


class Vectors:
    """Motion vectors of the coded video."""

    def __init__(self, spec: MotionSpec) -> None:
        self._spec = spec

    def seen(self, picture: Picture) -> Float16Array:
        """Return the picture's vectors 2×h×w: its motion since the frame before."""
        return picture.vectors(*self._spec.looked_at)

    def between(self, before: Float16Array, after: Float16Array) -> Float16Array:
        """Return what the later picture noted."""
        return after
