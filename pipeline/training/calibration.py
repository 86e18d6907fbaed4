"""Chooses each label's segmenter rule on validation streams, with the segmenter that will use it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from pipeline.evaluation.figures import Watched
from pipeline.evaluation.spans import Span, segment_f1
from pipeline.segment.rules import LabelRule, Rules
from pipeline.segment.segmenter import segment_scores

_SMOOTHING = (0.0, 0.3)
_ON = (0.3, 0.4, 0.5, 0.6, 0.7)
_OFF_PART = (0.5, 0.75)
_CONFIRM_STEPS = (1, 2)
_MERGE_GAP_S = (0.8, 1.6)


def choose_rules(watched: Sequence[Watched], labels: Sequence[str]) -> Rules:
    """For every label the rule with the best segment F1, averaged over overlaps .25 and .5."""
    best = [(-1.0, LabelRule())] * len(labels)
    for rule in candidates():
        videos = resegmented(watched, Rules(tuple(labels), (rule,) * len(labels)))
        for i, label in enumerate(labels):
            score = _score(videos, label)
            if score > best[i][0]:  # of equals the first, which smooths and waits least
                best[i] = score, rule
    return Rules(tuple(labels), tuple(rule for _, rule in best))


def candidates() -> Iterator[LabelRule]:
    """Every rule that is tried, the least meddling ones first."""
    for smoothing, confirm, merge, part, on in product(_SMOOTHING, _CONFIRM_STEPS, _MERGE_GAP_S, _OFF_PART, _ON):
        yield LabelRule(smoothing, on, round(on * part, 3), confirm, merge_gap_s=merge)


def resegmented(watched: Sequence[Watched], rules: Rules) -> list[Watched]:
    """The same videos with the segments that `rules` make of their scores."""
    return [replace(video, predicted=_segments(video, rules)) for video in watched]


def _segments(video: Watched, rules: Rules) -> tuple[Span, ...]:
    segments = segment_scores(rules, video.probs, video.starts_s, video.ends_s)
    return tuple(Span(s.start, s.end, s.label) for s in segments if s.end is not None)


def _score(videos: Sequence[Watched], label: str) -> float:
    pairs = [([s for s in v.truth if s.label == label], [s for s in v.predicted if s.label == label]) for v in videos]
    return segment_f1(pairs, 0.25) + segment_f1(pairs, 0.5)
