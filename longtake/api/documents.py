"""The JSON documents of the HTTP API, as OpenAPI tells of them. Times are timeline seconds, scores lie in 0…1."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from pipeline.lane_queue import DropPolicy
from pipeline.timeline.records import StreamState
from pipeline.values import GapReason, Origin, WhoseClock

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Field(ge=0)]


class Document(BaseModel):
    """What is answered has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Fault(Document):
    """Why there is no answer, in one sentence."""

    detail: str


class SegmentDocument(Document):
    """A stretch of time during which a label holds."""

    kind: Literal["segment"]
    id: str
    stream: str
    label: str
    start_time: float
    end_time: float | None = Field(description="null while the segment is open")
    score: Share = Field(description="mean probability")
    peak: Share
    model: str = Field(description="fingerprint of the model that saw it")
    origin: Origin = Field(description="seen live, or filled in from a recording later")
    epoch: Count


class GapDocument(Document):
    """A stretch of time that has no answer, and why."""

    kind: Literal["gap"]
    stream: str
    start_time: float
    end_time: float
    reason: GapReason
    filled: bool = Field(description="a recording was asked later what happened in it")


class OpenSegment(Document):
    """What a stream shows now."""

    label: str
    start_time: float
    score: Share


class StreamDocument(Document):
    """What is wanted of a stream, and what it does."""

    name: str
    source: str = Field(description="its URI without secrets")
    wanted: Literal["run", "paused"] | None = Field(description="null where nobody asked `longtake serve` to watch it")
    state: StreamState
    error: str = Field(description="why it failed last, else empty")
    host: str | None = Field(description="who runs it now")
    since: float | None = Field(description="timeline second from which it is watched; where a recording begins")
    until: float | None = Field(description="timeline seconds up to which it is watched")
    lag: float | None = Field(ge=0, description="seconds that a running live stream is behind the clock")
    segments: Count
    updated: float | None = Field(description="unix seconds of the last write")
    model: str | None = Field(description="fingerprint of the last model")
    clock: WhoseClock | None = Field(description="whose time a live stream goes by")
    recording: bool = Field(description="it goes by the time of what was recorded")
    retry: float | None = Field(ge=0, description="in how many seconds it is tried again after a failure")
    open: list[OpenSegment]
    playable: bool = Field(description="/api/streams/{name}/video has the recording itself")


class WholeStreamDocument(StreamDocument):
    """All of one stream."""

    position: tuple[int, int] | None = Field(description="epoch and step of the last commit")
    policy: DropPolicy | None = Field(description="null is what suits the source")
    fps: float | None = Field(description="null is what suits the model")


class StreamsAnswer(Document):
    """Streams by name."""

    streams: list[StreamDocument]


class TimelineAnswer(Document):
    """A page of segments and gaps, the oldest first."""

    segments: list[SegmentDocument]
    gaps: list[GapDocument]
    next: str | None = Field(description="cursor of the next page; null where nothing is left")


class EventsAnswer(Document):
    """A page of segments and gaps, the newest first."""

    events: list[Annotated[SegmentDocument | GapDocument, Field(discriminator="kind")]]
    next: str | None = Field(description="cursor of the next page; null where nothing is left")


class OverviewOfStream(Document):
    """Shares of the bins that a label holds, or that have no answer."""

    labels: dict[str, list[Share]]
    gaps: list[Share]


class OverviewAnswer(Document):
    """Streams in bins of equal length."""

    after: float
    before: float
    bin_s: float = Field(gt=0)
    streams: dict[str, OverviewOfStream]


class ScoresAnswer(Document):
    """The mean scores of a stream's labels; a point for each stretch that has an answer."""

    stream: str
    labels: list[str]
    start_time: list[float]
    scores: dict[str, list[Share]]


class LabelDocument(Document):
    """A label, and how many streams know it."""

    label: str
    streams: Count


class LabelsAnswer(Document):
    """Labels by name."""

    labels: list[LabelDocument]


class ModelDocument(Document):
    """A model that streams have, or that is served."""

    fingerprint: str
    name: str | None = Field(description="null where this machine does not have the model")
    labels: list[str]
    streams: Count
    workers: Count


class ModelsAnswer(Document):
    """Models by fingerprint."""

    models: list[ModelDocument]


class StatisticsRow(Document):
    """What closed segments add up to; what rows are not told apart by is left out."""

    stream: str | None = None
    label: str | None = None
    hour: int | None = Field(default=None, description="timeline seconds at which the hour begins")
    seconds: float = Field(ge=0)
    count: Count


class StatisticsAnswer(Document):
    """Rows by stream, hour and label."""

    rows: list[StatisticsRow]


class VersionAnswer(Document):
    """What answers."""

    name: Literal["longtake"]
    version: str


class HealthAnswer(Document):
    """It is well."""

    status: Literal["ok"]


class NewStream(BaseModel):
    """A stream to watch."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "door", "uri": "rtsp://192.168.1.20/stream", "fps": 5}]},
    )

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    uri: str = Field(min_length=1, max_length=4096, repr=False, description="where its video is")
    policy: DropPolicy | None = Field(default=None, description="what happens to clips the model is too slow for")
    model: str = Field(default="", max_length=256, description="a registered model; empty is the server's")
    fps: float | None = Field(default=None, gt=0, le=240, description="frames a second, where not as the model says")
    start_time: float | str = Field(default=0.0, description="when a recording began: seconds, a clock or a date")
    paused: bool = Field(default=False, description="not to be watched for now")
    realtime: bool = Field(default=False, description="read a recording no faster than it was filmed")


class ChangedStream(BaseModel):
    """What shall be otherwise; what is not named stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paused": True}, {"restart": True}]})

    paused: bool = Field(default=False)
    uri: str = Field(default="", min_length=1, max_length=4096, repr=False)
    policy: DropPolicy | None = Field(default=None, description="null is what suits the source")
    model: str = Field(default="", max_length=256, description="a registered model; empty is the server's")
    fps: float | None = Field(default=None, gt=0, le=240, description="null is what suits the model")
    restart: Literal[True] = Field(default=True, description="start it anew, whatever it does")


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer instead, for OpenAPI."""
    return {status: {"model": Fault, "description": _FAULTS[status]} for status in (*statuses, *_ALWAYS)}


_ALWAYS = (401, 403, 422, 429, 503)
_FAULTS = {
    400: "The request is no request",
    401: "No token, or one that is none",
    403: "The token does not allow it",
    404: "There is no such stream",
    406: "No such format",
    409: "The name is taken, or the stream is not wished for",
    413: "The body is too large",
    416: "The recording does not reach so far",
    422: "A value that is not allowed",
    429: "Too many wrong tokens; see Retry-After",
    503: "The store does not answer; see Retry-After",
}
