"""The bench measures what it says: everybody sees the same clips, and the tools it measures with can be trusted."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from bench import film, live, memory, parts, pss, rivals
from bench.camera import Cameras, chunks_of
from bench.ours import inline
from bench.report import Findings, Proof, document
from bench.task import FPS, ClipDigest, Result, Task
from pipeline.models.card import DEFAULT_MODEL, resolve

SECONDS = 4
CLIPS = 2  # 20 frames are kept; a clip of 16, and one 4 later


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of moving noise, the size and rate of the bench's own film."""
    path = tmp_path_factory.mktemp("film") / "noise.mp4"
    tile = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "35"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(SECONDS * FPS):
            frame = av.VideoFrame.from_ndarray(np.roll(tile, 4 * number, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def task(noise: Path, tmp_path: Path) -> Task:
    return Task("test", (str(noise),), str(noise), str(resolve(DEFAULT_MODEL)), str(tmp_path), prove=True)


def test_longtake_and_its_rivals_see_the_same_clips_and_agree(task: Task) -> None:
    alone, ours, tuned, plain = parts.decode(task), inline(task), rivals.tuned(task), rivals.plain(task)

    assert {(one.frames, one.clips) for one in (alone, ours, tuned, plain)} == {(SECONDS * FPS, CLIPS)}
    assert alone.digest == ours.digest == tuned.digest != plain.digest
    assert np.shape(ours.probs) == np.shape(tuned.probs) == np.shape(plain.probs)
    np.testing.assert_allclose(ours.probs, tuned.probs, atol=1 / 255)
    assert all(0 < one.fps < 1e6 for one in (alone, ours, tuned, plain))


def test_a_digest_tells_clips_apart_but_not_their_order() -> None:
    clips = [np.full((2, 8, 8, 3), value, np.uint8) for value in (1, 2, 3)]

    def digest(chosen: list[int]) -> str:
        answer = ClipDigest()
        for index in chosen:
            answer.add(clips[index])
        return answer.hexdigest()

    assert digest([0, 1, 2]) == digest([2, 0, 1])
    assert digest([0, 1, 2]) != digest([0, 1, 1])
    assert digest([0, 1]) != digest([0, 1, 2])


def test_a_looped_film_has_all_frames_and_time_goes_on(noise: Path) -> None:
    with av.open(str(film.looped(noise, 3))) as container:
        times = [frame.time for frame in container.decode(video=0)]

    assert len(times) == 3 * SECONDS * FPS
    np.testing.assert_allclose(np.diff(times), 1 / FPS, atol=1e-3)


def test_a_film_that_does_not_end_with_a_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        film.make(10)


def test_a_camera_sends_in_real_time_what_the_film_holds(noise: Path) -> None:
    with Cameras(chunks_of(noise, 2.0)) as cameras, av.open(cameras.url(0)) as container:
        frames = sum(1 for _ in container.decode(video=0))
        took_s = time.time() - cameras.began_s[0]

    assert frames == 2 * FPS
    assert took_s > 1.8


@pytest.mark.parametrize("capacity", [0, 1, 7, 20, 63, 64])
@pytest.mark.parametrize("guess", [1, 20, 500])
def test_the_search_finds_how_many_cameras_hold(capacity: int, guess: int) -> None:
    tries = live.most(lambda n: live.Try(n, 0.1 if n <= capacity else 5.0, 0.0), guess, limit=64)

    assert capacity - capacity // 20 <= live.best(tries) <= capacity
    assert len({one.streams for one in tries}) == len(tries) <= 25
    assert all(1 <= one.streams <= 64 for one in tries)


def test_a_try_with_lag_or_drops_does_not_hold() -> None:
    assert live.Try(3, 0.5, 0.0).holds
    assert not live.Try(3, 0.9, 0.0).holds
    assert not live.Try(3, 0.5, 0.8).holds
    assert not live.Try(3, math.inf, 0.0, "broke").holds


def test_memory_counts_children_and_whoever_works_in_the_folder(tmp_path: Path) -> None:
    script = "import sys; block = bytearray(b'x' * 50_000_000); print('ready', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        child = pss.measure(os.getpid(), "/nowhere").mib
        guest = pss.measure(2**22 + 1, str(tmp_path)).mib
        process.communicate("")

    assert guest > 48
    assert child > guest


@pytest.mark.parametrize(("slope", "grows"), [(0.0, False), (1.0, True)])
def test_growth_is_seen_after_warm_up_only(slope: float, grows: bool) -> None:
    samples = [pss.Sample(float(t), {"a": 100.0 * min(t, 20) / 20, "b": 100 + slope * t}) for t in range(100)]

    found = memory.growth(samples)

    assert (found["growth"] > memory.LIMIT) is grows
    assert found["programs"]["a"] == [100.0, 100.0]
    assert found["slope_mib_per_minute"] == pytest.approx(60 * slope, abs=1e-6)


def test_the_document_holds_every_promised_figure(noise: Path) -> None:
    rounds = {
        "decode": [Result(1000, 50, 0.0, 1.0)],
        "model": [Result(3000, 150, 0.0, 1.0)],
        "overhead_ray": [Result(10, 2, 0.0, 1.0, extra={"overhead_ms": 5.0})],
    }
    proofs = {"inline": Proof("a", 2, [[0.5]]), "tuned": Proof("a", 2, [[0.25]])}
    found = document(Findings(noise, resolve(DEFAULT_MODEL), proofs, rounds))

    rates = ("inline", "ray", "decode", "model", "limit", "plain", "tuned", "process")
    assert {*(f"{rate}_fps" for rate in rates), "overhead_inline_ms", "overhead_ray_ms", "live_streams"} <= set(found)
    assert (found["limit_fps"], found["overhead_ray_ms"], found["inline_fps"]) == (pytest.approx(750), 5.0, None)
    assert found["difference"] == {"tuned": 0.25}
    json.dumps(found, allow_nan=False)


def test_other_pixels_are_noticed(noise: Path) -> None:
    def same(**digests: str) -> bool:
        proofs = {name: Proof(digest, 1, []) for name, digest in digests.items()}
        return Findings(noise, noise, proofs).same_clips()

    assert same(inline="a", tuned="a", plain="b")
    assert not same(inline="a", tuned="b")


@pytest.mark.slow
def test_the_command_runs_end_to_end(tmp_path: Path) -> None:
    environment = os.environ | {"LONGTAKE_BENCH_CACHE": str(tmp_path)}
    command = [sys.executable, "-m", "bench", "--seconds", "4", "--rounds", "1", "--only", "inline,plain,overhead_ray"]
    command += ["--output", str(tmp_path / "latest.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)

    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "latest.json").read_text())
    assert written["inline_fps"] > 0 and written["plain_fps"] > 0 and written["overhead_ray_ms"] is not None
    assert written["clips"]["decode"] == written["clips"]["inline"]
