"""The decoder border: the same clips and gaps with the decoder in a process of its own, whatever happens to that."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.clip import ClipCutter, StartPoint
from pipeline.clock import SystemClock
from pipeline.decode import DecodeStats
from pipeline.errors import SourceCrashed, SourceError, SourceUnreadable
from pipeline.frames import Order, opened
from pipeline.frames.apart import Apart
from pipeline.hooks import Hooks
from pipeline.live import LiveSettings
from pipeline.reader import Reader, ReadSettings
from pipeline.source import SourceSettings
from pipeline.values import Checkpoint, Clip, ClipSpec, Gap, GapReason
from tests.decode.films import film, steady
from tests.live.ts_camera import Manner, camera

SPEC = ClipSpec(frames=4, height=16, width=16, fps=5.0, stride=4)
BEGINNING = Checkpoint(
    "film", 0, -1, 0.0, -1, 0.0, bytes(16), 0.0, 0.0, np.empty(0, np.float32), b"", None, "none", "none", "film"
)
PATIENCE_S = 300.0  # a busy machine is no fault
APART = SourceSettings(isolated=True, silence_s=PATIENCE_S)
QUICK = {"options": {"preset": "ultrafast"}}


def order(path: Path | str, settings: SourceSettings = APART, **fields) -> Order:
    return Order(str(path), settings, SPEC.height, SPEC.width, **fields)


def seen(items: list[Clip | Gap]) -> list[tuple]:
    """Everything of clips and gaps, pixels too."""
    return [(repr(one), one.frames.tobytes() if isinstance(one, Clip) else b"") for one in items]


def read(path: Path, isolated: bool, checkpoint: Checkpoint = BEGINNING) -> tuple[list[tuple], str, DecodeStats]:
    """Clips and gaps, the error in the end, and what was counted."""
    settings = ReadSettings(SourceSettings(isolated=isolated, silence_s=PATIENCE_S))
    reader = Reader("film", str(path), SPEC, settings, Hooks(), SystemClock())
    items, error = [], ""
    try:
        for item in reader.read(checkpoint, threading.Event()):
            items.append(item)
    except SourceError as fault:
        error = f"{type(fault).__name__}: {fault}"
    reader.stats.stamps = DecodeStats().stamps
    return seen(items), error, reader.stats


def sound(path: Path) -> Path:
    return film(path / "film.mp4", steady(60), **QUICK)


def turned(path: Path) -> Path:
    return film(path / "film.mp4", steady(30), rotation=90, **QUICK)


def holed(path: Path) -> Path:
    return film(path / "film.mkv", steady(25) + steady(25, start_s=9.0), **QUICK)


def uneven(path: Path) -> Path:
    return film(path / "film.mkv", [0.0, 0.04, 0.5, 0.52, 1.4, 1.41, 1.9, 3.0], **QUICK)


def damaged(path: Path) -> Path:
    content = bytearray(film(path / "film.ts", steady(100)).read_bytes())
    for place in range(len(content) // 4, len(content) * 3 // 4, 997):
        content[place] ^= 0x55
    (path / "film.ts").write_bytes(content)
    return path / "film.ts"


def cut_short(path: Path) -> Path:
    whole = film(path / "film.mp4", steady(200), container_options={"movflags": "faststart"}).read_bytes()
    (path / "film.mp4").write_bytes(whole[: len(whole) // 2])
    return path / "film.mp4"


def no_video(path: Path) -> Path:
    (path / "film.mp4").write_text("not a film")
    return path / "film.mp4"


def not_there(path: Path) -> Path:
    return path / "none.mp4"


FILMS = (sound, turned, holed, uneven, damaged, cut_short, no_video, not_there)


@pytest.mark.parametrize("make", FILMS)
def test_clips_gaps_errors_and_counts_are_the_same_apart(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    here, apart = read(path, isolated=False), read(path, isolated=True)
    assert apart == here
    assert here[0] or here[1]


def test_a_resumed_reading_is_sought_and_verified_apart_as_here(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", steady(250), **QUICK)
    with opened(order(path), DecodeStats(), SystemClock()) as source:
        cutter = ClipCutter("film", SPEC)
        clips = [item for frame in source.frames for item in cutter.push(frame) if isinstance(item, Clip)]
    last = clips[8]
    checkpoint = Checkpoint(
        "film", 0, last.step, 0.0, last.ordinal, last.pts_s, last.digest, last.end_s, last.end_s, *_NOTHING
    )
    assert StartPoint.after(checkpoint).media_s(SPEC)
    here, apart = (read(path, isolated, checkpoint) for isolated in (False, True))
    assert apart == here and not apart[1]
    assert apart[0][:2] == seen(clips[9:11])
    assert apart[2].frames_decoded < 250


_NOTHING = (np.empty(0, np.float32), b"", None, "none", "none", "film")


def test_a_camera_s_frames_are_the_same_apart(tmp_path: Path) -> None:
    path = film(tmp_path / "film.ts", steady(25), options={"bf": "0", "tune": "zerolatency", "preset": "ultrafast"})
    told = []
    for isolated in (False, True):
        with camera(path, Manner(most=25, pace=5.0)) as uri:
            asked = order(uri, SourceSettings(isolated=isolated, silence_s=PATIENCE_S), epoch=3, watchdog_s=5.0)
            with opened(asked, DecodeStats(), SystemClock()) as source:
                assert source.live
                frames = islice(source.frames, 25)  # how the camera's hanging up looks is up to chance
                told.append([(f.epoch, f.pts_s, f.wall_s, f.picture.rgb(16, 16).tobytes()) for f in frames])
    assert told[0] == told[1]
    assert len(told[0]) == 25 and told[0][0][0] == 3


def test_the_last_good_picture_can_be_had_after_the_source_was_closed(tmp_path: Path) -> None:
    path = sound(tmp_path)
    with opened(order(path), DecodeStats(), SystemClock()) as source:
        frames = [next(source.frames) for _ in range(7)]
    with opened(order(path, SourceSettings()), DecodeStats(), SystemClock()) as source:
        expected = [next(source.frames) for _ in range(7)][-1].picture.rgb(16, 16)
    assert frames[-1].picture.rgb(16, 16).tobytes() == expected.tobytes()


def gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def until(what: Callable[[], bool], limit_s: float = 60.0) -> bool:
    end_s = time.monotonic() + limit_s
    while not (held := what()) and time.monotonic() < end_s:
        time.sleep(0.02)
    return held


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
def test_a_decoder_that_dies_is_an_error_of_its_source(how: signal.Signals, tmp_path: Path) -> None:
    apart = Apart(order(film(tmp_path / "film.mp4", steady(400), **QUICK)), DecodeStats())
    frames = apart.open().frames
    taken = [next(frames)]
    os.kill(apart.pid, how)
    with pytest.raises(SourceCrashed, match=rf"film.mp4 died \({how.name}\)"):
        taken += frames
    with pytest.raises(SourceCrashed, match="lost with the process"):
        taken[-1].picture.rgb(16, 16)
    apart.close()
    assert gone(apart.pid)


def test_a_camera_whose_decoder_dies_is_connected_again_after_a_gap(tmp_path: Path) -> None:
    path = film(tmp_path / "film.ts", steady(50), options={"bf": "0", "tune": "zerolatency", "preset": "ultrafast"})
    stop, items, reasons = threading.Event(), [], []

    class Heard(Hooks):
        def disconnected(self, stream: str, reason: GapReason, error: str) -> None:
            reasons.append((reason, error))

    live = LiveSettings(retry_s=0.5, retry_cap_s=0.5)
    with camera(path, Manner()) as uri:
        reader = Reader("cam", uri, SPEC, ReadSettings(APART, live, forever=True), Heard(), SystemClock())
        for item in reader.read(BEGINNING, stop):
            items.append(item)
            clips = [one for one in items if isinstance(one, Clip)]
            if len(clips) == 2 and not reasons:
                os.kill(only_child(), signal.SIGSEGV)
            if any(clip.epoch == 1 for clip in clips):
                stop.set()
    assert reasons[0][0] == GapReason.CAMERA_DOWN and "died (SIGSEGV)" in reasons[0][1]
    assert GapReason.CAMERA_DOWN in {one.reason for one in items if isinstance(one, Gap)}
    spans = [(one.start_s, one.end_s) if isinstance(one, Clip) else (one.start, one.end) for one in items]
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def children() -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "pipeline.frames.child" in line]


def only_child() -> int:
    (pid,) = children()
    return pid


def test_what_is_closed_leaves_no_process_behind(tmp_path: Path) -> None:
    with opened(order(sound(tmp_path)), DecodeStats(), SystemClock()) as source:
        next(source.frames)
        assert len(children()) == 1
    assert children() == []


def test_neither_arguments_nor_environment_of_the_decoder_hold_a_secret(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    path = film(tmp_path / "hunter2.mp4", steady(5), **QUICK)
    with opened(order(path), DecodeStats(), SystemClock()) as source:
        next(source.frames)
        process = Path(f"/proc/{only_child()}")
        # it may not be traced, so only root reads its environment here
        shown = process.joinpath("cmdline").read_bytes()
        if os.geteuid() == 0:
            shown += process.joinpath("environ").read_bytes()
    assert b"pipeline.frames.child" in shown and b"hunter2" not in shown


def test_a_decoder_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    script = (
        "import sys; from pipeline.decode import DecodeStats; from pipeline.frames.apart import Apart;"
        "from tests.decode.test_border import order;"
        "apart = Apart(order(sys.argv[1]), DecodeStats()); next(apart.open().frames);"
        "print(apart.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(sound(tmp_path))]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    pid = int(reader.stdout.readline())
    assert not gone(pid)
    os.kill(pid, signal.SIGSTOP)  # it cannot notice by itself
    reader.kill()
    reader.communicate()
    assert until(lambda: gone(pid))


def test_a_film_that_takes_more_memory_than_allowed_is_unreadable(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", steady(4), codec="mpeg4", ticks=1000, size=(4096, 4096))
    small = APART.model_copy(update={"memory_bytes": 2**26})
    with (
        pytest.raises(SourceUnreadable, match="more memory"),
        opened(order(path, small), DecodeStats(), SystemClock()) as source,
    ):
        list(source.frames)


@pytest.mark.parametrize("isolated", [False, True])
def test_a_picture_tells_its_shape_as_it_stands_upright(isolated: bool, tmp_path: Path) -> None:
    settings = SourceSettings(isolated=isolated, silence_s=PATIENCE_S)
    for make in (sound, turned):
        with opened(order(make(tmp_path), settings), DecodeStats(), SystemClock()) as source:
            height, width = next(iter(source.frames)).picture.shape
        assert (height < width) is (make is sound)
