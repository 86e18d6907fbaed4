"""Published weights: where they are looked for, what is refused, and what is said when they are nowhere."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pipeline.errors import ModelError
from pipeline.models.published import find, fit, folders, load_state, published_file
from tests.models.publishing import publish

STATE = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Torch hub's folder, and no other; nothing is fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("LONGTAKE_WEIGHTS_DIR", raising=False)
    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    return tmp_path / "torch" / "hub" / "checkpoints"


def unreachable(*_: Any, **__: Any) -> None:
    raise URLError("no route")


def test_torch_hubs_folder_is_found_without_torch(monkeypatch, tmp_path):
    for variables in ({"TORCH_HOME": "/t"}, {"XDG_CACHE_HOME": "/x"}, {"HOME": str(tmp_path)}):
        for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert folders() == [Path(torch.hub.get_dir()) / "checkpoints"]


def test_a_file_that_a_user_brought_comes_before_torch_hubs(cache, monkeypatch, tmp_path):
    weights = publish(cache, STATE)
    assert published_file(weights).parent == cache
    monkeypatch.setenv("LONGTAKE_WEIGHTS_DIR", str(tmp_path / "mine"))
    assert published_file(weights).parent == cache
    publish(tmp_path / "mine", STATE)
    assert published_file(weights) == find(published_file(weights).name) == tmp_path / "mine" / weights.url[-19:]


def test_a_file_that_is_nowhere_is_told_with_its_hash_its_address_and_its_place(cache):
    weights = SimpleNamespace(url="https://weights.invalid/models/net-0123abcd.pth")
    with pytest.raises(ModelError) as told:
        published_file(weights)
    assert str(told.value) == (
        "net-0123abcd.pth, whose SHA-256 begins with 0123abcd, is not here and could not be fetched from "
        f"{weights.url} (<urlopen error no route>): "
        f"put it into {cache}, or into a folder that LONGTAKE_WEIGHTS_DIR names"
    )


def test_a_file_is_fetched_into_the_users_own_folder_with_its_hash(monkeypatch, tmp_path):
    asked = []

    def fetch(url: str, path: str, digits: str, progress: bool) -> None:
        asked.append((url, digits))
        Path(path).write_bytes(b"weights")

    monkeypatch.setenv("LONGTAKE_WEIGHTS_DIR", str(tmp_path / "mine"))
    monkeypatch.setattr("torch.hub.download_url_to_file", fetch)
    digits = hashlib.sha256(b"weights").hexdigest()[:8]
    url = f"https://weights.invalid/net-{digits}.pth"
    assert published_file(SimpleNamespace(url=url)) == tmp_path / "mine" / f"net-{digits}.pth"
    assert asked == [(url, digits)]


def test_a_file_of_other_bytes_is_refused(cache):
    weights = publish(cache, STATE)
    path = published_file(weights)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="is not what was published: its SHA-256 begins with"):
        published_file(weights)


def test_a_name_without_a_hash_is_refused():
    with pytest.raises(ModelError, match=r"net\.pth says nothing of its SHA-256"):
        published_file(SimpleNamespace(url="https://weights.invalid/net.pth"))


def test_tensors_are_read_from_torchs_own_format_and_from_safetensors(tmp_path):
    torch.save(STATE, tmp_path / "new.pth")
    torch.save(STATE, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(STATE, tmp_path / "net.safetensors")
    for name in ("new.pth", "old.pth", "net.safetensors"):
        state = load_state(tmp_path / name)
        assert all(torch.equal(state[key], value) for key, value in STATE.items()) and state.keys() == STATE.keys()


class Payload:
    """Whoever unpickles it runs a command."""

    def __reduce__(self) -> Any:
        import os

        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"weight": Payload()}, "holds something else than tensors, and longtake opens no other pickle"),
        ({"weight": 3}, "holds something else than tensors by name"),
        ([torch.ones(2)], "holds something else than tensors by name"),
    ],
)
def test_what_is_more_than_tensors_is_refused(tmp_path, monkeypatch, content, sentence):
    monkeypatch.chdir(tmp_path)
    torch.save(content, "net.pth")
    with pytest.raises(ModelError, match=sentence):
        load_state(Path("net.pth"))
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04cut short"])
def test_a_broken_file_is_refused_in_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} (cannot be read|holds something else)"):
        load_state(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"weight": torch.ones(3, 3)}, "1 do not fit, as weight"), ({"scale": torch.ones(1)}, "1 do not fit, as scale")],
)
def test_weights_of_another_net_are_refused_by_name_and_leave_the_net_alone(change, named):
    net = nn.Linear(3, 2)
    before = net.weight.clone()
    with pytest.raises(ModelError, match=f"the weights in a file are not those of this net; {named}"):
        fit(net, STATE | change, "a file")
    assert torch.equal(net.weight, before)


def test_a_missing_weight_is_named_save_for_the_count_that_old_files_lack():
    net, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    state = {key: value + 1 for key, value in other.state_dict().items() if key != "num_batches_tracked"}
    fit(net, state, "a file")
    assert torch.equal(net.running_mean, state["running_mean"])
    with pytest.raises(ModelError, match="1 do not fit, as weight"):
        fit(net, {key: value for key, value in state.items() if key != "weight"}, "a file")
