"""The temporal model over a sequence and step by step."""

import pytest
import torch

from pipeline.models.temporal.gru import GruMemory


def sequence(steps: int, dtype: torch.dtype) -> tuple[GruMemory, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    model = GruMemory(feature_size=6, logits=4, width=8, hidden=10).to(dtype).eval()
    gaps = torch.where(torch.rand(2, steps) < 0.1, torch.rand(2, steps) * 50, 0.0)
    return model, torch.randn(2, steps, 6, dtype=dtype), gaps.to(dtype)


def stepped(model: GruMemory, x: torch.Tensor, gaps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    state, logits = model.initial_state(len(x)), []
    for t in range(x.shape[1]):
        logit, state = model.step(x[:, t], gaps[:, t], state)
        logits.append(logit)
    return torch.stack(logits, 1), state


@pytest.mark.parametrize("chunks", [[60], [1] * 60, [7, 1, 30, 22], [59, 1]])
def test_step_equals_forward_for_any_chunking(chunks: list[int]) -> None:
    model, x, gaps = sequence(60, torch.float64)
    with torch.inference_mode():
        expected, last = stepped(model, x, gaps)
        state, parts = model.initial_state(2), []
        for x_part, gap_part in zip(x.split(chunks, 1), gaps.split(chunks, 1), strict=True):
            logits, state = model(x_part, gap_part, state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-10)


def test_in_single_precision_they_still_agree_after_ten_thousand_steps() -> None:
    model, x, gaps = sequence(10_000, torch.float32)
    with torch.inference_mode():
        expected, _ = stepped(model, x, gaps)
        actual, _ = model(x, gaps, model.initial_state(2))
    torch.testing.assert_close(actual[:, -100:], expected[:, -100:], rtol=1e-4, atol=1e-4)


def test_a_gap_changes_the_answer() -> None:
    model, x, _ = sequence(1, torch.float64)
    with torch.inference_mode():
        logits = [model.step(x[:, 0], torch.full((2,), gap).double(), model.initial_state(2))[0] for gap in (0.0, 60.0)]
    assert not torch.allclose(logits[0], logits[1])
