"""How streams are spread over hosts and watched."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.control.scale import PoolSettings
from pipeline.control.wish import KINDS, Kind


class ServeSettings(BaseModel):
    """What `longtake serve` allows, and the times of its control plane."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_schemes: tuple[Kind, ...] = Field(
        default=KINDS, description="what streams may be read from; file is a path, device one below /dev"
    )
    streams_per_host: int = Field(default=8, ge=1, description="streams one decode process hosts at most")
    host_cpus: float = Field(default=0.0, ge=0, description="cores a host reserves of its Ray node")
    host_labels: dict[str, str] = Field(default={}, description="labels a Ray node must have to get hosts")
    period_s: float = Field(default=1.0, gt=0, le=4, description="seconds between looks, and between beats")
    lease_s: float = Field(default=5.0, gt=0, description="a host or a stream that is not renewed for so long is lost")
    start_s: float = Field(default=60.0, gt=0, description="how long a host may take to start")
    assign_s: float = Field(default=10.0, gt=0, description="how long a host may take to accept a stream")
    retry_s: float = Field(default=1.0, gt=0, description="longest wait before a failed stream is started again")
    retry_cap_s: float = Field(
        default=30.0, gt=0, description="longest wait before any restart; waits double up to here"
    )
    forgive_s: float = Field(default=90.0, gt=0, description="after so long without a failure waits begin small again")
    starts_at_once: int = Field(default=4, ge=1, description="hosts that may be starting at the same time")
    moves_at_once: int = Field(default=2, ge=0, description="streams moved in one look to even the load of nodes")
    stop_s: float = Field(default=15.0, gt=0, description="how long streams may take to stop when serving ends")

    pool: PoolSettings = PoolSettings()

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if self.lease_s < 2 * self.period_s:
            raise ValueError(
                f"lease_s is renewed every period_s; {self.lease_s:g} is less than twice {self.period_s:g}"
            )
        return self
