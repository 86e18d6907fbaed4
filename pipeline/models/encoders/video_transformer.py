"""Vision transformers for video: patches of a clip as tokens, and three ways of attending over space and time.

`divided`: G. Bertasius, H. Wang, L. Torresani: Is Space-Time Attention All You Need for Video Understanding?
(TimeSformer), ICML 2021. `factorised`: A. Arnab, M. Dehghani, G. Heigold, C. Sun, M. Lučić, C. Schmid: ViViT: A Video
Vision Transformer, ICCV 2021, its model 2. `joint`: all tokens attend to all, the baseline of both papers.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from pipeline.models.encoders.base import Encoder
from pipeline.values import ClipSpec

ATTENTIONS = ("divided", "factorised", "joint")
HIDDEN_RATIO = 4


class VideoTransformer(Encoder):
    """Tokens of `tubelet`×`patch`×`patch` pixels, learned positions, pre-norm blocks; the class token is the feature.

    Args:
        attention: `divided` attends in each block first in time, then in space; `factorised` encodes each step in
            space, then the sequence of steps; `joint` attends over all tokens at once.
        width: of the tokens, D.
        depth: blocks; of the spatial encoder where factorised.
        heads: of every attention.
        patch: height and width of a token, in pixels.
        tubelet: frames of a token.
        temporal_depth: blocks of the temporal encoder where factorised, else 0.
        clip: positions are learned for its size.

    Raises:
        ValueError: these do not go together.
    """

    def __init__(
        self,
        attention: Literal["divided", "factorised", "joint"],
        width: int,
        depth: int,
        heads: int,
        patch: int,
        tubelet: int = 1,
        temporal_depth: int = 0,
        *,
        clip: ClipSpec,
    ) -> None:
        super().__init__()
        _require(attention in ATTENTIONS, f"attention is one of {', '.join(ATTENTIONS)}, got {attention!r}")
        _require(min(width, depth, heads) >= 1, f"width, depth and heads must be ≥ 1, got {width}, {depth}, {heads}")
        _require(width % heads == 0, f"{heads} heads do not divide a width of {width}")
        _require((temporal_depth >= 1) == (attention == "factorised"), _wrong_temporal_depth(attention, temporal_depth))
        steps, places = _grid(patch, tubelet, clip)
        self.embed = nn.Conv3d(3, width, (tubelet, patch, patch), (tubelet, patch, patch))
        self.space = _learned(places, width)
        self.trunk: nn.Module
        if attention == "factorised":
            self.trunk = FactorisedEncoder(width, depth, temporal_depth, heads, steps)
        else:
            self.trunk = (DividedAttention if attention == "divided" else JointAttention)(width, depth, heads, steps)
        self.feature_size = width
        self.apply(_initialise)

    def forward(self, clips_BTCHW: Tensor) -> Tensor:
        feature: Tensor = self.trunk(self.tokens(clips_BTCHW))
        return feature

    def tokens(self, clips_BTCHW: Tensor) -> Tensor:
        """B×T×P×D: a token for each of P places at each of T steps; it knows its place."""
        x_BDTHW: Tensor = self.embed(clips_BTCHW.transpose(1, 2))
        return x_BDTHW.flatten(3).permute(0, 2, 3, 1) + self.space

    def fold(self) -> None:
        """Do nothing: there is no batch norm."""


class JointAttention(nn.Module):
    """Every token attends to every token; B×T×P×D tokens to B×D features."""

    def __init__(self, width: int, depth: int, heads: int, steps: int) -> None:
        super().__init__()
        self.time = _learned(steps, 1, width)
        self.encoder = TokenEncoder(width, depth, heads)

    def forward(self, x_BTPD: Tensor) -> Tensor:
        feature: Tensor = self.encoder((x_BTPD + self.time).flatten(1, 2))
        return feature


class FactorisedEncoder(nn.Module):
    """A spatial encoder sums up each step, a temporal encoder the steps; B×T×P×D tokens to B×D features."""

    def __init__(self, width: int, depth: int, temporal_depth: int, heads: int, steps: int) -> None:
        super().__init__()
        self.time = _learned(steps, width)
        self.spatial = TokenEncoder(width, depth, heads)
        self.temporal = TokenEncoder(width, temporal_depth, heads)

    def forward(self, x_BTPD: Tensor) -> Tensor:
        steps_BTD = self.spatial(x_BTPD.flatten(0, 1)).unflatten(0, x_BTPD.shape[:2])
        feature: Tensor = self.temporal(steps_BTD + self.time)
        return feature


class DividedAttention(nn.Module):
    """Blocks that attend in time and then in space; B×T×P×D tokens to B×D features."""

    def __init__(self, width: int, depth: int, heads: int, steps: int) -> None:
        super().__init__()
        self.time = _learned(steps, 1, width)
        self.class_token = _learned(width)
        self.blocks = nn.ModuleList(DividedBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x_BTPD: Tensor) -> Tensor:
        x, class_BD = x_BTPD + self.time, self.class_token.expand(len(x_BTPD), -1)
        for block in self.blocks:
            x, class_BD = block(x, class_BD)
        feature: Tensor = self.norm(class_BD)
        return feature


class DividedBlock(nn.Module):
    """Attention in time, attention in space, feed-forward, each with a residual around it.

    The class token has no place, so it takes part in space only: once at every step, and the mean is what it learns.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.temporal = SelfAttention(width, heads)
        self.temporal_project = nn.Linear(width, width)
        self.spatial = SelfAttention(width, heads)
        self.feed_forward = _feed_forward(width)

    def forward(self, x_BTPD: Tensor, class_BD: Tensor) -> tuple[Tensor, Tensor]:
        x, class_BD = self.attend_in_space(self.attend_in_time(x_BTPD), class_BD)
        return x + self.feed_forward(x), class_BD + self.feed_forward(class_BD)

    def attend_in_time(self, x_BTPD: Tensor) -> Tensor:
        """Each token attends to the tokens of its place."""
        by_place = x_BTPD.transpose(1, 2)
        y: Tensor = self.temporal_project(self.temporal(by_place.flatten(0, 1)))
        return x_BTPD + y.view(by_place.shape).transpose(1, 2)

    def attend_in_space(self, x_BTPD: Tensor, class_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Each token attends to the tokens of its step, and to the class token."""
        at_every_step = class_BD[:, None, None].expand(-1, x_BTPD.shape[1], 1, -1)
        by_step = torch.cat([at_every_step, x_BTPD], 2)
        y: Tensor = self.spatial(by_step.flatten(0, 1)).view(by_step.shape)
        return x_BTPD + y[:, :, 1:], class_BD + y[:, :, 0].mean(1)


class TokenEncoder(nn.Module):
    """A vision transformer without its patches: N×S×D sequences to the N×D of their class token."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.class_token = _learned(1, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x_NSD: Tensor) -> Tensor:
        x = torch.cat([self.class_token.expand(len(x_NSD), -1, -1), x_NSD], 1)
        feature: Tensor = self.norm(self.blocks(x)[:, 0])
        return feature


class Block(nn.Module):
    """Attention and feed-forward, each with a residual around it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads)
        self.feed_forward = _feed_forward(width)

    def forward(self, x_NSD: Tensor) -> Tensor:
        x = x_NSD + self.attention(x_NSD)
        y: Tensor = x + self.feed_forward(x)
        return y


class SelfAttention(nn.Module):
    """Layer norm, then multi-head attention within each of N sequences of S tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x_NSD: Tensor) -> Tensor:
        qkv = self.qkv(self.norm(x_NSD)).unflatten(2, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        y: Tensor = self.project(scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return y


def _feed_forward(width: int) -> nn.Sequential:
    hidden = HIDDEN_RATIO * width
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


def _learned(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=0.02))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def _grid(patch: int, tubelet: int, clip: ClipSpec) -> tuple[int, int]:
    """How many steps and places the clip's tokens have."""
    _require(patch >= 1 and tubelet >= 1, f"patch and tubelet must be ≥ 1, got {patch} and {tubelet}")
    undivided = clip.height % patch or clip.width % patch
    _require(not undivided, f"patches of {patch}×{patch} do not tile pictures of {clip.height}×{clip.width}")
    _require(clip.frames % tubelet == 0, f"tubelets of {tubelet} frames do not tile clips of {clip.frames}")
    return clip.frames // tubelet, (clip.height // patch) * (clip.width // patch)


def _wrong_temporal_depth(attention: str, temporal_depth: int) -> str:
    wanted = "≥ 1" if attention == "factorised" else "0"
    return f"temporal_depth must be {wanted} where attention is {attention}, got {temporal_depth}"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
