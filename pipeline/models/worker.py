"""The model worker: a pure function from clips and states to features, scores and new states."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.models.allocator import keep_memory
from pipeline.models.build import load_model, probabilities
from pipeline.models.card import ModelCard
from pipeline.models.encoders.parts import channels_last
from pipeline.models.numerics import Numerics
from pipeline.models.profile import detect_numerics
from pipeline.models.requests import Remembered, RememberRequest, black_clip
from pipeline.values import EncoderInput, Float16Array, Float32Array, UInt8Array, frames_and_motion

T = TypeVar("T")


class ModelWorker:
    """Serves one model under one numerics profile; keeps nothing of a stream between calls.

    Every network call has the profile's bucket shape, filled up with zeros, and one thread of its own, so an answer
    depends on its clip and state alone: not on neighbours, row, or how many came at once. Calls from several threads
    at once are safe and give the same bits; that is how a CPU's cores are used.

    Args:
        directory: of the model.
        numerics: profile to compute under; the fastest of this machine when None.

    Raises:
        ModelError: see `load_model`.
    """

    def __init__(self, directory: Path, numerics: Numerics | None = None) -> None:
        keep_memory()
        self.numerics = numerics or detect_numerics()
        model = load_model(directory)
        self.card: ModelCard = model.card
        self.feature_size = model.encoder.feature_size
        self.state_size = model.temporal.state_size
        self.encode_bucket = self.numerics.encode_bucket
        self.remember_bucket = self.numerics.remember_bucket
        self._device = torch.device(self.numerics.device_kind)
        if self._device.type == "cuda":
            _fix_cuda()
        self._dtype: torch.dtype = getattr(torch, self.numerics.dtype)
        model.encoder.fold()
        self._encoder = channels_last(model.encoder.to(self._device, self._dtype)).eval()
        self._temporal = model.temporal.to(self._device).eval()
        self._scale, self._offset = self._normalisation()
        self._buffers = threading.local()
        self._kinds = tuple(map(_kind, frames_and_motion(black_clip(self.card.clip))))

    def encode(self, clips: Sequence[EncoderInput]) -> list[Float32Array]:
        """Features of clips.

        Args:
            clips: T×H×W×3 uint8 each, with motion L×2×h×w float16 where the model's clip spec asks for some.

        Returns:
            D float32 each, in order.

        Raises:
            ValueError: a clip or its motion has another shape or dtype, is missing, or was not asked for.
        """
        for clip in clips:
            self._require_clip(clip)
        with self._calling():
            batches = list(_chunks(clips, self.encode_bucket))
            return [row for batch in batches for row in _rows(self._features(batch), len(batch))]

    def remember(self, requests: Sequence[RememberRequest]) -> list[Remembered]:
        """Scores and new states; step t of up to a bucket of requests shares one call of the cell.

        Raises:
            ValueError: features or a state have another size than the model's.
        """
        for request in requests:
            self._require_request(request)
        with self._calling():
            batches = list(_chunks(requests, self.remember_bucket))
            return [answer for batch in batches for answer in self._remember(batch)]

    def infer(self, clip: EncoderInput, gap_s: float, state: Float32Array | None) -> Remembered:
        """`encode` and `remember` of one waiting clip in one call, with the same bits."""
        features = np.stack(self.encode([clip]))
        return self.remember([RememberRequest(features, np.array([gap_s], np.float32), state)])[0]

    def _features(self, clips: Sequence[EncoderInput]) -> Tensor:
        """Bucket×D features; rows beyond the clips belong to nobody."""
        frames, motions = zip(*map(frames_and_motion, clips), strict=True)
        given = [self._pixels(frames).to(self._dtype)]
        if self.card.clip.motion is not None:
            given.append(self._fields(motions))
        features: Tensor = self._encoder(*given)
        return features.float().cpu()

    def _pixels(self, clips: Sequence[UInt8Array]) -> Tensor:
        """Bucket×T×3×H×W float32, normalised, in this thread's scratch."""
        pixels, staged = self._scratch()
        rows = staged.numpy()
        for row, clip in zip(rows, clips, strict=False):
            np.copyto(row, clip.reshape(row.shape))
        rows[len(clips) :] = 0
        torch.addcmul(self._offset, pixels.copy_(staged), self._scale, out=pixels)
        spec = self.card.clip
        return pixels.view(-1, spec.frames, spec.height, spec.width, 3).permute(0, 1, 4, 2, 3)

    def _fields(self, motions: Sequence[Float16Array]) -> Tensor:
        """Bucket×L×2×h×w float32."""
        fields = np.zeros((self.encode_bucket, *motions[0].shape), np.float16)
        fields[: len(motions)] = motions
        return torch.from_numpy(fields).to(self._device, torch.float32)

    def _scratch(self) -> tuple[Tensor, Tensor]:
        """This thread's own bucket of float pixels on the device, and of bytes here to fill it from.

        Fresh ones each call would cost more than filling them.
        """
        if not hasattr(self._buffers, "scratch"):
            spec = self.card.clip
            shape = (self.encode_bucket, spec.frames * spec.height, spec.width * 3)
            staged = torch.empty(shape, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
            self._buffers.scratch = torch.empty(shape, device=self._device), staged
        scratch: tuple[Tensor, Tensor] = self._buffers.scratch
        return scratch

    def _remember(self, requests: Sequence[RememberRequest]) -> list[Remembered]:
        state = self._states(requests)
        features, gaps = self._sequences(requests)
        probs, states = [], []
        for x, gap in zip(features, gaps, strict=True):
            logits, state = self._temporal.step(x, gap, state)
            probs.append(probabilities(logits, self.card.label_sets))
            states.append(state)
        probs_nbc, states_nbs = torch.stack(probs).cpu().numpy(), torch.stack(states).cpu().numpy()
        lengths = [len(request.features) for request in requests]
        return [Remembered(probs_nbc[:n, row].copy(), states_nbs[n - 1, row].copy()) for row, n in enumerate(lengths)]

    def _states(self, requests: Sequence[RememberRequest]) -> Tensor:
        """Bucket×S: the requests' states; the initial one for new streams and rows that belong to nobody."""
        states = self._temporal.initial_state(self.remember_bucket).cpu().numpy().copy()
        for row, request in enumerate(requests):
            if request.state is not None:
                states[row] = request.state
        return torch.from_numpy(states).to(self._device)

    def _sequences(self, requests: Sequence[RememberRequest]) -> tuple[Tensor, Tensor]:
        """N×bucket×D features and N×bucket gaps, zero beyond each request's end."""
        shape = max(len(request.features) for request in requests), self.remember_bucket
        features = np.zeros((*shape, self.feature_size), np.float32)
        gaps = np.zeros(shape, np.float32)
        for row, request in enumerate(requests):
            features[: len(request.features), row] = request.features
            gaps[: len(request.gaps_s), row] = request.gaps_s
        return torch.from_numpy(features).to(self._device), torch.from_numpy(gaps).to(self._device)

    def _normalisation(self) -> tuple[Tensor, Tensor]:
        """Scale and offset of a whole row of pixels: broadcasting over three channels is many times slower."""
        mean, std = torch.tensor(self.card.mean), torch.tensor(self.card.std)
        width = self.card.clip.width
        return (1 / (255 * std)).repeat(width).to(self._device), (-mean / std).repeat(width).to(self._device)

    def _calling(self) -> torch.inference_mode:
        if torch.get_num_threads() != self.numerics.threads:  # each Python thread starts with its own number
            torch.set_num_threads(self.numerics.threads)
        return torch.inference_mode()

    def _require_clip(self, clip: EncoderInput) -> None:
        given = map(_kind, frames_and_motion(clip))
        for what, wanted, kind in zip(("clips", "motion"), self._kinds, given, strict=True):
            if kind != wanted:
                raise ValueError(f"{self.card.name} wants {what} of {wanted}, got {kind}")

    def _require_request(self, request: RememberRequest) -> None:
        if len(request.features) < 1 or request.features.shape[1] != self.feature_size:
            raise ValueError(f"want n ≥ 1 features of {self.feature_size}, got {request.features.shape}")
        if request.state is not None and request.state.shape != (self.state_size,):
            raise ValueError(f"want a state of {self.state_size}, got {request.state.shape}")


def _kind(array: NDArray[Any] | None) -> str:
    return "nothing" if array is None else f"{array.shape} {array.dtype}"


def _fix_cuda() -> None:
    """Let CUDA's libraries neither choose kernels by trial nor round on the way: both would change bits."""
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _rows(matrix: Tensor, count: int) -> Iterable[Float32Array]:
    rows: Float32Array = matrix.numpy()
    return (row.copy() for row in rows[:count])
