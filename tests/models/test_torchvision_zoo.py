"""torchvision's published models by name: what their cards say, how a file becomes a model, what is said without."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import get_model_weights, video

from pipeline.errors import ModelError, UsageError
from pipeline.models import conversion
from pipeline.models.build import load_model, save_model
from pipeline.models.card import load_card, registered_models, resolve
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.models.profile import detect_numerics
from pipeline.models.torchvision_zoo import CLASSES, NETS, PREFIX, folder, published_models
from pipeline.models.worker import ModelWorker
from pipeline.segment.rules import Rules
from pipeline.values import ClipSpec, Scaling
from tests.models.publishing import publish

NAME = "torchvision/mc3_18"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A file such as torchvision publishes, with weights of ours."""
    torch.manual_seed(0)
    return publish(tmp_path_factory.mktemp("weights"), video.mc3_18(weights=None).state_dict())


@pytest.fixture
def at_hand(published: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: Any) -> None:
    """The file is where a user would put it, and longtake's data folder is empty."""
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / "home"))
    weights = next(tmp_path_factory.getbasetemp().glob(f"weights*/{Path(published.url).name}"))
    monkeypatch.setenv("LONGTAKE_WEIGHTS_DIR", str(weights.parent))
    monkeypatch.setattr(conversion, "_weights", lambda net: published)


@pytest.mark.parametrize("net", NETS)
def test_a_net_is_shown_what_its_publisher_showed_it(net: str) -> None:
    weights, facts = get_model_weights(net)["KINETICS400_V1"], NETS[net]
    shown, clip = weights.transforms(), facts.clip
    told = weights.meta["_docs"].replace("`", "").split("with parameters ")[1]
    assert weights.url.endswith(f"/{facts.file}")
    assert facts.normalisation == (tuple(shown.mean), tuple(shown.std))
    assert [clip.height, clip.width] == shown.crop_size
    scaling = Scaling(*shown.resize_size, exact=True)
    assert clip.scaling == scaling
    assert told.startswith(f"frame_rate={clip.fps:g}, ") and f"clip_len={clip.frames}" in told


@pytest.mark.parametrize("net", NETS)
def test_it_answers_about_once_a_second(net: str) -> None:
    assert 0.8 <= NETS[net].clip.stride / NETS[net].clip.fps <= 1.0


@pytest.mark.parametrize("name", published_models())
def test_a_card_knows_the_classes_of_kinetics_and_where_the_weights_are_from(name: str) -> None:
    card = conversion.published_card(name)
    assert (len(card.labels), card.labels[0], card.labels[-1]) == (400, "abseiling", "zumba")
    assert [s.kind for s in card.label_sets] == ["exclusive"]
    record = json.loads(json.dumps(card.training))
    assert record == dict(card.training)
    assert record["publisher"] == "torchvision" and record["file"] == NETS[card.name].file
    assert 60 < record["acc@1"] < 82 and "://" not in str(record)
    Rules.from_card(card.labels, card.segmenter)


def test_a_name_becomes_a_directory_that_serves_the_published_weights(at_hand: None) -> None:
    directory = resolve(NAME)
    model = load_model(directory)
    assert directory == folder(NAME)
    assert model.card == load_card(directory)
    assert isinstance(model.encoder, TorchvisionNet)
    torch.manual_seed(0)
    for key, value in video.mc3_18(weights=None).state_dict().items():
        assert torch.equal(model.encoder.net.state_dict()[key], value), key


def test_it_is_made_once(at_hand: None, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = resolve(NAME)
    monkeypatch.setattr(conversion, "_weights", None)
    assert resolve(NAME) == directory
    assert [path.name for path in directory.parent.iterdir()] == ["mc3_18"]


def test_every_machine_makes_the_same_bytes(at_hand: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []
    for machine in ("one", "two"):
        monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path / machine))
        directory = resolve(NAME)
        made.append([(path.name, path.read_bytes()) for path in sorted(directory.iterdir())])
    assert made[0] == made[1]
    assert len(made[0]) == 2


def test_of_two_processes_that_make_it_at_once_one_is_believed(at_hand: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other has made it between the look for the directory and the end of our work."""
    make = conversion.save_model

    def both(directory: Path, model: Any) -> Any:
        make(folder(NAME), model)
        return make(directory, model)

    monkeypatch.setattr(conversion, "save_model", both)
    assert load_card(resolve(NAME)).name == "mc3_18"


def test_a_disk_that_takes_nothing_is_told(at_hand: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "save_model", full)
    with pytest.raises(ModelError, match=r"mc3_18 cannot be written: .*No space left"):
        resolve(NAME)
    assert not folder(NAME).exists()


def test_without_its_file_a_model_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route")

    for variable in ("LONGTAKE_HOME", "LONGTAKE_WEIGHTS_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    with pytest.raises(ModelError, match=r"s3d-d76dad2f\.pth, whose SHA-256 begins with d76dad2f, is not here"):
        resolve("torchvision/s3d")
    assert not folder("torchvision/s3d").exists()


def test_without_torch_a_model_that_was_made_is_found_and_another_is_told(
    at_hand: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(NAME)
    monkeypatch.setattr("pipeline.models.card.find_spec", lambda _: None)
    assert resolve(NAME) == folder(NAME)
    with pytest.raises(ModelError, match=r"torchvision/s3d has not been made yet, which takes torch: install"):
        resolve("torchvision/s3d")


def test_a_net_that_is_described_otherwise_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = folder(NAME)
    monkeypatch.setattr("pipeline.models.torchvision_zoo.SMOOTHING_S", 3.0)
    assert folder(NAME) != before


def test_the_names_are_registered_and_a_mistyped_one_is_told_which_there_are() -> None:
    assert {PREFIX + net for net in NETS} <= set(registered_models())
    with pytest.raises(UsageError, match=r"unknown model 'torchvision/r4d'; choose one of .*torchvision/r3d_18"):
        resolve("torchvision/r4d")


def test_a_worker_answers_with_the_nets_own_probabilities(at_hand: None) -> None:
    """Of a short clip: a whole one takes seconds."""
    made = load_model(resolve(NAME))
    card = replace(made.card, clip=ClipSpec(4, 32, 32, 15.0, 4))
    directory = folder(NAME).parent / "short"
    save_model(directory, replace(made, card=card))
    clip = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    answer = ModelWorker(directory, replace(detect_numerics("cpu"), dtype="float32")).infer(clip, 0.0, None)
    mean, std = (torch.tensor(one)[:, None, None, None] for one in NETS["mc3_18"].normalisation)
    with torch.inference_mode():
        logits = made.encoder.net(((torch.from_numpy(clip).permute(3, 0, 1, 2) / 255 - mean) / std)[None])
    assert answer.probs.shape == (1, CLASSES)
    assert answer.probs[0] == pytest.approx(logits.softmax(-1)[0].numpy(), abs=1e-5)
