"""RTSP cameras that show films for ever: camera.py FOLDER PORT serves FOLDER/NAME.mp4 as rtsp://HOST:PORT/NAME.

A film was encoded once and is passed through: its access units are sent again and again, at the pace they were filmed,
with time stamps that go on. Whoever connects sees what the clock says is on, from the key frame before: a camera that
was restarted has missed something, and two who look at one see the same.

Runs under the system's Python, which has GStreamer's bindings.
"""

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

_READ = (
    'filesrc location="{path}" ! qtdemux ! h264parse config-interval=-1 '
    "! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
)
_SHOW = "( appsrc name=film format=time max-buffers=8 ! rtph264pay name=pay0 pt=96 )"


@dataclass(frozen=True)
class Unit:
    """An access unit: one coded picture, its times in nanoseconds since the film began."""

    data: bytes
    pts: int
    dts: int
    key: bool


@dataclass(frozen=True)
class Film:
    """A film's access units in coding order, and how long it is (nanoseconds)."""

    units: tuple[Unit, ...]
    duration: int
    caps: Any

    @classmethod
    def read(cls, path: Path) -> "Film":
        """Read a whole film; raises ValueError for one without pictures."""
        pipeline = Gst.parse_launch(_READ.format(path=path))
        out = pipeline.get_by_name("out")
        pipeline.set_state(Gst.State.PLAYING)
        units, caps, end = [], None, 0
        while (sample := out.emit("pull-sample")) is not None:
            buffer, caps = sample.get_buffer(), sample.get_caps()
            data = buffer.extract_dup(0, buffer.get_size())
            units.append(Unit(data, buffer.pts, buffer.dts, not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)))
            end = max(end, buffer.pts + buffer.duration)
        pipeline.set_state(Gst.State.NULL)
        if not units:
            raise ValueError(f"{path} holds no H.264")
        first = min(unit.pts for unit in units)
        shifted = tuple(Unit(unit.data, unit.pts - first, unit.dts - first, unit.key) for unit in units)
        return cls(shifted, end - first, caps)

    def on_air(self, now: int) -> int:
        """Number of the key frame that somebody who begins to look at `now` (nanoseconds) is shown first."""
        keys = [number for number, unit in enumerate(self.units) if unit.key]
        return max((n for n in keys if self.units[n].pts <= now % self.duration), default=keys[0])


class Showing:
    """One connection's way through a film that has no end."""

    def __init__(self, film: Film, now: int) -> None:
        self._film = film
        self._next = film.on_air(now)
        self._past = -film.units[self._next].pts  # added to a film's times; grows by its duration with each round

    def buffer(self) -> Any:
        """The next access unit."""
        unit = self._film.units[self._next]
        buffer = Gst.Buffer.new_wrapped(unit.data)
        buffer.pts, buffer.dts = max(0, unit.pts + self._past), max(0, unit.dts + self._past)
        if not unit.key:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        self._next += 1
        if self._next == len(self._film.units):
            self._next, self._past = 0, self._past + self._film.duration
        return buffer


def factory(film: Film) -> Any:
    """What makes the media of one camera."""

    def configure(_factory: Any, media: Any) -> None:
        showing = Showing(film, time.time_ns())
        source = media.get_element().get_child_by_name("film")
        source.set_property("caps", film.caps)
        source.connect("need-data", lambda one, _length: one.emit("push-buffer", showing.buffer()))

    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(_SHOW)
    made.connect("media-configure", configure)
    return made


def main(folder: str, port: str) -> None:
    """Serve until told to stop."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("0.0.0.0")
    server.set_service(port)
    mounts = server.get_mount_points()
    for path in sorted(Path(folder).glob("*.mp4")):
        mounts.add_factory(f"/{path.stem}", factory(Film.read(path)))
        print(f"showing {path.name} as /{path.stem}", flush=True)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print(f"ready on port {port}", flush=True)
    loop = GLib.MainLoop()
    for one in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, one, loop.quit)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:3])
