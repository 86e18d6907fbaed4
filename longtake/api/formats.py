"""Answers in the format that was asked for: JSON, or a table as CSV, Arrow stream or Parquet file."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import HTTPException, Request, Response

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
TABLES = (CSV, ARROW, PARQUET)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
FORMATS: dict[str, Any] = {CSV: {"schema": {"type": "string"}}, ARROW: _BINARY, PARQUET: _BINARY}
"""What OpenAPI tells of an answer that comes as a table too."""

NEXT = "X-Longtake-Next"
"""Header that holds the cursor of the next page where the answer is a table."""


class JsonAnswer(Response):
    """A document that is JSON as it stands: no model has to look at it again."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        """Return the bytes of a document."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def wanted(request: Request) -> str:
    """Return the format that the `Accept` header likes best.

    Raises:
        HTTPException: 406, it likes none of ours.
    """
    asked = request.headers.get("accept", "*/*")
    liked = sorted(_ranges(asked), key=lambda one: -one[1])  # of those liked alike the one that was named first
    for pattern, quality in liked:
        for ours in (JSON, *TABLES):
            if quality > 0 and pattern in (ours, f"{ours.split('/')[0]}/*", "*/*"):
                return ours
    raise HTTPException(406, f"answers come as {', '.join((JSON, *TABLES))}; got Accept: {asked[:100]}")


def _ranges(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(","):
        pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
        try:
            yield pattern, float(quality)
        except ValueError:
            yield pattern, 0.0


def answer(
    request: Request,
    document: Callable[[], Mapping[str, Any]],
    table: Callable[[], Any],
    next_cursor: str | None = None,
) -> Response:
    """Return what was asked for in the format that was asked for.

    Args:
        document, table: make the answer as a document, and as an Arrow table; only one of them is asked to.
    """
    format = wanted(request)
    headers = {"Vary": "Accept"}
    if format == JSON:
        return JsonAnswer(document(), headers=headers)
    from pipeline.timeline import tables  # loads pyarrow

    if next_cursor is not None:
        headers[NEXT] = next_cursor
    write = {CSV: tables.as_csv, ARROW: tables.as_stream, PARQUET: tables.as_parquet}[format]
    return Response(write(table()), headers=headers, media_type=format)
