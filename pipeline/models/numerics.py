"""The numerics profile: everything besides a clip and a state that an answer's last bits may depend on."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Numerics:
    """Under one profile the same clip and state give the same bits, whatever the company.

    Attributes:
        device: `cpu` or `cuda`, with the processor's own name.
        instruction_set: what torch dispatches to (`AVX2`, `AVX512`, …) or the CUDA capability.
        dtype: of the encoder, `float32` or `bfloat16`; the temporal model always runs in float32.
        threads: inside one worker call.
        libraries: name and version of what computes.
        encode_bucket: clips in every encoder call; missing ones are padded.
        remember_bucket: rows in every call of the temporal model's cell; missing ones are padded.
    """

    device: str
    instruction_set: str
    dtype: str
    threads: int
    libraries: tuple[tuple[str, str], ...]
    encode_bucket: int
    remember_bucket: int

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "bfloat16"):
            raise ValueError(f"dtype must be float32 or bfloat16, got {self.dtype!r}")
        if min(self.threads, self.encode_bucket, self.remember_bucket) < 1:
            raise ValueError(f"threads and buckets must be ≥ 1, got {self}")

    @property
    def device_kind(self) -> str:
        """`cpu` or `cuda`."""
        return self.device.split()[0]

    def to_json(self) -> str:
        """The whole profile as canonical JSON, for records."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """16 hex digits that name the profile."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]
