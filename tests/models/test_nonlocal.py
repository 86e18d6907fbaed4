"""The non-local block: attention over space and time that can be put into a trained 3D CNN."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipeline.models.encoders import nonlocal_block
from pipeline.models.encoders.nonlocal_block import NonLocalBlock
from pipeline.models.encoders.parts import ConvNormRelu, fold_blocks


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(5)


def awake(channels: int = 8, pooled: bool = False) -> NonLocalBlock:
    """A block whose output counts, in eval mode, with batch norm statistics unlike their first ones."""
    block = NonLocalBlock(channels, pooled).eval()
    norm = block.output.norm
    assert isinstance(norm, nn.BatchNorm3d) and norm.running_mean is not None and norm.running_var is not None
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.uniform_(norm.running_var, 0.5, 1.5)
    nn.init.normal_(norm.running_mean)
    return block


def train(net: nn.Module, clips_BCTHW: Tensor, steps: int) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.train()
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(net(clips_BCTHW), torch.arange(len(clips_BCTHW)) % 2).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    net.eval()


def test_a_trained_network_gives_the_same_bits_with_the_block_in_it_until_a_training_step() -> None:
    layers = [ConvNormRelu(3, 8, 3), ConvNormRelu(8, 8, 3, stride=2), nn.Flatten(), nn.Linear(8 * 2 * 3 * 3, 2)]
    clips = torch.randn(4, 3, 8, 10, 10)
    network = nn.Sequential(*layers)
    train(network, clips, steps=5)
    with_block = nn.Sequential(*layers[:1], NonLocalBlock(8), *layers[1:]).eval()
    with torch.inference_mode():
        before = network(clips)
        assert torch.equal(with_block(clips), before)
    train(with_block, clips, steps=1)
    with torch.inference_mode():
        without = network(clips)
        assert not torch.equal(with_block(clips), without), "the block still does nothing"


def test_it_computes_the_paper_s_formula() -> None:
    block, x = awake(), torch.randn(2, 8, 3, 4, 5)
    with torch.inference_mode():
        query, key, value = (conv(x).flatten(2) for conv in (block.query, block.key, block.value))
        attention = torch.softmax(torch.einsum("bcp,bcq->bpq", query, key) / 4**0.5, -1)
        summed = torch.einsum("bpq,bcq->bcp", attention, value).view(2, 4, 3, 4, 5)
        expected = x + block.output.norm(block.output.conv(summed))
        assert attention.shape == (2, 60, 60)  # T·H·W × T·H·W
        torch.testing.assert_close(block(x), expected)


def test_permuting_positions_permutes_outputs() -> None:
    block, x = awake(), torch.randn(2, 8, 3, 4, 5)
    order = torch.randperm(60)
    with torch.inference_mode():
        permuted = block(x.flatten(2)[..., order].view(x.shape))
        torch.testing.assert_close(permuted, block(x).flatten(2)[..., order].view(x.shape))


def test_one_position_s_output_depends_on_every_position_of_the_clip() -> None:
    x = torch.randn(1, 8, 5, 6, 6, requires_grad=True)
    awake()(x)[0, :, 0, 0, 0].square().sum().backward()
    assert x.grad is not None and (x.grad.abs().amax((0, 1)) > 0).all()


@pytest.mark.parametrize("size", [6, 5])
def test_pooled_it_still_depends_on_every_two_by_two_window(size: int) -> None:
    x = torch.randn(1, 8, 5, size, size, requires_grad=True)
    awake(pooled=True)(x)[0, :, 0, 0, 0].square().sum().backward()
    assert x.grad is not None
    windows = nn.functional.max_pool2d(x.grad.abs().amax((0, 1)), 2, ceil_mode=True)
    assert windows.shape == (5, 3, 3) and (windows > 0).all()


@pytest.mark.parametrize(("pooled", "keys"), [(False, 5 * 6 * 6), (True, 5 * 3 * 3)])
def test_pooling_quarters_the_keys(monkeypatch: pytest.MonkeyPatch, pooled: bool, keys: int) -> None:
    maps = []

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        maps.append((query.shape[-2], key.shape[-2], value.shape[-2]))
        return nn.functional.scaled_dot_product_attention(query, key, value)

    monkeypatch.setattr(nonlocal_block, "scaled_dot_product_attention", attend)
    awake(pooled=pooled)(torch.randn(1, 8, 5, 6, 6))
    assert maps == [(5 * 6 * 6, keys, keys)]


def test_folding_changes_nothing_but_the_last_bits() -> None:
    block, x = awake(), torch.randn(2, 8, 3, 4, 5)
    with torch.inference_mode():
        before = block(x)
        fold_blocks(block)
        assert isinstance(block.output.norm, nn.Identity)
        torch.testing.assert_close(block(x), before, rtol=1e-4, atol=1e-5)


def test_a_single_channel_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="wants at least 2, got 1"):
        NonLocalBlock(1)
