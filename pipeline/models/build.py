"""From a card to networks: the registers of encoders and temporal models, and how their weights are kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.errors import ModelError
from pipeline.models.card import WEIGHTS_FILE, LabelSet, ModelCard, Part, load_card, save_card
from pipeline.models.encoders.base import Encoder
from pipeline.models.encoders.conv3d import C3d, SlowFusion
from pipeline.models.encoders.feature_map import FeatureMap
from pipeline.models.encoders.frame_cnn import EarlyFusion, FrameCnn, LateFusion, LatePooling
from pipeline.models.encoders.inflation import InflatedResNet
from pipeline.models.encoders.shift_cnn import ShiftCnn
from pipeline.models.encoders.torchvision_net import TorchvisionNet
from pipeline.models.encoders.two_stream import TwoStream
from pipeline.models.encoders.video_transformer import VideoTransformer
from pipeline.models.temporal.base import TemporalModel
from pipeline.models.temporal.by_frame import ByFrame
from pipeline.models.temporal.causal_conv import CausalConv
from pipeline.models.temporal.frame_average import FrameAverage
from pipeline.models.temporal.gru import GruMemory
from pipeline.models.temporal.linear import LinearHead
from pipeline.models.temporal.lstm import LstmMemory
from pipeline.models.temporal.multiscale import MultiscaleMemory
from pipeline.models.temporal.recurrent_conv import RecurrentConv
from pipeline.models.temporal.ring_attention import RingAttention
from pipeline.models.temporal.smoother import Smoother
from pipeline.models.temporal.stream_fusion import StreamFusion

T = TypeVar("T")

ENCODERS: Mapping[str, Callable[..., Encoder]] = {
    "c3d": C3d,
    "early_fusion": EarlyFusion,
    "feature_map": FeatureMap,
    "frame_cnn": FrameCnn,
    "inflated_resnet": InflatedResNet,
    "late_fusion": LateFusion,
    "late_pooling": LatePooling,
    "shift_cnn": ShiftCnn,
    "slow_fusion": SlowFusion,
    "torchvision_net": TorchvisionNet,
    "two_stream": TwoStream,
    "video_transformer": VideoTransformer,
}
TEMPORAL_MODELS: Mapping[str, Callable[..., TemporalModel]] = {
    "by_frame": ByFrame,
    "causal_conv": CausalConv,
    "frame_average": FrameAverage,
    "gru": GruMemory,
    "linear": LinearHead,
    "lstm": LstmMemory,
    "multiscale": MultiscaleMemory,
    "recurrent_conv": RecurrentConv,
    "ring_attention": RingAttention,
    "smoother": Smoother,
    "stream_fusion": StreamFusion,
}


@dataclass(frozen=True)
class StreamModel:
    """The two halves of a model, and what its card says."""

    card: ModelCard
    encoder: Encoder
    temporal: TemporalModel

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors, named `encoder.…` and `temporal.…`."""
        halves: dict[str, nn.Module] = {"encoder": self.encoder, "temporal": self.temporal}
        return {f"{half}.{key}": value for half, net in halves.items() for key, value in net.state_dict().items()}


def build(card: ModelCard) -> StreamModel:
    """Networks with fresh weights.

    Raises:
        ModelError: unknown architecture or parameters; the message names the choices.
    """
    encoder = _construct(ENCODERS, card.encoder, clip=card.clip)
    if card.clip.motion is not None and not encoder.wants_motion:
        raise ModelError(f"the clip has motion, which {card.encoder.name} does not look at")
    logits = sum(label_set.logits for label_set in card.label_sets)
    temporal = _construct(TEMPORAL_MODELS, card.temporal, feature_size=encoder.feature_size, logits=logits)
    return StreamModel(card, encoder, temporal)


def load_model(directory: Path) -> StreamModel:
    """Networks with the directory's weights, in eval mode.

    Raises:
        ModelError: see `load_card`; or the weights do not fit the architecture.
    """
    model = build(load_card(directory))
    try:
        tensors = load_file(directory / WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{directory / WEIGHTS_FILE} cannot be read: {error}") from None
    expected = model.state_dict()
    wrong = {k for k in expected.keys() | tensors.keys() if _shape(expected, k) != _shape(tensors, k)}
    if wrong:
        raise ModelError(f"weights in {directory} do not fit {model.card.encoder.name}: {', '.join(sorted(wrong)[:5])}")
    for key, value in expected.items():
        value.copy_(tensors[key])
    model.encoder.eval()
    model.temporal.eval()
    return model


def save_model(directory: Path, model: StreamModel) -> ModelCard:
    """Write weights and card into `directory` (made where missing); return the card with its fingerprint."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, directory / WEIGHTS_FILE)
    return save_card(directory, model.card)


def probabilities(logits_NK: Tensor, label_sets: tuple[LabelSet, ...]) -> Tensor:
    """N×C probabilities of the labels: sigmoid where independent, softmax without its background where exclusive."""
    parts = []
    for label_set, part in zip(label_sets, torch.split(logits_NK, [s.logits for s in label_sets], -1), strict=True):
        independent = label_set.kind == "independent"
        parts.append(torch.sigmoid(part) if independent else torch.softmax(part, -1)[..., 1:])
    return torch.cat(parts, -1)


def _construct(register: Mapping[str, Callable[..., T]], part: Part, **given: object) -> T:
    if part.name not in register:
        raise ModelError(f"unknown architecture {part.name!r}; longtake has {', '.join(sorted(register))}")
    try:
        return register[part.name](**part.parameters, **given)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{part.name} cannot be built with {dict(part.parameters)}: {error}") from None


def _shape(tensors: Mapping[str, Tensor], key: str) -> object:
    return tensors[key].shape if key in tensors else None
