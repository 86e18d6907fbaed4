"""Fifty streams are added to a served fleet and removed again, and ten that run all the time lose no clip.

`longtake serve` is a process of its own, commands are the command line's. Five of the ten are live (MPEG-TS over HTTP),
five are films at the pace they were filmed, with the policy of live streams: both would drop a clip that found its
queue full. The model is tiny and the pictures are small, so that what is tried is the machinery; clips come as often as
with the default model. It needs a machine that does little else: one that is too slow drops clips, as it should.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.camera import Cameras, chunks_of
from longtake.cli import app
from pipeline.values import ClipSpec, Scores
from tests.chaos.counters import scrape
from tests.chaos.parts import Served, Server, free_port, until
from tests.fleet.films import cheap
from tests.models.micro import make_model_dir, micro_card

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILM_S, FPS, COMING = 900, 10, 50
FILMS = [f"film-{number}" for number in range(5)]
CAMERAS = [f"camera-{number}" for number in range(5)]
STAYING = [*CAMERAS, *FILMS]
CLIP = ClipSpec(frames=16, height=16, width=16, fps=5.0, stride=4)
START_S = 180.0
LATE_S = 3.0  # answers are seen when their clip is full and their commit is written


@dataclass(frozen=True, slots=True)
class Fleet:
    """A served fleet, the film everybody watches, and where its metrics are."""

    served: Served
    film: Path
    store: str
    metrics: str

    def call(self, *words: str) -> None:
        """Call `longtake streams` and see it succeed."""
        result = CliRunner().invoke(app, ["streams", *words, "--store", self.store])
        assert result.exit_code == 0, (words, result.output, result.exception)

    def until_s(self) -> dict[str, float]:
        """How far every stream is answered."""
        return {name: info.until_s for name, info in self.served.infos().items()}

    def answered(self, streams: list[str]) -> bool:
        """Everybody has answers."""
        until_s = self.until_s()
        return all(until_s.get(stream, 0.0) for stream in streams)

    def counted(self, name: str, stream: str) -> float:
        """A stream's counter, over all other labels."""
        found = scrape(self.metrics).items()
        return sum(value for (series, labels), value in found if series == name and labels[-1] == stream)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    film, port = cheap(tmp_path / "film.mp4", FILM_S, FPS), free_port()
    model, server = make_model_dir(tmp_path / "model", card=micro_card(CLIP)), Server(tmp_path / "redis")
    with Cameras(chunks_of(film, FILM_S)) as cameras:
        streams: dict[str, dict[str, object]] = {
            name: {"uri": cameras.url(number)} for number, name in enumerate(CAMERAS)
        }
        streams |= {name: {"uri": str(film), "realtime": True, "policy": "drop_oldest"} for name in FILMS}
        options = ("--model", str(model), "--metrics-port", str(port))
        served = Served(tmp_path, {"streams": streams}, server.url, *options)
        fleet = Fleet(served, film, server.url, f"http://127.0.0.1:{port}/metrics")
        try:
            assert until(lambda: fleet.answered(STAYING) or served.over(), START_S), f"{served.infos()} {served.said()}"
            assert not served.over(), served.said()
            yield fleet
            assert served.stop(), served.said()
        finally:
            served.close()
            server.kill()


def test_ten_streams_lose_no_clip_while_fifty_are_added_and_removed(fleet: Fleet) -> None:
    began_s, before = time.time(), fleet.until_s()
    coming = [f"a-{number:02d}" for number in range(COMING)]  # before the ten in every order by name
    for name in coming:
        fleet.call("add", name, str(fleet.film), "--realtime")
    assert until(lambda: fleet.answered(coming), 180), f"not everybody came: {fleet.served.board.view()}"
    for name in coming:
        fleet.call("rm", name)
    assert set(fleet.until_s()) == set(STAYING)
    assert set(fleet.served.board.held()) == set(STAYING)

    def late() -> dict[str, float]:
        passed_s, now = time.time() - began_s, fleet.until_s()
        return {name: passed_s - (now[name] - before[name]) for name in STAYING}

    assert until(lambda: max(late().values()) < LATE_S, 30), f"they do not catch up: {late()}"
    for name in STAYING:
        assert not fleet.served.store.timeline(name).gaps, name
        assert no_step_is_missing(fleet.served.store.scores(name)), name
        assert fleet.counted("longtake_frames_dropped_total", name) == 0
        assert fleet.counted("longtake_gap_seconds_total", name) == 0

    assert fleet.served.let_go(STAYING, 30)
    for name, answers in fleet.served.answered(CAMERAS).items():
        assert fleet.counted("longtake_clips_total", name) == answers, f"{name}: a clip without an answer"


def no_step_is_missing(scores: list[Scores]) -> bool:
    steps = [(one.epoch, one.step) for one in scores]
    times = [abs(after.start_s - before.end_s) < 1e-6 for before, after in itertools.pairwise(scores)]
    return steps == [(0, number) for number in range(len(steps))] and all(times)
