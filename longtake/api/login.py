"""Logging a page in and out: a token becomes a session, in a cookie that no script can read."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from longtake.api.access import COOKIE, Seen, address_of
from longtake.api.common import Served
from longtake.api.documents import Document, faults
from longtake.api.formats import JsonAnswer
from longtake.api.gate import Gate, Shown
from longtake.api.origin import check_origin
from pipeline.control.tokens import SESSION_S, Role

router = APIRouter(tags=["access"])


class Login(Document):
    """What a page shows to be let in."""

    token: str = Field(min_length=1, max_length=512, repr=False)


class MeDocument(Document):
    """What whoever asks may do."""

    role: Role
    streams: list[str] = Field(description="patterns of the streams they may know of")
    auth: bool = Field(description="a token is wanted here")


@router.post("/api/login", status_code=204, response_model=None, responses=faults(400, 413))
def login(request: Request, given: Login, backend: Served) -> Response:
    """Begin a session: from now on the cookie of the answer stands for the token, for a week."""
    gate: Gate = request.app.state.gate
    check_origin(request.headers, by_cookie=False)
    gate.read()
    response = Response(status_code=204)
    if not gate.asks:
        return response  # nobody needs a session
    token = gate.admit(Shown("token", given.token.strip()), address_of(request))
    secure = backend.settings.secure_cookie or request.url.scheme == "https"
    response.set_cookie(
        COOKIE, gate.tokens.begin_session(token), SESSION_S, secure=secure, httponly=True, samesite="strict"
    )
    return response


@router.post("/api/logout", status_code=204, response_model=None, responses=faults())
def logout(request: Request, _: Seen) -> Response:
    """End the session of the cookie, wherever it may have been copied to."""
    gate: Gate = request.app.state.gate
    if session := request.cookies.get(COOKIE):
        gate.tokens.end_session(session)
        gate.forget(Shown("session", session))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/api/me", response_model=MeDocument, responses=faults())
def me(access: Seen) -> Response:
    """What whoever asks may do."""
    return JsonAnswer({"role": access.role, "streams": list(access.patterns), "auth": access.token is not None})
