"""How the HTTP API is served, and what it works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pipeline.control.settings import ServeSettings
from pipeline.timeline.store import TimelineStore

if TYPE_CHECKING:
    from actors.pictures import Picture

LOOPBACK = "127.0.0.1"
PORT = 8080


class ApiSettings(BaseModel):
    """What the HTTP API allows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default=LOOPBACK, description="address to listen on; any but loopback asks for tokens")
    port: int = Field(default=PORT, ge=0, le=65535, description="port to listen on; 0 is off")
    secure_cookie: bool = Field(default=False, description="the session cookie travels over https only")
    cors_origins: tuple[str, ...] = Field(default=(), description="other sites whose pages may ask; none by default")
    files: tuple[str, ...] = Field(default=(), description="folders whose videos may be added through the API")
    variables: tuple[str, ...] = Field(default=(), description="variables that URIs given to the API may name")
    private_sources: bool = Field(default=True, description="URIs given to the API may lead into private networks")


@dataclass(frozen=True, slots=True)
class Backend:
    """What one API process answers from.

    Attributes:
        store: stays the caller's to close.
        rules: what `longtake serve` allows.
        pictures: the newest picture of a stream, or None where nobody shows one; None where this process cannot ask.
        serves: this process also has what watches the streams, and is not ready before a supervisor leads.
    """

    store: TimelineStore
    settings: ApiSettings = field(default_factory=ApiSettings)
    rules: ServeSettings = field(default_factory=ServeSettings)
    pictures: "Callable[[str], Picture | None] | None" = None
    serves: bool = False
