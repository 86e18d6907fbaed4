import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.segment.rules import LabelRule, Rules
from pipeline.segment.segmenter import Segmenter, segment_scores
from pipeline.values import Scores

LABELS = ("walk", "run")


def rules(**changes: float) -> Rules:
    return Rules.from_card(LABELS, {"default": {"on": 0.6, "off": 0.3, "merge_gap_s": 0.0, **changes}})


def answers(probabilities: list[float], seconds: float = 1.0) -> list[Scores]:
    return [
        Scores("cam", 0, step, step * seconds, (step + 1) * seconds, np.array([p, 0.0], np.float32))
        for step, p in enumerate(probabilities)
    ]


def run(rules: Rules, scores: list[Scores]) -> list[tuple[float, float]]:
    segmenter = Segmenter("cam", "model", rules)
    state, closed = segmenter.initial_state(), []
    for answer in scores:
        changes, state = segmenter.step(answer, state)
        closed += changes.closed
    closed += segmenter.finish(state)[0].closed
    return [(segment.start, segment.end) for segment in closed]


@pytest.mark.parametrize(
    ("changes", "probabilities", "expected"),
    [
        ({}, [0.9, 0.9, 0.0], [(0, 2)]),
        ({}, [0.5, 0.5, 0.5], []),
        ({}, [0.7, 0.4, 0.4, 0.2, 0.4], [(0, 3)]),  # hysteresis: 0.4 keeps a segment open and opens none
        ({"confirm_steps": 2}, [0.9, 0.0, 0.9, 0.9, 0.0], [(2, 4)]),
        ({"min_length_s": 3.0}, [0.9, 0.9, 0.0, 0.9, 0.9, 0.9], [(3, 6)]),
        ({"merge_gap_s": 2.0}, [0.9, 0.0, 0.9, 0.0, 0.0, 0.9], [(0, 3), (5, 6)]),
        ({"smoothing": 0.5}, [0.0, 1.0, 1.0, 0.0, 0.0], [(2, 4)]),
    ],
)
def test_scores_become_these_segments(changes, probabilities, expected):
    assert run(rules(**changes), answers(probabilities)) == expected


def test_a_segment_is_closed_only_when_its_merge_gap_has_run_out():
    segmenter = Segmenter("cam", "model", rules(merge_gap_s=2.0))
    state, seen = segmenter.initial_state(), []
    for answer in answers([0.9, 0.0, 0.0]):
        changes, state = segmenter.step(answer, state)
        seen.append((len(changes.opened), len(segmenter.open_segments(state)), len(changes.closed)))
    assert seen == [(1, 1, 0), (0, 1, 0), (0, 0, 1)]


def test_a_segment_does_not_reach_across_time_nobody_watched():
    late = [Scores("cam", 1, 0, 50.0, 51.0, np.array([0.9, 0.0], np.float32))]
    assert run(rules(merge_gap_s=5.0), answers([0.9, 0.9]) + late) == [(0, 2), (50, 51)]
    assert run(rules(merge_gap_s=60.0), answers([0.9, 0.9]) + late) == [(0, 51)]


def test_the_score_is_the_mean_over_time_and_the_peak_the_maximum():
    segmenter = Segmenter("cam", "model", rules())
    state = segmenter.initial_state()
    for answer in [
        Scores("cam", 0, 0, 0.0, 3.0, np.array([0.8, 0.0], np.float32)),
        Scores("cam", 0, 1, 3.0, 4.0, np.array([0.4, 0.0], np.float32)),
    ]:
        _, state = segmenter.step(answer, state)
    (segment,) = segmenter.open_segments(state)
    assert (segment.score, segment.peak) == (pytest.approx(0.7), pytest.approx(0.8))


@given(st.lists(st.floats(0, 1, width=32), max_size=40), st.integers(0, 40))
def test_a_state_put_away_and_taken_out_again_changes_nothing(probabilities, cut):
    segmenter = Segmenter("cam", "model", rules(merge_gap_s=1.0, smoothing=0.3, confirm_steps=2))
    whole = broken = segmenter.initial_state()
    for step, answer in enumerate(answers(probabilities)):
        if step == cut:
            broken = segmenter.unpack(segmenter.pack(broken))
        expected, whole = segmenter.step(answer, whole)
        got, broken = segmenter.step(answer, broken)
        assert got == expected
    assert segmenter.pack(whole) == segmenter.pack(broken)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60))
def test_segments_of_a_label_never_overlap_and_never_end_before_they_start(probabilities):
    spans = run(rules(merge_gap_s=1.0, confirm_steps=2), answers(probabilities))
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_the_same_opening_step_gives_the_same_id_and_another_stream_another():
    def first_id(stream: str) -> str:
        segmenter = Segmenter(stream, "model", rules())
        return segmenter.step(answers([0.9])[0], segmenter.initial_state())[0].opened[0].id

    assert first_id("a") == first_id("a") != first_id("b")


def test_a_whole_array_of_scores_gives_what_the_steps_give():
    probs = np.random.default_rng(0).random((50, 2), dtype=np.float32) * np.array([1, 0], np.float32)
    starts = np.arange(50, dtype=np.float64)
    segments = segment_scores(rules(), probs, starts, starts + 1)
    walk = [(s.start, s.end) for s in segments if s.label == "walk"]
    assert walk == run(rules(), [Scores("cam", 0, i, i, i + 1, p) for i, p in enumerate(probs)])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"default": {"of": 0.2}}, "unknown segmenter key 'of'"),
        ({"labels": {"fly": {}}}, "unknown label 'fly'; choose from walk, run"),
        ({"default": {"on": 0.2, "off": 0.5}}, "off ≤ on"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_choices(config, message):
    with pytest.raises(ValueError, match=message):
        Rules.from_card(LABELS, config)


def test_a_rule_survives_the_model_card():
    original = Rules(LABELS, (LabelRule(0.1, 0.7, 0.2, 2, 1.0, 2.0), LabelRule()))
    assert Rules.from_card(LABELS, original.to_card()) == original
