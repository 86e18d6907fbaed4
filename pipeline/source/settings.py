"""How sources are opened."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """How long to wait for a source, and how to talk to cameras."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for a source to open")
    read_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for the next packet")
    rtsp_transport: Literal["tcp", "udp"] = Field(default="tcp", description="how RTSP cameras send their packets")
