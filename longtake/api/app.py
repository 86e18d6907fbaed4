"""The application: routes and what lies around them, from the outside in."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import Scope

import longtake
from longtake.api import (
    handbook,
    live,
    login,
    pictures,
    routes_numbers,
    routes_service,
    routes_streams,
    routes_timeline,
)
from longtake.api.access import guard
from longtake.api.bodies import BodyLimitMiddleware
from longtake.api.counting import CountingMiddleware
from longtake.api.errors import Border, tell_errors
from longtake.api.etags import EtagMiddleware
from longtake.api.formats import NEXT
from longtake.api.headers import HeadersMiddleware
from longtake.api.methods import methods_of
from longtake.api.settings import Backend
from longtake.api.stream_documents import all_documents

PAGE = Path(longtake.__file__).parent / "page"

_ABOUT = "Ask timelines, follow them live, say which streams shall be watched. Times are seconds, scores lie in 0…1."
_TOLD = ["ETag", "Location", "Retry-After", NEXT, "X-Longtake-Time"]
_ASKED = ["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"]


def create_app(backend: Backend) -> FastAPI:
    """Return the application that answers from `backend`."""
    app = FastAPI(
        title="longtake",
        version=longtake.__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.backend = backend
    tell_errors(app)
    for part in (routes_timeline, routes_numbers, routes_streams, live, pictures, login, routes_service, handbook):
        app.include_router(part.router)
    app.mount("/", _Page(directory=PAGE, html=True))
    live.lively(app, backend.store, lambda: all_documents(backend.store))
    _surround(app, backend)
    return app


def _surround(app: FastAPI, backend: Backend) -> None:
    """Each lies around those before it."""
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(EtagMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=4)
    guard(app, backend.store, backend.settings.host)
    if backend.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=backend.settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=_ASKED,
            expose_headers=_TOLD,
        )
    app.add_middleware(HeadersMiddleware)
    app.add_middleware(Border)
    app.add_middleware(CountingMiddleware)


class _Page(StaticFiles):
    """The files of the page; a browser asks each time whether they are still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the answer to a request that no route takes."""
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if methods_of(scope["app"], scope["path"]):
                raise HTTPException(405) from error
            if error.status_code != 404:
                raise
            raise HTTPException(404, "there is nothing at this address; /docs lists what there is") from error

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """Return one file."""
        response = super().file_response(*arguments, **options)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response
