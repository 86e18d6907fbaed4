"""Published weights become models of longtake: torchvision's video nets as they are, or as a start for training."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError

from pipeline.errors import ModelError, UsageError
from pipeline.models.build import build, save_model
from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.inflation import InflatedResNet, load_inflated
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.models.published import load_state, published_file
from pipeline.models.torchvision_zoo import CLASSES, NETS, PREFIX, SMOOTHING_S, WEIGHTS, published_models

RESNETS = {
    "resnet18": "IMAGENET1K_V1",
    "resnet34": "IMAGENET1K_V1",
    "resnet50": "IMAGENET1K_V2",
    "resnet101": "IMAGENET1K_V2",
}
"""The newest weights of each 2D net that can be inflated."""


def published_card(name: str) -> ModelCard:
    """The card of a published model; it is the same on every machine with the same torchvision."""
    net, facts = name.removeprefix(PREFIX), published_models()[name]
    weights, clip = _weights(net), facts.clip
    mean, std = facts.normalisation
    return ModelCard(
        name=net,
        encoder=Part("torchvision_net", {"net": net, "classes": CLASSES}),
        temporal=Part("smoother", {"seconds": SMOOTHING_S, "step_s": clip.stride / clip.fps}),
        clip=clip,
        mean=mean,
        std=std,
        label_sets=(LabelSet("Kinetics-400", "exclusive", tuple(weights.meta["categories"])),),
        segmenter={},
        training={"publisher": "torchvision", "weights": str(weights), "file": facts.file, **_told(weights.meta)},
    )


def convert(name: str, directory: Path) -> None:
    """Make a published model's directory from its published file: whole or not at all, and always the same bytes.

    Raises:
        ModelError: see `published_file` and `load_state`; or the directory cannot be written.
    """
    path = published_file(_weights(name.removeprefix(PREFIX)))
    model = build(published_card(name))
    assert isinstance(model.encoder, TorchvisionNet)
    model.encoder.take(load_state(path), path.name)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=directory.parent) as work:
            made = Path(work) / directory.name
            save_model(made, model)
            os.rename(made, directory)  # noqa: PTH104  # which, unlike Path.rename's callers expect, may find it made
    except (OSError, SafetensorError) as error:
        if not directory.is_dir():  # nor has another process made it meanwhile
            raise ModelError(f"{directory} cannot be written: {error}") from None


def begin_with(name: str, encoder: Encoder) -> dict[str, Any]:
    """Give an encoder published weights to begin with: a ResNet's, inflated, or those of the same video net.

    Returns:
        What the record of the training says of it.

    Raises:
        UsageError: there are no such weights.
        ModelError: they are another encoder's; or see `published_file` and `load_state`.
    """
    net = name.removeprefix(PREFIX)
    if net not in (*RESNETS, *NETS):
        raise UsageError(
            f"unknown start {name!r}; choose one of {', '.join(PREFIX + one for one in (*RESNETS, *NETS))}"
        )
    inflatable = isinstance(encoder, InflatedResNet) and net in RESNETS
    if not inflatable and not (isinstance(encoder, TorchvisionNet) and encoder.name == net):
        wanted = "an inflated_resnet of this depth" if net in RESNETS else f"the architecture {name}"
        raise ModelError(f"{name} is a start for {wanted}, not for the encoder that is trained")
    path = published_file(_weights(net))
    state = load_state(path)
    if isinstance(encoder, InflatedResNet):
        load_inflated(encoder, state)
    elif isinstance(encoder, TorchvisionNet):
        encoder.take(state, path.name)
    return {"name": name, "file": path.name}


def _weights(net: str) -> Any:
    from torchvision.models import get_model_weights  # takes seconds

    return get_model_weights(net)[RESNETS.get(net, WEIGHTS)]


def _told(meta: Any) -> dict[str, Any]:
    """What the publisher says of the training: whose recipe it was, and what it reached."""
    owner, repository = meta["recipe"].split("/")[3:5]
    (figures,) = meta["_metrics"].values()
    return {"recipe": f"{owner}/{repository}", "data": "Kinetics-400", **figures}
