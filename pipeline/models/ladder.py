"""The ladder of video classification: architectures from one frame at a time to long memory, each in two sizes.

A row says what a model is made of, in words that a card may say too; nothing here has weights. Needs no torch.
"""

from dataclasses import dataclass, replace

from pipeline.models.card import LabelSet, ModelCard, Part
from pipeline.models.torchvision_zoo import CLASSES, NETS, PREFIX
from pipeline.values import ClipSpec, MotionSpec

MICRO = "-micro"
MICRO_CLIP = ClipSpec(frames=16, height=64, width=64, fps=5.0, stride=4)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a model is made of.

    Attributes:
        classes: how many outputs its sizes are counted with; for a published one, those of its paper.
        mean, std: of RGB in [0, 1].
    """

    encoder: Part
    temporal: Part
    clip: ClipSpec
    classes: int = 8
    mean: tuple[float, float, float] = (0.45, 0.45, 0.45)
    std: tuple[float, float, float] = (0.225, 0.225, 0.225)

    def card(self, name: str) -> ModelCard:
        """A card for such a model, with a label for each class."""
        labels = tuple(f"class {number}" for number in range(self.classes))
        return ModelCard(
            name=name,
            encoder=self.encoder,
            temporal=self.temporal,
            clip=self.clip,
            mean=self.mean,
            std=self.std,
            label_sets=(LabelSet("classes", "independent", labels),),
            segmenter={},
            training={},
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One architecture.

    Attributes:
        number: its place on the ladder.
        paper: who described it, where and when.
        micro: at most half a million parameters, keeping what defines the row; none of what only others publish.
        published: as large as in the paper.
    """

    number: int
    name: str
    family: str
    paper: str
    micro: Blueprint | None
    published: Blueprint

    @property
    def sizes(self) -> dict[str, Blueprint]:
        """Its sizes by the names that they are asked for."""
        micro = {} if self.micro is None else {f"{self.name}{MICRO}": self.micro}
        return {self.name: self.published, **micro}


def architectures() -> dict[str, tuple[Row, Blueprint]]:
    """Every size of every row, by the name that it is asked for, in the ladder's order."""
    return {name: (row, blueprint) for row in LADDER for name, blueprint in row.sizes.items()}


def _part(name: str, /, **parameters: object) -> Part:
    return Part(name, parameters)


def _by_frame(model: str, **parameters: object) -> Part:
    """A recurrent model's steps over a clip of 16 frames."""
    return _part("by_frame", frames=16, model=model, **parameters)


def _clip(frames: int, side: int, fps: float) -> ClipSpec:
    """A paper's clip; the next one begins where it ends."""
    return ClipSpec(frames, side, side, fps, stride=frames)


def _torchvision(number: int) -> "tuple[Row, ...]":
    """What torchvision publishes in this place of the ladder, with a linear layer for its classifier."""
    return tuple(
        Row(
            number,
            f"{PREFIX}{name}",
            "torchvision",
            net.paper,
            None,
            Blueprint(_part("torchvision_net", net=name), _LINEAR, net.clip, CLASSES, *net.normalisation),
        )
        for name, net in NETS.items()
        if net.row == number
    )


_LINEAR = _part("linear")
_FC = [4096, 4096]
_KARPATHY = "Karpathy et al., CVPR 2014"
_SPORTS_1M, _KINETICS, _UCF_101, _THUMOS = 487, 400, 101, 20
_NATIVE_FPS = 30.0  # of the videos; papers say how many frames they skip
_UCF_101_FPS = 25.0  # ten pairs of frames lie between two pictures
_TEN_FRAMES = _clip(10, 170, _NATIVE_FPS)
_MICRO_CLIP_ONCE = replace(MICRO_CLIP, stride=MICRO_CLIP.frames)  # for what carries its memory from frame to frame
_FRAMES_MICRO = _part("frame_cnn", backbone="micro")
_SHIFT_MICRO = _part("shift_cnn", widths=[16, 24, 48], blocks=[1, 1])
_SHIFT = _part("shift_cnn", widths=[16, 24, 48, 96], blocks=[1, 1, 1])
_MINUTES_AND_HOURS = {"heads": 4, "recent": 16, "half_lives_s": [4.0, 20.0, 90.0, 600.0, 3600.0], "step_s": 0.8}

LADDER: tuple[Row, ...] = (
    Row(
        1,
        "single-frame",
        "2D CNN",
        _KARPATHY,
        Blueprint(_FRAMES_MICRO, _part("frame_average", frames=16), MICRO_CLIP),
        Blueprint(
            _part("frame_cnn", backbone="alexnet", hidden=_FC),
            _part("frame_average", frames=10),
            _TEN_FRAMES,
            _SPORTS_1M,
        ),
    ),
    Row(
        2,
        "late-fusion",
        "2D CNN",
        _KARPATHY,
        Blueprint(_part("late_fusion", backbone="micro", hidden=[128]), _LINEAR, MICRO_CLIP),
        Blueprint(
            _part("late_fusion", backbone="alexnet", hidden=_FC, pooled=False),
            _LINEAR,
            _clip(2, 170, _NATIVE_FPS / 15),
            _SPORTS_1M,
        ),
    ),
    Row(
        3,
        "late-pooling",
        "2D CNN",
        "Ng et al., CVPR 2015",
        Blueprint(_part("late_pooling", backbone="micro"), _LINEAR, MICRO_CLIP),
        Blueprint(_part("late_pooling", backbone="alexnet"), _LINEAR, _TEN_FRAMES, _SPORTS_1M),
    ),
    Row(
        4,
        "early-fusion",
        "2D CNN",
        _KARPATHY,
        Blueprint(_part("early_fusion", backbone="micro"), _LINEAR, MICRO_CLIP),
        Blueprint(_part("early_fusion", backbone="alexnet", hidden=_FC), _LINEAR, _TEN_FRAMES, _SPORTS_1M),
    ),
    Row(
        5,
        "slow-fusion",
        "3D CNN",
        _KARPATHY,
        Blueprint(_part("slow_fusion", backbone="micro"), _LINEAR, MICRO_CLIP),
        Blueprint(_part("slow_fusion", backbone="alexnet", hidden=_FC), _LINEAR, _TEN_FRAMES, _SPORTS_1M),
    ),
    Row(
        6,
        "c3d",
        "3D CNN",
        "Tran et al., ICCV 2015",
        Blueprint(_part("c3d", widths=[8, 16, 24, 32, 48], hidden=[128, 128]), _LINEAR, MICRO_CLIP),
        Blueprint(_part("c3d"), _LINEAR, _clip(16, 112, _NATIVE_FPS), _SPORTS_1M),
    ),
    Row(
        7,
        "two-stream",
        "2D CNN, motion",
        "Simonyan et al., NIPS 2014",
        Blueprint(
            _part("two_stream", backbone="micro"),
            _part("stream_fusion"),
            replace(MICRO_CLIP, motion=MotionSpec(10, 64, 64)),
        ),
        Blueprint(
            _part("two_stream", backbone="cnn_m", hidden=[4096, 2048]),
            _part("stream_fusion"),
            replace(_clip(2, 224, _UCF_101_FPS / 10), motion=MotionSpec(10, 224, 224)),
            _UCF_101,
        ),
    ),
    Row(
        8,
        "cnn-lstm",
        "CNN + RNN",
        "Donahue et al., CVPR 2015",
        Blueprint(_FRAMES_MICRO, _by_frame("lstm", width=96, hidden=96), _MICRO_CLIP_ONCE),
        Blueprint(
            _part("frame_cnn", backbone="alexnet", hidden=[4096]),
            _by_frame("lstm", width=256, hidden=256),
            _clip(16, 227, _NATIVE_FPS),
            _UCF_101,
        ),
    ),
    Row(
        8,
        "cnn-gru",
        "CNN + RNN",
        "An et al., ICCV 2023",
        Blueprint(_FRAMES_MICRO, _by_frame("gru", width=96, hidden=96), _MICRO_CLIP_ONCE),
        Blueprint(
            _part("frame_cnn", backbone="alexnet", hidden=[4096]),
            _by_frame("gru", width=2048, hidden=1024),
            _clip(16, 227, 4.0),
            _THUMOS,
        ),
    ),
    Row(
        9,
        "recurrent-conv",
        "recurrent CNN",
        "Ballas et al., ICLR 2016",
        Blueprint(
            _part("feature_map", backbone="micro", side=4, channels=32),
            _by_frame("recurrent_conv", map=[32, 4, 4], channels=[24, 24], kernel=3, gates="gru"),
            _MICRO_CLIP_ONCE,
        ),
        Blueprint(
            _part("feature_map", backbone="alexnet", side=7, channels=256),
            _by_frame("recurrent_conv", map=[256, 7, 7], channels=[256, 256], kernel=3, gates="gru"),
            _clip(16, 170, _NATIVE_FPS),
            _UCF_101,
        ),
    ),
    Row(
        10,
        "nonlocal",
        "3D CNN, attention",
        "Wang et al., CVPR 2018",
        Blueprint(_part("slow_fusion", backbone="micro", attention_after=[3]), _LINEAR, MICRO_CLIP),
        Blueprint(
            _part(
                "inflated_resnet",
                depth=50,
                kernel_t=3,
                temporal_strides=[2, 2, 2, 1, 1],
                pool_t=3,
                attention_after=[2, 3],
            ),
            _LINEAR,
            _clip(32, 224, _NATIVE_FPS / 2),
            _KINETICS,
        ),
    ),
    Row(
        11,
        "i3d",
        "inflated 2D CNN",
        "Carreira et al., CVPR 2017",
        Blueprint(_part("inflated_resnet", depth="micro", temporal_strides=[1, 1, 2, 2, 1]), _LINEAR, MICRO_CLIP),
        Blueprint(
            _part("inflated_resnet", depth=50, kernel_t=3, temporal_strides=[2, 1, 1, 2, 2]),
            _LINEAR,
            _clip(64, 224, 25.0),
            _KINETICS,
        ),
    ),
    Row(
        12,
        "video-transformer",
        "transformer",
        "Bertasius et al., ICML 2021",
        Blueprint(
            _part("video_transformer", attention="divided", width=64, depth=4, heads=4, patch=8, tubelet=2),
            _LINEAR,
            MICRO_CLIP,
        ),
        Blueprint(
            _part("video_transformer", attention="divided", width=768, depth=12, heads=12, patch=16),
            _LINEAR,
            _clip(8, 224, _NATIVE_FPS / 32),
            _KINETICS,
        ),
    ),
    Row(
        12,
        "vivit",
        "transformer",
        "Arnab et al., ICCV 2021",
        Blueprint(
            _part(
                "video_transformer",
                attention="factorised",
                width=64,
                depth=3,
                temporal_depth=2,
                heads=4,
                patch=8,
                tubelet=2,
            ),
            _LINEAR,
            MICRO_CLIP,
        ),
        Blueprint(
            _part(
                "video_transformer",
                attention="factorised",
                width=768,
                depth=12,
                temporal_depth=4,
                heads=12,
                patch=16,
                tubelet=2,
            ),
            _LINEAR,
            _clip(32, 224, _NATIVE_FPS / 2),
            _KINETICS,
        ),
    ),
    *_torchvision(12),
    *_torchvision(13),
    Row(
        14,
        "shift",
        "shifted 2D CNN",
        "Lin et al., ICCV 2019",
        Blueprint(_SHIFT_MICRO, _LINEAR, MICRO_CLIP),
        Blueprint(_SHIFT, _LINEAR, ClipSpec()),
    ),
    Row(
        14,
        "causal-conv",
        "causal (2+1)D",
        "Kondratyuk et al., CVPR 2021",
        Blueprint(
            _part("feature_map", backbone="micro", side=4, channels=32),
            _part("causal_conv", map=[32, 4, 4], channels=[48, 48, 48], dilations=[1, 2, 4]),
            _MICRO_CLIP_ONCE,
        ),
        Blueprint(
            _part("feature_map", backbone="micro", side=7, channels=64),
            _part("causal_conv", map=[64, 7, 7], channels=[96, 96, 96], dilations=[1, 1, 1]),
            ClipSpec(frames=4, stride=4),
        ),
    ),
    Row(
        15,
        "shift-gru",
        "long memory",
        "An et al., ICCV 2023",
        Blueprint(_SHIFT_MICRO, _part("gru", width=64, hidden=64, dropout=0.4), MICRO_CLIP),
        Blueprint(_SHIFT, _part("gru", width=128, hidden=128, dropout=0.4), ClipSpec()),
    ),
    Row(
        15,
        "shift-ring",
        "long memory",
        "Vaswani et al., NIPS 2017",
        Blueprint(_SHIFT_MICRO, _part("ring_attention", width=64, heads=4, steps=64), MICRO_CLIP),
        Blueprint(_SHIFT, _part("ring_attention", width=96, heads=4, steps=80), ClipSpec()),
    ),
    Row(
        15,
        "shift-multiscale",
        "long memory",
        "Zhao et al., ECCV 2022",
        Blueprint(_SHIFT_MICRO, _part("multiscale", width=64, queries=16, **_MINUTES_AND_HOURS), MICRO_CLIP),
        Blueprint(_SHIFT, _part("multiscale", width=128, queries=32, **_MINUTES_AND_HOURS), ClipSpec()),
    ),
)
