"""`/api/streams`: what shall be watched and what is, adding, changing and removing it, and recordings to play."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from longtake import wishing
from longtake.api.access import Access, Changes, NotThere, Seen
from longtake.api.common import Served
from longtake.api.documents import ChangedStream, NewStream, StreamsAnswer, WholeStreamDocument, faults
from longtake.api.formats import JsonAnswer
from longtake.api.recordings import recording_of
from longtake.api.settings import Backend
from longtake.api.stream_documents import documents
from longtake.known_streams import Known, known
from longtake.times import parse_time
from pipeline.control.board import Board
from pipeline.control.sources import SourcePolicy, check_source
from pipeline.control.wish import Wish
from pipeline.errors import UsageError
from pipeline.models.card import registered_models
from pipeline.timeline.store import TimelineStore

router = APIRouter(tags=["streams"])


@router.get("/api/streams", response_model=StreamsAnswer, responses=faults())
def streams(backend: Served, access: Seen) -> Response:
    """Every stream that is wanted or has a timeline."""
    there = [stream for stream in known(backend.store).values() if access.sees(stream.name)]
    return JsonAnswer({"streams": documents(backend.store, there)})


@router.get("/api/streams/{name}", response_model=WholeStreamDocument, responses=faults(404))
def stream(name: str, backend: Served, access: Seen) -> Response:
    """One stream."""
    return JsonAnswer(_whole(backend.store, _known(name, backend, access)))


@router.post("/api/streams", status_code=201, response_model=WholeStreamDocument, responses=faults(400, 409, 413))
def add(new: NewStream, backend: Served, access: Changes) -> Response:
    """Add a stream; `longtake serve` watches it from now on."""
    access.permit(new.name)
    wish = Wish(
        stream=new.name,
        uri=_allowed_source(new.uri, backend),
        policy=new.policy,
        model=_allowed_model(new.model),
        fps=new.fps,
        start_time_s=parse_time(str(new.start_time)),
        paused=new.paused,
        realtime=new.realtime,
    )
    wishing.add(Board(backend.store), wish)
    document = _whole(backend.store, _known(new.name, backend, access))
    return JsonAnswer(document, 201, {"Location": f"/api/streams/{new.name}"})


@router.patch("/api/streams/{name}", response_model=WholeStreamDocument, responses=faults(400, 404, 409, 413))
def change(name: str, changed: ChangedStream, backend: Served, access: Changes) -> Response:
    """Pause, resume, change or restart a stream."""
    stream = _known(name, backend, access)
    fields = changed.model_dump(exclude_unset=True)
    if not fields:
        raise UsageError(f"nothing to change; give one or more of {', '.join(ChangedStream.model_fields)}")
    if stream.wish is None:
        raise HTTPException(409, f"nobody wished for {name!r}, it only has a timeline; add it to have it watched")
    fields.pop("restart", None)  # every change of a wish starts the stream anew
    if "uri" in fields:
        fields["uri"] = _allowed_source(fields["uri"], backend)
    if "model" in fields:
        fields["model"] = _allowed_model(fields["model"])
    wishing.change(Board(backend.store), name, **fields)
    return JsonAnswer(_whole(backend.store, _known(name, backend, access)))


@router.delete("/api/streams/{name}", status_code=204, response_model=None, responses=faults(404, 409))
def remove(name: str, backend: Served, access: Changes) -> Response:
    """Remove a stream and its timeline."""
    _known(name, backend, access)
    wishing.remove(backend.store, Board(backend.store), name)
    return Response(status_code=204)


@router.get(
    "/api/streams/{name}/video",
    response_class=Response,
    responses={
        200: {"content": {"video/mp4": {}, "video/webm": {}, "video/x-matroska": {}}},
        206: {"description": "The part that the Range header asks for"},
        **faults(404, 416),
    },
)
def video(name: str, backend: Served, access: Seen) -> Response:
    """The recording itself, whole or in parts, where the stream was read from a video in a file of this machine."""
    recording = recording_of(_known(name, backend, access))
    if recording is None:
        raise HTTPException(404, f"stream {name!r} has no recording here that can be played")
    return FileResponse(recording.path, media_type=recording.media_type)


def _known(name: str, backend: Backend, access: Access) -> Known:
    """The stream; one that may not be known of is not there."""
    access.require(name)
    stream = known(backend.store).get(name)
    if stream is None:
        raise NotThere(name)
    return stream


def _allowed_source(uri: str, backend: Backend) -> str:
    api, rules = backend.settings, backend.rules
    return check_source(uri, SourcePolicy(rules.allowed_schemes, api.files, api.variables, api.private_sources))


def _allowed_model(model: str) -> str:
    """A name that means the same everywhere: a directory would tell who asks what is on this machine's disk."""
    if model and model not in registered_models():
        raise UsageError(
            f"unknown model {model!r}; choose one of {', '.join(registered_models())}; "
            "a directory can be given on the command line: longtake streams swap"
        )
    return model


def _whole(store: TimelineStore, stream: Known) -> dict[str, Any]:
    (document,) = documents(store, [stream])
    wish, position = stream.wish, Board(store).position(stream.name)
    return document | {
        "position": position,
        "policy": wish.policy if wish else None,
        "fps": wish.fps if wish else None,
    }
