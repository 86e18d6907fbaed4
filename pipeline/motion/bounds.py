"""What a displacement can be."""

import numpy as np

from pipeline.values import Float16Array, Float32Array


def bounded(field: Float32Array) -> Float16Array:
    """Return a field 2×h×w with no displacement longer, in x or y, than the field's longer side."""
    most = max(field.shape)
    return np.clip(field, -most, most).astype(np.float16)
