"""RAFT as far as it can be told without its weights: sizes, scale, and what is said where it cannot be had."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_small

from pipeline.errors import ModelError
from pipeline.motion import method_of, methods, raft
from pipeline.values import MotionSpec
from tests.motion.textures import Sliding


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the published format, with random weights."""
    torch.manual_seed(0)
    path = tmp_path / "raft_small.pth"
    torch.save(raft_small().state_dict(), path)
    monkeypatch.setattr(raft, "published_file", lambda weights: path)
    raft._net.cache_clear()
    yield path
    raft._net.cache_clear()


@pytest.mark.parametrize("size", [(64, 64), (130, 180)])
def test_the_network_sees_what_it_can_take_and_answers_at_the_size_asked_for(weights: Path, size: tuple[int, int]):
    method = method_of(MotionSpec(1, *size, "raft"))
    pictures = [method.seen(Sliding(x, 0.0)) for x in (0.0, 2.0)]
    assert all(side >= 128 and side % 8 == 0 for side in pictures[0].shape[:2])
    found = method.between(*pictures)
    assert found.shape == (2, *size) and found.dtype == np.float16 and np.isfinite(found).all()
    assert found.tobytes() == method.between(*pictures).tobytes()


def test_displacements_are_pixels_of_the_size_asked_for(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steady(before: torch.Tensor, after: torch.Tensor) -> list[torch.Tensor]:
        assert before.shape == after.shape == (1, 3, 128, 184)
        assert before.min() >= -1 and after.max() <= 1
        return [torch.tensor([8.0, 4.0]).reshape(1, 2, 1, 1).expand(1, 2, 128, 184)]

    method = method_of(MotionSpec(1, 32, 184, "raft"))
    monkeypatch.setattr(method, "_net", steady)
    found = method.between(method.seen(Sliding(0, 0)), method.seen(Sliding(1, 0)))
    assert np.allclose(found[0], 8.0) and np.allclose(found[1], 1.0)


def test_weights_of_another_network_are_refused(weights: Path) -> None:
    torch.save({"convolution": torch.zeros(3)}, weights)
    with pytest.raises(ModelError, match=r"raft_small\.pth"):
        method_of(MotionSpec(1, 64, 64, "raft"))


def test_where_there_is_no_torch_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name if name == "torch" else "torch")

    monkeypatch.setattr(methods, "import_module", absent)
    with pytest.raises(ModelError, match="motion by raft needs torch: install"):
        method_of(MotionSpec(1, 64, 64, "raft"))
    assert importlib.import_module("pipeline.motion.dis")  # the others do without
