"""Averages over time without parameters: what they are, what a gap does, and that steps make a sequence."""

from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.models.build import probabilities
from pipeline.models.card import LabelSet
from pipeline.models.temporal.smoother import Smoother

LABELS = (LabelSet("a", "exclusive", ("x", "y", "z")),)


def smoother(seconds: float = 2.0, step_s: float = 1.0) -> Smoother:
    return Smoother(feature_size=3, logits=4, seconds=seconds, step_s=step_s)


def answers(model: Smoother, probs: list[list[float]], gaps: list[float] | None = None) -> list[list[float]]:
    state, given = model.initial_state(1), []
    for p, gap in zip(probs, gaps or [0.0] * len(probs), strict=True):
        logits, state = model.step(torch.tensor([p]).log(), torch.tensor([gap]), state)
        given.append(probabilities(logits, LABELS)[0].tolist())
    return given


def test_it_has_no_parameters_and_remembers_the_classes_and_a_weight() -> None:
    model = smoother()
    assert not model.state_dict()
    assert model.initial_state(2).shape == (2, model.state_size) == (2, 4)


def test_the_first_answer_is_the_clips_own() -> None:
    assert answers(smoother(), [[0.7, 0.2, 0.1]])[0] == pytest.approx([0.7, 0.2, 0.1], abs=1e-6)


def test_an_answer_that_is_one_time_constant_old_counts_one_e_th() -> None:
    mean = (exp(-1) * 1.0 + 0.2) / (exp(-1) + 1)
    told = answers(smoother(seconds=1.0), [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])[1]
    assert told[0] == pytest.approx(mean, abs=1e-6)
    assert sum(told) == pytest.approx(1, abs=1e-6)


def test_the_time_that_was_lost_makes_the_past_count_less() -> None:
    shown = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    told = [answers(smoother(), shown, [0.0, gap])[1][0] for gap in (0.0, 1.0, 60.0)]
    assert told == pytest.approx([1 / (1 + exp(0.5)), 1 / (1 + exp(1.0)), 0.0], abs=1e-6)


def test_a_class_without_any_probability_has_none_and_everything_stays_finite() -> None:
    model = smoother()
    logits, state = model.step(torch.tensor([[500.0, 0.0, -500.0]]), torch.zeros(1), model.initial_state(1))
    assert bool(logits.isfinite().all() and state.isfinite().all())
    assert probabilities(logits, LABELS)[0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-30)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=1, max_size=12), st.floats(0, 100))
def test_answers_are_probabilities_that_exclude_each_other_and_lie_among_the_clips_own(
    features: list[list[float]], gap_s: float
) -> None:
    x = torch.tensor([features])
    model = smoother()
    logits, _ = model(x, torch.full((1, len(features)), gap_s), model.initial_state(1))
    told, own = probabilities(logits, LABELS)[0], x[0].softmax(-1)
    torch.testing.assert_close(told.sum(-1), torch.ones(len(features)), rtol=0, atol=1e-5)
    assert bool((told <= own.max(0).values + 1e-5).all() and (told >= own.min(0).values - 1e-5).all())


def sequence(steps: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    gaps = torch.where(torch.rand(2, steps) < 0.1, torch.rand(2, steps) * 5, 0.0)
    return 3 * torch.randn(2, steps, 3, dtype=dtype), gaps.to(dtype)


@pytest.mark.parametrize("chunks", [[60], [1] * 60, [7, 1, 30, 22]])
def test_step_equals_forward_for_any_chunking(chunks: list[int]) -> None:
    model = smoother()
    x, gaps = sequence(60, torch.float64)
    whole, last = model(x, gaps, model.initial_state(2).double())
    state, parts = model.initial_state(2).double(), []
    for x_part, gap_part in zip(x.split(chunks, 1), gaps.split(chunks, 1), strict=True):
        logits, state = model(x_part, gap_part, state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-10)


def test_the_state_does_not_grow_with_the_streams_age() -> None:
    model = smoother(seconds=30.0, step_s=0.5)
    x, gaps = sequence(2_000, torch.float32)
    logits, state = model(x, gaps, model.initial_state(2))
    assert float(state[:, -1].max()) <= 1 / (1 - exp(-0.5 / 30.0))
    assert float(logits[..., 1:].max()) <= log(1 + 1e-5)


def test_what_is_no_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match="3 features want one exclusive label set of as many labels, not 3 logits"):
        Smoother(feature_size=3, logits=3, seconds=1.0, step_s=1.0)
    with pytest.raises(ValueError, match="above zero, got 0"):
        smoother(seconds=0.0)
