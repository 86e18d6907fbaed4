"""Who can be seen and when: inside the picture, not behind furniture or nearer people."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.body import Joint
from pipeline.synthetic.camera import VIEW_HEIGHT, VIEW_WIDTH, Camera, Floats
from pipeline.synthetic.script import Script
from pipeline.synthetic.truth import Stretch
from pipeline.synthetic.visit import Visit

GRID_HZ = 25.0
SHORTEST_S = 0.5
_WEIGHTS = np.ones(len(Joint))
_WEIGHTS[[Joint.CHEST, Joint.PELVIS, Joint.HEAD]] = 2.0
_WEIGHTS[[Joint.FACE, Joint.TOE_L, Joint.TOE_R]] = 0.0
_WEIGHTS /= _WEIGHTS.sum()
_BODY_M = 0.16


def seen_stretches(script: Script, camera: Camera, screens: Sequence[Floats], duration_s: float) -> list[list[Stretch]]:
    """Return for every visit the stretches during which at least half of the person is visible.

    `screens` are convex outlines (V × 2, view pixels) of what stands before everybody. Stretches and holes shorter
    than half a second do not count.
    """
    grid = np.arange(round(duration_s * GRID_HZ) + 1) / GRID_HZ
    spans = [_on_grid(visit, grid) for visit in script.visits]
    views = [_project(visit, camera, grid[low:high]) for visit, (low, high) in zip(script.visits, spans, strict=True)]
    out = []
    for index, (low, high) in enumerate(spans):
        points, depth = views[index]
        hidden = _outside(points) | _behind(points, screens)
        for other, (other_low, other_high) in enumerate(spans):
            start, end = max(low, other_low), min(high, other_high)
            if other != index and start < end:
                mine, theirs = slice(start - low, end - low), slice(start - other_low, end - other_low)
                cover = _covered(points[mine], depth[mine], views[other][0][theirs], views[other][1][theirs], camera)
                hidden[mine] |= cover
        share = ((~hidden) * _WEIGHTS).sum(axis=1)
        out.append(_stretches(share >= 0.5, grid[low:high]))
    return out


def point_visible(point: Floats, camera: Camera, screens: Sequence[Floats]) -> bool:
    """Tell whether a point (3) of the room is inside the picture and not behind a screen."""
    points, _ = camera.project(point[None, None])
    return not bool((_outside(points) | _behind(points, screens))[0, 0])


def _on_grid(visit: Visit, grid: Floats) -> tuple[int, int]:
    low, high = np.searchsorted(grid, [visit.start_s, visit.end_s])
    return int(low), int(high)


def _project(visit: Visit, camera: Camera, times: Floats) -> tuple[Floats, Floats]:
    return camera.project(visit.joints(times))


def _outside(points: Floats) -> NDArray[np.bool_]:
    u, v = points[..., 0], points[..., 1]
    out: NDArray[np.bool_] = (u < 0) | (u > VIEW_WIDTH) | (v < 0) | (v > VIEW_HEIGHT)
    return out


def _behind(points: Floats, screens: Sequence[Floats]) -> NDArray[np.bool_]:
    hidden = np.zeros(points.shape[:-1], dtype=np.bool_)
    for outline in screens:
        edges = np.roll(outline, -1, axis=0) - outline
        to = points[..., None, :] - outline
        cross = edges[:, 0] * to[..., 1] - edges[:, 1] * to[..., 0]
        hidden |= (cross >= 0).all(axis=-1) | (cross <= 0).all(axis=-1)
    return hidden


def _covered(points: Floats, depth: Floats, other: Floats, other_depth: Floats, camera: Camera) -> NDArray[np.bool_]:
    """Tell which joints lie behind the trunk and legs of a nearer person."""
    pelvis = other[:, Joint.PELVIS]
    feet = other[:, [Joint.ANKLE_L, Joint.ANKLE_R]].mean(axis=1)
    radius = camera.focal_px * _BODY_M / other_depth[:, Joint.PELVIS]
    near = (
        np.minimum(_distance(points, other[:, Joint.HEAD], pelvis), _distance(points, pelvis, feet)) < radius[:, None]
    )
    nearer = other_depth[:, Joint.PELVIS, None] < depth[:, Joint.PELVIS, None]
    out: NDArray[np.bool_] = near & nearer
    return out


def _distance(points: Floats, start: Floats, end: Floats) -> Floats:
    along = (end - start)[:, None]
    to = points - start[:, None]
    part = np.clip((to * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-9), 0, 1)
    distance: Floats = np.linalg.norm(to - part[..., None] * along, axis=-1)
    return distance


def _stretches(visible: NDArray[np.bool_], times: Floats) -> list[Stretch]:
    changes = np.flatnonzero(np.diff(np.concatenate([[False], visible, [False]]).astype(np.int8)))
    raw = [
        (float(times[a]), float(times[b - 1]) + 1 / GRID_HZ) for a, b in zip(changes[::2], changes[1::2], strict=True)
    ]
    closed: list[Stretch] = []
    for start, end in raw:
        if closed and start - closed[-1][1] < SHORTEST_S:
            closed[-1] = (closed[-1][0], end)
        else:
            closed.append((start, end))
    return [(start, end) for start, end in closed if end - start >= SHORTEST_S]
