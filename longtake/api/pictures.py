"""`/api/streams/{name}/latest.jpg`: what a stream shows now."""

from fastapi import APIRouter, HTTPException, Response

from longtake.api.access import NotThere, Seen
from longtake.api.common import Served
from longtake.api.documents import faults
from longtake.known_streams import known_names

TIME = "X-Longtake-Time"
"""Header that holds the timeline seconds of a picture."""

router = APIRouter(tags=["streams"])

_RETRY = {"Retry-After": "2"}


@router.get(
    "/api/streams/{name}/latest.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "At most 640 pixels wide or high"}, **faults(404)},
)
def latest(name: str, backend: Served, access: Seen) -> Response:
    """What a stream shows now, from the process that watches it; pictures are never stored."""
    access.require(name)
    if name not in known_names(backend.store):
        raise NotThere(name)
    if backend.pictures is None:
        raise HTTPException(404, "no stream is watched from here, so there are no pictures; longtake serve has them")
    picture = backend.pictures(name)
    if picture is None:
        raise HTTPException(503, f"nobody watches {name!r} now, or it has shown nothing yet", _RETRY)
    headers = {TIME: f"{picture.time_s:.3f}", "Cache-Control": "no-store"}
    return Response(picture.jpeg, media_type="image/jpeg", headers=headers)
