"""How sources are opened, and what they may take."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """How long to wait for a source, and how to talk to cameras."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for a source to open")
    read_timeout_s: float = Field(default=10.0, gt=0, description="seconds to wait for the next packet")
    rtsp_transport: Literal["tcp", "udp"] = Field(default="tcp", description="how RTSP cameras send their packets")
    max_pixels: int = Field(default=2**26, ge=1, description="largest picture that is decoded; 8K has 33 million")
    isolated: bool = Field(default=False, description="decode each stream in a process of its own")
    memory_bytes: int = Field(default=2**31, ge=2**26, description="most memory such a process takes for its stream")
    silence_s: float = Field(
        default=30.0, gt=0, description="longest such a process computes without an answer; its time-outs come on top"
    )
