"""Frame figures against cases worked by hand."""

import numpy as np
import pytest

from pipeline.evaluation.frames import average_precision, frame_accuracy, frame_map, macro_recall, predicted_labels

TRUTH = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [0, 0]], bool)
PROBS = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.8], [0.3, 0.2], [0.6, 0.1]], np.float32)


def test_background_is_predicted_where_no_label_reaches_its_own_threshold() -> None:
    assert predicted_labels(PROBS, [0.5, 0.5]).tolist() == [0, 1, 1, -1, 0]
    assert predicted_labels(PROBS, [0.65, 0.7]).tolist() == [0, -1, 1, -1, -1]


def test_frame_accuracy_counts_labels_and_background() -> None:
    assert frame_accuracy(TRUTH, predicted_labels(PROBS, [0.5, 0.5])) == pytest.approx(3 / 5)
    assert frame_accuracy(TRUTH, predicted_labels(PROBS, [0.65, 0.7])) == pytest.approx(4 / 5)


def test_any_of_several_labels_that_hold_is_right() -> None:
    assert frame_accuracy(np.array([[1, 1]], bool), np.array([1])) == 1


def test_macro_recall_weighs_labels_alike_and_leaves_out_those_that_never_hold() -> None:
    truth = np.column_stack([TRUTH, np.zeros(5, bool)])
    assert macro_recall(truth, np.array([0, 1, 1, -1, 0])) == pytest.approx((1 / 2 + 1) / 2)


def test_average_precision_of_a_ranking_worked_by_hand() -> None:
    # Ranked: hit, miss, hit, miss → precisions at the hits 1/1 and 2/3.
    scores = np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    assert average_precision(np.array([1, 0, 1, 0], bool), scores) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_give_the_same_precision_in_any_order() -> None:
    scores = np.array([0.5, 0.5, 0.5, 0.1], np.float32)
    for truth in ([1, 0, 0, 0], [0, 0, 1, 0]):
        assert average_precision(np.array(truth, bool), scores) == pytest.approx(1 / 3)


def test_frame_map_leaves_out_uncounted_frames_and_labels_without_positives() -> None:
    # Label 0 over all frames: ranks .9 hit, .7 miss, .6 miss, .4 hit, .3 miss → (1 + 2/4) / 2. Label 1: .8 hit → 1.
    truth = np.column_stack([TRUTH, np.zeros(5, bool)])
    probs = np.column_stack([PROBS, np.ones(5, np.float32)])
    assert frame_map(truth, probs) == pytest.approx((0.75 + 1) / 2)
    # Without background: .9 hit, .7 miss, .4 hit → (1 + 2/3) / 2.
    assert frame_map(truth, probs, truth.any(1)) == pytest.approx((5 / 6 + 1) / 2)


def test_figures_without_anything_to_count_are_refused() -> None:
    none = np.zeros((3, 2), bool)
    with pytest.raises(ValueError, match="no frames"):
        frame_accuracy(none[:0], np.zeros(0, np.intp))
    with pytest.raises(ValueError, match="a label that occurs"):
        macro_recall(none, np.zeros(3, np.intp))
    with pytest.raises(ValueError, match="a label that occurs"):
        frame_map(none, np.zeros((3, 2), np.float32))
    with pytest.raises(ValueError, match="a positive frame"):
        average_precision(none[:, 0], np.zeros(3, np.float32))
