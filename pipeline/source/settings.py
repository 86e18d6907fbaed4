"""How sources are opened, and what is known of one that is open."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["file", "http", "rtsp", "device"]


class SourceSettings(BaseModel):
    """How long to wait for a source, and how to talk to cameras."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for a source to open")
    read_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for the next packet")
    rtsp_transport: Literal["tcp", "udp"] = Field(default="tcp", description="how RTSP cameras send their packets")


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the container says before a frame is decoded; every field may be wrong in the wild.

    Attributes:
        uri: where it was read from, without credentials.
        live: it has no end of its own and cannot be read again.
        width, height: as coded, before rotation.
        average_rate: declared frames per second, or None.
        nominal_rate: a believable rate, 0.01…240 frames per second, or None.
        duration_s: declared seconds of the video stream, or None.
        start_wall_s: unix seconds of the first frame, or None.
    """

    uri: str
    kind: Kind
    live: bool
    container: str
    codec: str
    pix_fmt: str | None
    width: int
    height: int
    average_rate: float | None
    nominal_rate: float | None
    duration_s: float | None
    start_wall_s: float | None
