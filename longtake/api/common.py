"""What every route takes; what waits for nothing is not worth a thread."""

from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from longtake.api.settings import Backend


async def backend_of(request: Request) -> Backend:
    """What the application answers from."""
    backend: Backend = request.app.state.backend
    return backend


Served: TypeAlias = Annotated[Backend, Depends(backend_of)]
