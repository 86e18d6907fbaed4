"""Our own seeded scene of articulated people seen by a fixed camera, with exact ground truth.

Everything follows from a `SceneSpec`; equal specs give equal bytes. Seeds 0…9,999 are held-out, 10,000…19,999 are for
validation, all others are for training (`split_of`): backgrounds, clothes, gaits and camera angles of one split never
appear in another.

    spec = SceneSpec(seed=7, duration_s=60.0, people=1)
    scene = Scene(spec)                            # plans everything; ~0.05 s
    scene.render(12.4, 112, 112)                   # H × W × 3 uint8 RGB at scene second 12.4; the 4:3 view is stretched
    scene.truth.intervals                          # tuple of Interval(start_s, end_s, label), by start
    scene.truth.active(12.4)                       # {"walk", "abandoned_bag"}
    scene.labels(times_s)                          # N × 8 bool over ACTIONS
    scene.labels(times_s, SITUATIONS)              # N × 3 bool
    scene.truth.timeline("cam1")                   # the JSON object of `longtake timeline --format json`

    spec, fps, (width, height) = parse_uri("synthetic://seed=7&duration=60&people=1&fps=25&size=640x480")
    for frame in frames(spec, fps, start_at_s=0.0): ...     # DecodedFrame; pixels are rendered only when asked for
    write_video(Path("out.mp4"), spec, fps, (640, 480))      # H.264, and out.json with the timeline

Rendering for training: any `t_s` may be asked for in any order; a 16-frame clip at 5 fps is 16 calls of `render`. The
first call of a size prepares the background (~0.2 s a scene), so take several clips from each seed.
"""

from pipeline.synthetic.draw import HELDOUT_SEEDS, VALIDATION_SEEDS, split_of
from pipeline.synthetic.film import ScenePicture, frame_count, frames, write_video
from pipeline.synthetic.scene import Scene
from pipeline.synthetic.spec import FPS, SIZE, SceneSpec, parse_scenes, parse_uri
from pipeline.synthetic.truth import ACTIONS, SITUATIONS, Interval, Truth

__all__ = [
    "ACTIONS",
    "FPS",
    "HELDOUT_SEEDS",
    "SITUATIONS",
    "SIZE",
    "VALIDATION_SEEDS",
    "Interval",
    "Scene",
    "ScenePicture",
    "SceneSpec",
    "Truth",
    "frame_count",
    "frames",
    "parse_scenes",
    "parse_uri",
    "split_of",
    "write_video",
]
