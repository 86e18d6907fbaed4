"""Figures of a model on synthetic scenes, always from the streaming path: source, lane, segmenter, store and back."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from pipeline.errors import LongtakeError, UsageError
from pipeline.evaluation.figures import Figures, Watched, figures
from pipeline.evaluation.spans import Span
from pipeline.flow import FlowSettings, Job
from pipeline.inline import InlineEngine, Watch
from pipeline.models.card import load_card
from pipeline.segment.rules import Rules
from pipeline.synthetic import Scene, SceneSpec
from pipeline.timeline.store import TimelineStore

DEFAULT_DATA = "synthetic://seeds=0-39&people=1&duration=60"


def parse_data(uri: str) -> list[SceneSpec]:
    """Return the scenes of `synthetic://seeds=0-39&people=1&duration=60`.

    Raises:
        UsageError: another scheme, key or value.
    """
    scheme, _, query = uri.partition("://")
    given = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True))
    unknown = sorted(set(given) - {"seeds", "people", "duration"})
    if scheme != "synthetic" or unknown or "seeds" not in given:
        raise UsageError(f"evaluation data are written {DEFAULT_DATA}, got {uri!r}")
    try:
        seeds = _seeds(given["seeds"])
        people, duration_s = int(given.get("people", 1)), float(given.get("duration", 60))
        return [SceneSpec(seed=seed, duration_s=duration_s, people=people) for seed in seeds]
    except ValueError as error:
        raise UsageError(f"evaluation data {uri!r}: {error}; write {DEFAULT_DATA}") from None


def _seeds(text: str) -> range:
    found = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", text)
    if not found:
        raise ValueError(f"seeds are a number or a range, got {text!r}")
    seeds = range(int(found[1]), int(found[2] or found[1]) + 1)
    if not seeds:
        raise ValueError(f"no scene lies between seed {found[1]} and seed {found[2]}")
    return seeds


def evaluate(model: Path, specs: Sequence[SceneSpec], watch: Watch) -> Figures:
    """Run every scene through the inline engine and compare its timeline and scores with the truth.

    Raises:
        ModelError: the model cannot be loaded.
        LongtakeError: a scene could not be run.
    """
    card = load_card(model)
    jobs = [Job(f"seed-{spec.seed}", source_of(spec)) for spec in specs]
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


def source_of(spec: SceneSpec) -> str:
    """Return the URI that shows a scene."""
    return f"synthetic://seed={spec.seed}&people={spec.people}&duration={spec.duration_s:g}"


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
