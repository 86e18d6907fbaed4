"""Recurrent temporal models: over a sequence and step by step, and what a memory made of maps knows of places."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.models.encoders.feature_map import FeatureMap
from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.by_frame import ByFrame
from pipeline.models.temporal.lstm import LstmMemory
from pipeline.models.temporal.recurrent_conv import Gates, RecurrentConv, RecurrentConvCell
from pipeline.values import ClipSpec

SIDE = 13
MAP = (2, SIDE, SIDE)
CENTRE = SIDE // 2
GATES: tuple[Gates, ...] = ("vanilla", "gru", "lstm")


def lstm() -> LstmMemory:
    return LstmMemory(feature_size=18, logits=4, width=8, hidden=10)


def recurrent_conv(gates: Gates, map: tuple[int, ...] = MAP, channels: tuple[int, ...] = (3, 4)) -> RecurrentConv:
    return RecurrentConv(map[0] * map[1] * map[2], 4, map=map, channels=channels, kernel=3, gates=gates)


MODELS: dict[str, Callable[[], TemporalModel]] = {
    "lstm": lstm,
    "lstm, by frame": lambda: ByFrame(18, 4, frames=3, model="lstm", width=8, hidden=10),
    **{f"recurrent_conv, {gates}": partial(recurrent_conv, gates, (2, 3, 3)) for gates in GATES},
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


def sequence(make: Callable[[], TemporalModel], steps: int, dtype: torch.dtype) -> tuple[TemporalModel, Tensor, Tensor]:
    model = make()
    gaps = torch.where(torch.rand(2, steps) < 0.1, torch.rand(2, steps) * 50, 0.0)
    return model.to(dtype).eval(), torch.randn(2, steps, 18, dtype=dtype), gaps.to(dtype)


def stepped(model: TemporalModel, x: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
    state, logits = model.initial_state(len(x)), []
    for t in range(x.shape[1]):
        logit, state = model.step(x[:, t], gaps[:, t], state)
        logits.append(logit)
    return torch.stack(logits, 1), state


@pytest.mark.parametrize("chunks", [[60], [1] * 60, [7, 1, 30, 22], [59, 1]])
@pytest.mark.parametrize("name", MODELS)
def test_step_equals_forward_for_any_chunking(name: str, chunks: list[int]) -> None:
    model, x, gaps = sequence(MODELS[name], 60, torch.float64)
    with torch.inference_mode():
        expected, last = stepped(model, x, gaps)
        state, parts = model.initial_state(2), []
        for x_part, gap_part in zip(torch.split(x, chunks, 1), torch.split(gaps, chunks, 1), strict=True):
            logits, state = model.forward(x_part, gap_part, state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_in_single_precision_they_still_agree_after_a_thousand_steps(name: str) -> None:
    model, x, gaps = sequence(MODELS[name], 1000, torch.float32)
    with torch.inference_mode():
        expected, _ = stepped(model, x, gaps)
        actual, _ = model.forward(x, gaps, model.initial_state(2))
    torch.testing.assert_close(actual[:, -100:], expected[:, -100:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_gap_changes_the_answer(name: str) -> None:
    model, x, _ = sequence(MODELS[name], 1, torch.float64)
    with torch.inference_mode():
        logits = [model.step(x[:, 0], torch.full((2,), gap).double(), model.initial_state(2))[0] for gap in (0.0, 60.0)]
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.parametrize("name", MODELS)
def test_what_was_seen_once_is_still_in_the_answer_steps_later(name: str) -> None:
    model, x, gaps = sequence(MODELS[name], 6, torch.float64)
    other = x.clone()
    other[:, 0] += 1
    with torch.inference_mode():
        one, another = (model.forward(seen, gaps, model.initial_state(2))[0] for seen in (x, other))
    assert float((one - another)[:, -1].abs().min()) > 1e-9


def test_the_state_of_an_lstm_is_its_hidden_vector_beside_its_cell() -> None:
    model, x, gaps = sequence(lstm, 5, torch.float64)
    assert isinstance(model, LstmMemory)
    with torch.inference_mode():
        _, state = model(x, gaps, model.initial_state(2))
        projected = model.project(x, gaps)
        _, (hidden, cell) = model.lstm(projected)
    torch.testing.assert_close(state, torch.cat([hidden[0], cell[0]], 1))


@pytest.mark.parametrize(("gates", "copies"), [("vanilla", 1), ("gru", 1), ("lstm", 2)])
def test_the_state_is_a_stack_of_maps_one_for_each_layer(gates: Gates, copies: int) -> None:
    model = recurrent_conv(gates, channels=(3, 4, 5))
    assert model.state_size == (3 + 4 + 5) * copies * SIDE * SIDE
    shapes = [tuple(maps.shape) for maps in model.state_maps(model.initial_state(2))]
    assert shapes == [(2, layer * copies, SIDE, SIDE) for layer in (3, 4, 5)]


@pytest.mark.parametrize("gates", GATES)
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_influence_moves_one_kernel_radius_a_layer_and_one_a_step(gates: Gates, steps: int) -> None:
    """One position of the first feature is touched; what differs is the square around it that had time to grow."""
    model = recurrent_conv(gates).double().eval()
    x, gaps = torch.randn(1, steps, model.map_CHW[0] * SIDE * SIDE).double(), torch.zeros(1, steps).double()
    touched = x.clone()
    touched.view(1, steps, *MAP)[0, 0, :, CENTRE, CENTRE] += 1
    with torch.inference_mode():
        states = [model.state_maps(model(seen, gaps, model.initial_state(1))[1]) for seen in (x, touched)]
    for layer, (one, another) in enumerate(zip(*states, strict=True)):
        reach = 1 + layer + (steps - 1)
        expected = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        expected[CENTRE - reach : CENTRE + reach + 1, CENTRE - reach : CENTRE + reach + 1] = True
        assert torch.equal((one != another).any(1)[0], expected)


@pytest.mark.parametrize("gates", GATES)
def test_a_layer_hears_of_the_layer_above_never(gates: Gates) -> None:
    model = recurrent_conv(gates, (2, 3, 3)).double().eval()
    state = torch.randn(1, model.state_size).double()
    changed = state.clone()
    model.state_maps(changed)[1].add_(1)
    with torch.inference_mode():
        x, gap = torch.randn(1, 18).double(), torch.zeros(1).double()
        lower, upper = zip(*(model.state_maps(model.step(x, gap, one)[1]) for one in (state, changed)), strict=True)
    assert torch.equal(*lower) and not torch.equal(*upper)


def test_vanilla_gates_are_a_tanh_of_two_convolutions() -> None:
    model = recurrent_conv("vanilla", (2, 3, 3))
    state, x = torch.randn(1, model.state_size), torch.randn(1, 18)
    first, before = model.cells[0], model.state_maps(state)[0]
    assert isinstance(first, RecurrentConvCell)
    with torch.inference_mode():
        _, after = model.step(x, torch.zeros(1), state)
        below = torch.cat([x.view(1, 2, 3, 3), torch.zeros(1, 1, 3, 3)], 1)
        expected = torch.tanh(first.below(below) + first.before(before))
    torch.testing.assert_close(model.state_maps(after)[0], expected)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"gates": "peephole"}, "gates are one of vanilla, gru, lstm, got 'peephole'"),
        ({"channels": [8]}, "two layers or more, got channels"),
        ({"kernel": 4}, "a kernel that keeps the map's size is odd, got 4"),
        ({"map": [2, 3, 4]}, r"a map of \[2, 3, 4\] is not the encoder's feature of 18 numbers"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, object], sentence: str) -> None:
    parameters: dict[str, object] = {"map": [2, 3, 3], "channels": [3, 4], **changed}
    with pytest.raises(ValueError, match=sentence):
        RecurrentConv(18, 4, **parameters)  # type: ignore[arg-type]


def test_a_clip_by_frame_is_answered_as_its_frames_one_after_another_and_a_gap_lies_before_the_first() -> None:
    model, x, gaps = sequence(lambda: ByFrame(18, 4, frames=3, model="lstm", width=8, hidden=10), 5, torch.float64)
    assert isinstance(model, ByFrame)
    frames, before = x.reshape(2, 15, 6), torch.zeros(2, 15, dtype=torch.float64)
    before[:, ::3] = gaps
    with torch.inference_mode():
        logits, state = model(x, gaps, model.initial_state(2))
        by_frame, after = stepped(model.model, frames, before)
    torch.testing.assert_close(logits, by_frame[:, 2::3])
    torch.testing.assert_close(state, after)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"frames": 5}, "a feature of 18 numbers is not that of 5 frames"),
        ({"model": "linear"}, "unknown recurrent model 'linear'; choose one of gru, lstm, recurrent_conv"),
    ],
)
def test_what_cannot_be_taken_frame_by_frame_is_refused(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ByFrame(18, 4, **({"frames": 3, "model": "lstm", "width": 8, "hidden": 10} | changed))


def micro_map(**changed: object) -> FeatureMap:
    clip = ClipSpec(8, 64, 64, stride=2)
    parameters: dict[str, Any] = {"backbone": "micro", "side": 4, "channels": 6, "clip": clip, **changed}
    return FeatureMap(**parameters).eval()


def test_a_feature_map_is_flat_and_fits_the_memory_it_is_for() -> None:
    encoder = micro_map()
    memory = ByFrame(encoder.feature_size, 4, frames=2, model="recurrent_conv", map=(6, 4, 4), channels=(5, 5))
    with torch.inference_mode():
        features = encoder(torch.randn(2, 8, 3, 64, 64))
        logits, _ = memory.step(features, torch.zeros(2), memory.initial_state(2))
    assert (features.shape, logits.shape) == ((2, 2 * 6 * 4 * 4), (2, 4))


def test_a_feature_map_sees_the_newest_frames_alone_each_on_its_own() -> None:
    encoder = micro_map()
    clips = torch.randn(1, 8, 3, 64, 64)
    older, newer = clips.clone(), clips.clone()
    older[:, :6] += 1
    newer[:, 6] += 1
    with torch.inference_mode():
        expected = encoder(clips)
        torch.testing.assert_close(encoder(older), expected)
        first, second = encoder(newer).chunk(2, 1)
        assert not torch.allclose(first, expected.chunk(2, 1)[0])
        torch.testing.assert_close(second, expected.chunk(2, 1)[1])


def test_a_feature_map_keeps_places() -> None:
    """A corner of the picture is heard of near it, and not in the other half."""
    encoder = micro_map(side=8, clip=ClipSpec(8, 128, 128, stride=2))
    clips = torch.zeros(1, 8, 3, 128, 128)
    lit = clips.clone()
    lit[..., :8, :8] = 3
    with torch.inference_mode():
        change = (encoder(lit) - encoder(clips)).view(2, 6, 8, 8).abs().sum((0, 1))
    assert float(change[0, 0]) > 0
    assert float(change[4:].max()) == float(change[:, 4:].max()) == 0


def test_folding_a_feature_map_changes_nothing_but_the_last_bits() -> None:
    encoder = micro_map().train()
    x = torch.randn(2, 8, 3, 64, 64)
    for _ in range(3):
        encoder(x)  # moves the running statistics away from their start
    encoder.eval()
    with torch.inference_mode():
        before = encoder(x)
        encoder.fold()
        torch.testing.assert_close(encoder(x), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"backbone": "vgg"}, "unknown backbone 'vgg'; choose one of"), ({"side": 0}, "at least 1, got 0 and 6")],
)
def test_a_map_that_cannot_be_is_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        micro_map(**changed)
