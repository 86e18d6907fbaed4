"""Segment figures against cases worked by hand."""

import numpy as np
import pytest

from pipeline.evaluation.spans import Matches, Span, edit_score, levenshtein, match, segment_f1, spans_of


def spans(*entries: tuple[float, float, str]) -> list[Span]:
    return [Span(*entry) for entry in entries]


TRUTH = spans((0, 10, "walk"), (10, 14, "sit_down"), (14, 30, "sit"))


@pytest.mark.parametrize(
    ("predicted", "iou", "expected"),
    [
        (TRUTH, 1.0, Matches(3, 0, 0)),
        ([], 0.1, Matches(0, 0, 3)),
        (spans((0, 5, "walk")), 0.5, Matches(1, 0, 2)),
        (spans((0, 4.9, "walk")), 0.5, Matches(0, 1, 3)),
        (spans((0, 10, "run")), 0.1, Matches(0, 1, 3)),
        # The second piece of the same walk comes too late, though it overlaps well enough.
        (spans((0, 5, "walk"), (5, 10, "walk")), 0.5, Matches(1, 1, 2)),
        (spans((40, 50, "sit")), 0.1, Matches(0, 1, 3)),
    ],
)
def test_each_true_segment_is_matched_once_by_label_and_overlap(
    predicted: list[Span], iou: float, expected: Matches
) -> None:
    assert match(TRUTH, predicted, iou) == expected


def test_f1_pools_matches_over_videos() -> None:
    videos = [(TRUTH, TRUTH), (TRUTH, spans((0, 10, "run")))]
    assert segment_f1(videos, 0.5) == pytest.approx(2 * 3 / (2 * 3 + 1 + 3))


def test_a_video_without_truth_counts_only_what_is_invented_there() -> None:
    assert match([], spans((0, 1, "walk")), 0.1) == Matches(0, 1, 0)
    assert segment_f1([([], [])], 0.1) == 1.0


@pytest.mark.parametrize(
    ("a", "b", "distance"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
)
def test_levenshtein_distance(a: str, b: str, distance: int) -> None:
    assert levenshtein(list(a), list(b)) == distance


def test_the_edit_score_compares_orders_and_is_a_mean_over_videos() -> None:
    wrong_order = spans((0, 10, "sit_down"), (10, 14, "walk"), (14, 30, "sit"))
    assert edit_score([(TRUTH, TRUTH), (TRUTH, wrong_order)]) == pytest.approx((100 + 100 * (1 - 2 / 3)) / 2)
    assert edit_score([([], [])]) == 100


def test_runs_of_frames_become_spans() -> None:
    holds = np.array([[1, 0], [1, 1], [0, 1], [1, 0]], bool)
    edges = np.array([0.0, 0.2, 0.4, 0.6, 0.8])
    assert spans_of(holds, edges, ("a", "b")) == spans((0.0, 0.4, "a"), (0.2, 0.6, "b"), (0.6, 0.8, "a"))
