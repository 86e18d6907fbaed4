"""Whether it is well, which version it is, what it has counted; and the files of the page."""

from fastapi import APIRouter, Depends, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST

import longtake
from longtake.api.access import viewer_of_all
from longtake.api.common import Served
from longtake.api.counting import exposition
from longtake.api.documents import HealthAnswer, VersionAnswer, faults
from longtake.api.errors import AWAY_S
from longtake.api.formats import JsonAnswer
from pipeline.control.board import Board

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model=HealthAnswer)
async def healthz() -> Response:
    """Whether this process answers; it does not ask the store."""
    return JsonAnswer({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.get("/readyz", response_model=HealthAnswer, responses={503: faults()[503]})
def readyz(backend: Served) -> Response:
    """Whether questions can be answered: the store is there, and where this process serves, a supervisor leads."""
    if not Board(backend.store).leader() and backend.serves:
        raise HTTPException(503, "no supervisor leads yet", {"Retry-After": str(AWAY_S)})
    return JsonAnswer({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.get("/api/version", response_model=VersionAnswer)
async def version() -> Response:
    """What answers."""
    return JsonAnswer({"name": "longtake", "version": longtake.__version__})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **faults()},
    dependencies=[Depends(viewer_of_all)],
)
def metrics() -> Response:
    """What this process has counted, for Prometheus."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
