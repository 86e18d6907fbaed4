"""Can this machine answer: does the model load, and does a film become a timeline?"""

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from longtake.installation.finding import Finding, broken, doubtful, fine
from longtake.installation.machine import NO_TORCH
from pipeline.errors import EngineError
from pipeline.models.card import ModelCard, load_card, resolve
from pipeline.models.requests import black_clip
from pipeline.values import Timeline

SEED, SECONDS, FPS, SIZE = 7, 8.0, 10.0, (320, 240)
"""A scene in which the default model finds two long segments."""


@dataclass(frozen=True, slots=True)
class Forward:
    """One answer of a model.

    Attributes:
        device, dtype: what it was computed on, and in.
        load_s, forward_s: how long loading took, and the quickest of some answers.
    """

    device: str
    dtype: str
    load_s: float
    forward_s: float


def look_model(name: str) -> list[Finding]:
    """Load a model, answer one clip, judge.

    Raises:
        UsageError: there is no such model.
        ModelError: it is damaged.
    """
    card = load_card(resolve(name))
    if importlib.util.find_spec("torch") is None:
        return [doubtful("model", f"{_title(card)}: its card and weights are whole, PyTorch is missing", NO_TORCH)]
    return [model(card, forward(name))]


def forward(name: str) -> Forward:
    """Load a model and let it answer three times."""
    from pipeline.models.worker import ModelWorker

    begun_s = time.monotonic()
    worker = ModelWorker(resolve(name))
    load_s, clip = time.monotonic() - begun_s, black_clip(worker.card.clip)
    times_s = []
    for _ in range(3):  # the first one also chooses kernels and takes memory
        begun_s = time.monotonic()
        if not np.isfinite(worker.infer(clip, 0.0, None).probs).all():
            raise EngineError("the model's scores of an empty clip are no numbers")
        times_s.append(time.monotonic() - begun_s)
    return Forward(worker.numerics.device_kind, worker.numerics.dtype, load_s, min(times_s))


def model(card: ModelCard, forward: Forward) -> Finding:
    """It answers at least as fast as one camera asks."""
    asks_s = card.clip.stride / card.clip.fps
    found = (
        f"{_title(card)} on {forward.device} in {forward.dtype}: loaded in {forward.load_s:.1f} s, "
        f"a clip takes {1000 * forward.forward_s:.0f} ms, a camera sends one every {1000 * asks_s:.0f} ms"
    )
    if forward.forward_s > asks_s:
        return doubtful("model", found, "too slow for one live camera: clips will be dropped; give it a GPU, or cores")
    return fine("model", found)


def look_film(name: str) -> list[Finding]:
    """Film a scene, watch it with a store of its own, judge the timeline."""
    if importlib.util.find_spec("torch") is None:
        return [doubtful("test film", "not watched: PyTorch is missing", NO_TORCH)]
    begun_s = time.monotonic()
    with TemporaryDirectory(prefix="longtake-doctor-") as folder:
        timeline = watched(name, Path(folder))
    return [film(timeline, load_card(resolve(name)), time.monotonic() - begun_s)]


def watched(name: str, folder: Path) -> Timeline:
    """The timeline of the test film: encoded, decoded, answered, committed and asked for.

    Raises:
        LongtakeError: what went wrong.
    """
    from pipeline.flow import FlowSettings, Job
    from pipeline.inline import InlineEngine
    from pipeline.synthetic import SceneSpec, write_video
    from pipeline.timeline.store import TimelineStore

    path = folder / "film.mp4"
    write_video(path, SceneSpec(SEED, SECONDS, 1), FPS, SIZE)
    with TimelineStore.open(None, folder) as store:
        with InlineEngine(resolve(name), store, FlowSettings()) as engine:
            (report,) = engine.run([Job("film", str(path))], lambda _: None)
        if report.error:
            raise EngineError(report.error)
        return store.timeline("film")


def film(timeline: Timeline, card: ModelCard, seconds: float) -> Finding:
    """All of it is answered, and something was seen."""
    gaps = sum(gap.end - gap.start for gap in timeline.gaps)
    seen = ", ".join(f"{one.label} {one.start:.1f}–{one.end or timeline.duration:.1f}" for one in timeline.segments)
    found = f"{timeline.duration:.1f} s filmed, watched and stored in {seconds:.1f} s: {seen or 'no segment'}"
    if gaps or abs(timeline.duration - SECONDS) > 0.5:
        answered = f"only {timeline.duration - gaps:.1f} of {SECONDS:g} s were answered"
        return broken("test film", f"{found}; {answered}", "probe a film of yours: longtake doctor FILE")
    if timeline.segments:
        return fine("test film", found)
    if {"run", "wave"} <= set(card.labels):
        return broken("test film", found, f"somebody runs and waves there, {card.name} sees neither: train it again")
    return doubtful("test film", found, f"nothing happens there that {card.name} knows: try it on a film of yours")


def _title(card: ModelCard) -> str:
    return f"{card.name} ({card.fingerprint[:8]}…)"
