"""A small campaign as a test, and mutated videos in a real host beside a sound one."""

import threading
from pathlib import Path

import numpy as np
import pytest

from actors.hosting import Host
from pipeline.clock import SystemClock
from pipeline.control.board import Board
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from pipeline.flow import FlowSettings, Job, Report, Serving, StreamRun
from pipeline.hooks import Hooks
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.timeline.document import to_json
from pipeline.timeline.store import TimelineStore
from tests.decode.films import film, steady
from tests.fuzz.campaign import Campaign
from tests.fuzz.films import valid
from tests.fuzz.mutations import MUTATIONS, mutant
from tests.fuzz.reading import settings
from tests.fuzz.report import failures
from tests.models.micro import micro_card
from tests.test_lane import done


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return valid(tmp_path_factory.mktemp("valid"))


def test_a_mutant_is_the_same_again_and_no_mutation_is_left_out(films: dict[str, bytes]) -> None:
    once, again = ([mutant(3, number, films) for number in range(len(MUTATIONS))] for _ in range(2))
    assert once == again
    assert {one.mutations[0] for one in once} == {one.__name__ for one in MUTATIONS}
    assert all(one.content != films[one.film] for one in once if one.mutations[0] == "noise")


@pytest.mark.timeout(600)
def test_sixty_mutated_videos_give_answers_or_our_errors_and_the_same_apart_as_here(
    films: dict[str, bytes], tmp_path: Path
) -> None:
    cases = list(Campaign(films, tmp_path, seed=9).run(range(60), jobs=2, over=lambda: False))
    assert failures(cases, 60) == []
    assert {"decoded", "SourceUnreadable"} <= {case.apart.ending for case in cases}
    assert list(tmp_path.iterdir()) == []


class Pool:
    """Scores `walk` high for ten steps, low for ten, a little after the pixels; its memory counts the steps."""

    def encode(self, clips):
        return [done(np.array([clip[-1, 0, 0, 0] / 255], np.float32)) for clip in clips]

    def remember(self, request):
        begun = 0.0 if request.state is None else float(request.state[0])
        steps = begun + np.arange(len(request.features))
        scores = np.zeros((len(steps), 4), np.float32)
        scores[:, 0] = 0.8 * (steps // 10 % 2 == 0) + 0.1 * request.features[:, 0]
        return done(Remembered(scores, np.array([begun + len(steps)], np.float32)))

    def infer(self, clip, gap_s, state):
        features = self.encode([clip])[0].result()
        return self.remember(RememberRequest(features[None], np.array([gap_s], np.float32), state))


class Work:
    """What a host runs: real streams."""

    def __init__(self, store: TimelineStore, isolated: bool) -> None:
        self._store = store
        self._isolated = isolated
        self.reports: dict[str, Report] = {}
        self.ended = threading.Condition()

    def run_of(self, wish: Wish) -> StreamRun:
        flow = FlowSettings(source=settings(self._isolated))
        work = self

        class Told(StreamRun):
            def run(self) -> Report:
                report = Report(wish.stream, "running", error="it never came back")
                try:
                    report = super().run()
                finally:
                    with work.ended:
                        work.reports[wish.stream] = report
                        work.ended.notify_all()
                return report

        serving = Serving(micro_card(), Pool(), "none")
        return Told(Job(wish.stream, wish.uri), serving, self._store, flow, Hooks(), SystemClock())

    def swap(self, run, wish) -> bool:
        return False

    def wait(self, streams: int, limit_s: float) -> None:
        with self.ended:
            assert self.ended.wait_for(lambda: len(self.reports) == streams, limit_s), sorted(self.reports)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_host_of_hostile_streams_goes_on_with_the_sound_one(films: dict[str, bytes], tmp_path: Path) -> None:
    sound = film(tmp_path / "sound.mp4", steady(500), options={"preset": "ultrafast"})
    hostile = 40
    told = {}
    for name, streams, isolated in (("alone", 0, False), ("beside", hostile, True)):
        with TimelineStore.open(None, tmp_path / name) as store:
            work = Work(store, isolated)
            host = Host("h", "n", Board(store), work, ServeSettings(streams_per_host=8))
            for number in range(streams):
                video = mutant(11, number, films)
                (tmp_path / video.name).write_bytes(video.content)
                host.assign(Wish(f"hostile-{number}", str(tmp_path / video.name)))
            host.assign(Wish("sound", str(sound)))
            work.wait(streams + 1, 900)
            host.beat()
            assert host.streams() == {} and host.close(60)
            told[name] = to_json(store.timeline("sound"))
    assert told["alone"] == told["beside"] and '"label"' in told["alone"]
    reports = [work.reports[f"hostile-{number}"] for number in range(hostile)]
    assert {report.state for report in reports} == {"ended", "failed"}
    assert all(report.error and "met a bug" not in report.error for report in reports if report.state == "failed")
