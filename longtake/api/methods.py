"""Which methods a path has: those of all its routes, of which the framework tells one's."""

from itertools import chain

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return the methods that a path has in the OpenAPI document; none where it is not there."""
    paths = app.openapi()["paths"].items()
    told = [methods for template, methods in paths if compile_path(template)[0].match(path)]
    return sorted(method.upper() for method in {*chain(*told)})


async def tell_methods(request: Request, _: Exception) -> JSONResponse:
    """Answer a request whose method its path does not have."""
    allowed = ", ".join(methods_of(request.app, request.url.path) or ["GET"])
    sentence = f"{request.method} is not for this path; allowed: {allowed}"
    return JSONResponse({"detail": sentence}, 405, {"Allow": allowed})
