"""Settings of the Ray engine, for who reads them without starting Ray."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from pipeline.control.settings import ServeSettings
from pipeline.flow import FlowSettings


class RaySettings(BaseModel):
    """How the Ray engine spreads work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str | None = Field(default=None, description="of a running cluster; by default one starts on this machine")
    model_workers: int = Field(default=0, ge=0, description="processes that compute; 0 means one, or one per GPU")
    threads_per_worker: int = Field(default=0, ge=0, description="requests computed at once; 0 means one per core")
    streams_per_actor: int = Field(default=8, ge=1, description="streams one decode process hosts at most")
    wait_s: float = Field(default=0.005, ge=0, description="how long a clip waits for company in a GPU's batch")
    hedge_s: float = Field(
        default=5.0, gt=0, description="a worker silent for so long is taken for lost: others get its requests too"
    )
    object_store_bytes: int = Field(default=256 * 2**20, ge=80 * 2**20, description="shared memory for clips, locally")


@dataclass(frozen=True, slots=True)
class Setup:
    """What every part of the control plane is started with, on whatever machine.

    Attributes:
        model: directory of the model of streams that name none.
        store: URL of the timeline store, or None for the embedded one.
        home: longtake's data folder.
    """

    model: str
    store: str | None = field(repr=False)
    home: str
    flow: FlowSettings
    ray: RaySettings
    serve: ServeSettings
