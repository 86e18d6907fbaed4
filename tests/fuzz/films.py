"""Small valid videos to begin with: every container and codec that cameras and recorders use, filmed on the spot."""

import os
from pathlib import Path

from tests.decode.films import film, steady

FAST = {"preset": "ultrafast"}
KINDS: dict[str, dict] = {
    "h264.mp4": {"codec": "libx264", "options": FAST},
    "h264-front.mp4": {"codec": "libx264", "options": FAST, "container_options": {"movflags": "faststart"}},
    "h264-parts.mp4": {"codec": "libx264", "container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "h264.mkv": {"codec": "libx264", "options": FAST | {"g": "5"}},
    "h264.ts": {"codec": "libx264", "options": FAST | {"g": "5"}},
    "h264.flv": {"codec": "libx264", "options": FAST, "ticks": 1000},
    "hevc.mp4": {"codec": "libx265", "options": FAST | {"x265-params": "log-level=none:pools=1"}},
    "hevc.ts": {"codec": "libx265", "options": FAST | {"x265-params": "log-level=none:pools=1"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}, "ticks": 1000},
    "vp8.webm": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}, "ticks": 1000},
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12"}, "ticks": 1000},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "options": {"bf": "0"}, "ticks": 25},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "0"}, "ticks": 25},
    "mpeg4.mp4": {"codec": "mpeg4", "ticks": 1000},
    "mpeg2.mpg": {"codec": "mpeg2video", "ticks": 25},
}


def valid(folder: Path, frames: int = 30) -> dict[str, bytes]:
    """Film one of each kind; what the files hold, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        return {
            name: film(folder / name, steady(frames), size=(64, 96), **how).read_bytes() for name, how in KINDS.items()
        }
    finally:  # SVT-AV1 makes root's process a real-time one, and everything it starts from then on would stop the rest
        os.sched_setscheduler(0, policy, priority)
