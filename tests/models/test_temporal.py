"""The temporal models over a sequence and step by step."""

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.causal_conv import CausalConv
from pipeline.models.temporal.gru import GruMemory
from pipeline.models.temporal.lstm import LstmMemory
from pipeline.models.temporal.multiscale import MultiscaleMemory
from pipeline.models.temporal.ring_attention import RingAttention

Make = Callable[[], TemporalModel]

FEATURES, LOGITS = 6, 4
MEMORIES: dict[str, Make] = {
    "gru": lambda: GruMemory(FEATURES, LOGITS, width=8, hidden=10),
    "lstm": lambda: LstmMemory(FEATURES, LOGITS, width=8, hidden=10),
    "causal convolutions": lambda: CausalConv(FEATURES, LOGITS, map=[3, 1, 1], channels=[4, 5], dilations=[1, 2]),
    "ring attention": lambda: RingAttention(FEATURES, LOGITS, width=8, heads=2, steps=5),
    "multiscale": lambda: MultiscaleMemory(
        FEATURES, LOGITS, width=8, heads=2, recent=3, queries=4, half_lives_s=[2, 60, 3600], step_s=0.8
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks are slower with several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=MEMORIES)
def make(request: pytest.FixtureRequest) -> Make:
    return MEMORIES[request.param]


def made(make: Make, dtype: torch.dtype = torch.float64) -> TemporalModel:
    """With weights that leave nothing at zero: a distance that costs nothing would hide its own place."""
    torch.manual_seed(3)
    model = make().to(dtype).eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    return model


def sequence(steps: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two streams' features, and gaps of up to a minute, rarely of a day."""
    random = torch.Generator().manual_seed(seed)
    draw = torch.rand(2, steps, generator=random)
    gaps = torch.where(draw < 0.1, draw * 600, 0.0).where(draw > 0.005, torch.tensor(86_400.0))
    return torch.randn(2, steps, FEATURES, generator=random).to(dtype), gaps.to(dtype)


def stepped(model: TemporalModel, x: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
    state, logits = model.initial_state(len(x)), []
    for t in range(x.shape[1]):
        logit, state = model.step(x[:, t], gaps[:, t], state)
        logits.append(logit)
    return torch.stack(logits, 1), state


@pytest.mark.parametrize("name", MEMORIES)
@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 79), max_size=6), seed=st.integers(0, 99))
def test_step_equals_forward_for_any_chunking(name: str, cuts: set[int], seed: int) -> None:
    model, (x, gaps) = made(MEMORIES[name]), sequence(80, seed=seed)
    with torch.inference_mode():
        expected, last = stepped(model, x, gaps)
        state, parts = model.initial_state(2), []
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 80], strict=True):
            logits, state = model(x[:, begin:end], gaps[:, begin:end], state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-10)


@pytest.mark.slow
def test_in_single_precision_they_still_agree_after_ten_thousand_steps(make: Make) -> None:
    model, (x, gaps) = made(make, torch.float32), sequence(10_000, torch.float32)
    with torch.inference_mode():
        expected, _ = stepped(model, x, gaps)
        actual, _ = model(x, gaps, model.initial_state(2))
    torch.testing.assert_close(actual[:, -100:], expected[:, -100:], rtol=1e-4, atol=1e-4)


def test_what_is_to_come_changes_nothing(make: Make) -> None:
    model, (x, gaps), (other, _) = made(make), sequence(40), sequence(40, seed=1)
    with torch.inference_mode():
        first, _ = model(x, gaps, model.initial_state(2))
        second, _ = model(torch.cat([x[:, :25], other[:, 25:]], 1), gaps, model.initial_state(2))
    assert torch.equal(first[:, :25], second[:, :25]) and not torch.equal(first[:, 25:], second[:, 25:])


def test_a_stream_is_answered_alike_whatever_stands_beside_it(make: Make) -> None:
    """A young stream and an old one share a batch."""
    model, (x, gaps) = made(make), sequence(30)
    with torch.inference_mode():
        _, old = stepped(model, x[:1], gaps[:1])
        young = model.initial_state(1)
        together, states = model.step(x[:, 0], gaps[:, 0], torch.cat([old, young]))
        for row, state in enumerate((old, young)):
            alone, after = model.step(x[row : row + 1, 0], gaps[row : row + 1, 0], state)
            torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-12)
            torch.testing.assert_close(states[row : row + 1], after, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(MEMORIES.keys() - {"causal convolutions"}))  # which remember a second or two
def test_a_gap_changes_the_answer(name: str) -> None:
    model, (x, _) = made(MEMORIES[name]), sequence(3)
    answers = []
    with torch.inference_mode():
        for gap_s in (0.0, 60.0):
            gaps = torch.tensor([[0.0, 0.0, gap_s]] * 2).double()
            answers.append(stepped(model, x, gaps)[0][:, -1])
    assert not torch.allclose(*answers)


def test_ring_attention_sees_its_last_steps_and_none_before() -> None:
    model, (x, _) = made(MEMORIES["ring attention"]), sequence(12)
    none = torch.zeros(2, 12).double()
    with torch.inference_mode():
        logits = model(x, none, model.initial_state(2))[0][:, -1]
        for changed, seen in ((7, True), (6, False)):
            other = x.clone()
            other[:, changed] += 1
            assert torch.allclose(model(other, none, model.initial_state(2))[0][:, -1], logits) is not seen


def test_causal_convolutions_see_as_far_back_as_their_dilated_kernels_reach() -> None:
    model, (x, _) = made(MEMORIES["causal convolutions"]), sequence(12)
    none = torch.zeros(2, 12).double()
    with torch.inference_mode():
        logits = model(x, none, model.initial_state(2))[0][:, -1]
        for frames_back, seen in (
            (7, True),
            (8, False),
        ):  # two frames are a step; the mean of a step's two sees one more
            other = x.clone().reshape(2, 24, 3)
            other[:, 23 - frames_back] += 1
            assert (
                torch.allclose(model(other.reshape(2, 12, 6), none, model.initial_state(2))[0][:, -1], logits)
                is not seen
            )


def test_decayed_sums_halve_with_every_half_life_and_keep_the_mean() -> None:
    model = made(MEMORIES["multiscale"])
    assert isinstance(model, MultiscaleMemory)
    x, (never, later) = torch.randn(1, 1, 8).double(), (torch.tensor([[time_s]]).double() for time_s in (0.0, 60.0))
    with torch.inference_mode():
        found, state = model.sums(x, never, torch.zeros(1, model.sums.state_size).double())
        _, faded = model.sums(torch.zeros(1, 1, 8).double(), later - 0.8, state)
        _, empty = model.sums(torch.zeros(1, 1, 8).double(), never, torch.zeros_like(state))
    kept = ((faded - empty) / state).view(3, 4, 3)
    for scale, half_life_s in enumerate((2, 60, 3600)):
        assert kept[scale].numpy() == pytest.approx(2 ** (-60 / half_life_s), rel=1e-9)
    means = found.view(3, 4, 3)[..., :2]
    torch.testing.assert_close(means[0], means[2], rtol=1e-5, atol=1e-7)


def test_a_state_has_its_size_for_ever(make: Make) -> None:
    model, (x, gaps) = made(make), sequence(1)
    state = model.initial_state(2)
    for _ in range(100):
        _, state = model.step(x[:, 0], gaps[:, 0], state)
        assert state.shape == (2, model.state_size) and bool(state.isfinite().all())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CausalConv(FEATURES, LOGITS, map=[4, 1, 1], channels=[4], dilations=[1]),
        lambda: CausalConv(FEATURES, LOGITS, map=[3, 1, 1], channels=[4, 4], dilations=[1]),
        lambda: RingAttention(FEATURES, LOGITS, width=8, heads=3, steps=5),
        lambda: RingAttention(FEATURES, LOGITS, width=8, heads=2, steps=0),
        lambda: MultiscaleMemory(FEATURES, LOGITS, 8, 2, 3, queries=5, half_lives_s=[1], step_s=0.8),
        lambda: MultiscaleMemory(FEATURES, LOGITS, 8, 2, 3, queries=4, half_lives_s=[], step_s=0.8),
        lambda: MultiscaleMemory(FEATURES, LOGITS, 8, 2, 3, queries=4, half_lives_s=[0], step_s=0.8),
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong: Callable[[], TemporalModel]) -> None:
    with pytest.raises(ValueError, match=r"want|no row of maps"):
        wrong()
