"""Figures of a model on synthetic scenes, always from the streaming path: source, lane, segmenter, store and back."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import LongtakeError
from pipeline.evaluation.figures import Figures, Watched, figures
from pipeline.evaluation.spans import Span
from pipeline.flow import FlowSettings, Job
from pipeline.inline import InlineEngine, Watch
from pipeline.models.card import load_card
from pipeline.segment.rules import Rules
from pipeline.synthetic import Scene, SceneSpec
from pipeline.timeline.store import TimelineStore

DEFAULT_DATA = "synthetic://seeds=0-39&people=1&duration=60"


def evaluate(model: Path, specs: Sequence[SceneSpec], watch: Watch) -> Figures:
    """Run every scene through the inline engine and compare its timeline and scores with the truth.

    Raises:
        ModelError: the model cannot be loaded.
        LongtakeError: a scene could not be run.
    """
    card = load_card(model)
    jobs = [Job(f"seed-{spec.seed}", spec.uri) for spec in specs]
    with (
        tempfile.TemporaryDirectory(prefix="longtake-evaluate-") as home,
        TimelineStore.open(None, Path(home)) as store,
        InlineEngine(model, store, FlowSettings()) as engine,
    ):
        for report in engine.run(jobs, watch):
            if report.error:
                raise LongtakeError(f"{report.stream}: {report.error}")
        watched = [_watched(store, job.stream, spec) for job, spec in zip(jobs, specs, strict=True)]
    thresholds = [rule.on for rule in Rules.from_card(card.labels, card.segmenter).rules]
    try:
        return figures(watched, card.labels, thresholds)
    except ValueError as error:  # a mean over nothing
        raise LongtakeError(f"these scenes show too little: {error}; take more or longer ones") from None


def _watched(store: TimelineStore, stream: str, spec: SceneSpec) -> Watched:
    scores, segments = store.scores(stream), store.timeline(stream).segments
    return Watched(
        truth=tuple(Span(i.start_s, i.end_s, i.label) for i in Scene(spec).truth.intervals),
        predicted=tuple(Span(s.start, spec.duration_s if s.end is None else s.end, s.label) for s in segments),
        starts_s=np.array([one.start_s for one in scores]),
        ends_s=np.array([one.end_s for one in scores]),
        probs=np.stack([one.probs for one in scores]),
        duration_s=spec.duration_s,
    )
