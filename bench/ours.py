"""longtake itself: both engines with their defaults and an embedded store, as `longtake run` wires them."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.task import ClipDigest, Result, Task, tell_answer
from pipeline.flow import FlowSettings, Job, Report
from pipeline.hooks import Hooks
from pipeline.lane_queue import LaneLimits
from pipeline.tally import Progress
from pipeline.timeline.store import TimelineStore
from pipeline.values import Clip


class Witness(Hooks):
    """Takes the digest of every clip of one stream."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.digest = ClipDigest()

    def clip(self, clip: Clip) -> None:
        if clip.stream == self._stream:
            self.digest.add(clip.frames)


def inline(task: Task) -> Result:
    """All films through the inline engine."""
    from pipeline.inline import InlineEngine

    witness = Witness("film-0")
    with TimelineStore.open(None, Path(task.folder)) as store:
        hooks = witness if task.prove else None
        with InlineEngine(Path(task.model), store, FlowSettings(), hooks) as engine:
            engine.run([Job("warm", task.warm)], _nothing)
            reports = engine.run(jobs_of(task), _nothing)
        return result_of(store, reports, task, witness.digest.hexdigest() if task.prove else "")


def ray(task: Task) -> Result:
    """All films through the Ray engine on this machine; the clock runs from the first open to the last commit."""
    from actors.engine import RayEngine
    from actors.settings import RaySettings

    home = Path(task.folder)
    with (
        TimelineStore.open(None, home) as store,
        RayEngine(Path(task.model), None, home, FlowSettings(), RaySettings()) as engine,
    ):
        engine.run([Job("warm", task.warm)], _nothing)
        reports = engine.run(jobs_of(task), _nothing)
        return result_of(store, reports, task)


def live_ray(task: Task) -> Result:
    """Streams that come at their own pace, with the policy of live streams; tells when it saw which answer."""
    from actors.engine import RayEngine
    from actors.settings import RaySettings

    home, seen = Path(task.folder), dict[tuple[str, float], float]()

    def note(progress: list[Progress]) -> None:
        for stream in progress:
            if stream.answered_s:
                seen.setdefault((stream.stream, stream.answered_s), time.time())

    settings = FlowSettings(lane=LaneLimits(policy="drop_oldest"))
    with (
        TimelineStore.open(None, home) as store,
        RayEngine(Path(task.model), None, home, settings, RaySettings()) as engine,
    ):
        engine.run([Job("warm", task.warm)], _nothing)
        reports = engine.run(jobs_of(task), note)
        result = result_of(store, reports, task)
        origins_s = {report.stream: store.scores(report.stream)[0].start_s for report in reports}
        for (stream, answered_s), at_s in seen.items():
            tell_answer(stream, answered_s - origins_s[stream], at_s)  # a live stream's time is the wall clock's
        gaps = [gap for report in reports for gap in store.timeline(report.stream).gaps]
        result.extra["dropped_s"] = sum(gap.end - gap.start for gap in gaps)
        return result


def jobs_of(task: Task) -> list[Job]:
    """One stream per film."""
    return [Job(f"film-{number}", film) for number, film in enumerate(task.films)]


def result_of(store: TimelineStore, reports: Sequence[Report], task: Task, digest: str = "") -> Result:
    """What the reports and the store's own log say of the streams.

    Raises:
        RuntimeError: a stream failed.
    """
    failed = [report.error for report in reports if report.error]
    if failed:
        raise RuntimeError(failed[0])
    spans = [span(store, report.stream) for report in reports]
    scores = store.scores(reports[0].stream) if task.prove else []
    return Result(
        frames=sum(report.frames_decoded for report in reports),
        clips=sum(report.clips for report in reports),
        began_s=min(began for began, _ in spans),
        ended_s=max(ended for _, ended in spans),
        digest=digest,
        probs=[one.probs.tolist() for one in scores],
    )


def span(store: TimelineStore, stream: str) -> tuple[float, float]:
    """Unix seconds, to 1 ms, at which the stream began to run and ended, from the ids of its event log."""
    states, after = [], "0"
    while events := store.events(stream, after):
        states += [(event.value, int(event.id.partition("-")[0]) / 1000) for event in events if event.kind == "state"]
        after = events[-1].id
    began = next(at for state, at in states if state == "running")
    return began, max(at for state, at in states if state == "ended")


def _nothing(progress: list[Progress]) -> None:
    """Nobody watches."""
