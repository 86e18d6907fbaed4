"""`/api/timeline` and `/api/events`: segments and gaps, page by page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from longtake.api.access import Access, Seen
from longtake.api.common import Served
from longtake.api.documents import EventsAnswer, TimelineAnswer, faults
from longtake.api.formats import FORMATS, answer
from longtake.api.questions import Asked, AskedNewestFirst
from longtake.api.settings import Backend
from pipeline.timeline.document import item_document
from pipeline.timeline.pages import Page

router = APIRouter(tags=["timeline"])

_FAULTS = faults(404, 406)


@router.get("/api/timeline", response_model=TimelineAnswer, responses={200: {"content": FORMATS}, **_FAULTS})
def timeline(asked: Annotated[Asked, Query()], request: Request, backend: Served, access: Seen) -> Response:
    """Segments and gaps that overlap a range, the oldest first."""
    page, cursor = _page(asked, backend, access, newest_first=False)

    def document() -> dict[str, Any]:
        items = [item_document(item) for item in page.items]
        parts = {kind: [item for item in items if item["kind"] == kind] for kind in ("segment", "gap")}
        return {"segments": parts["segment"], "gaps": parts["gap"], "next": cursor}

    return answer(request, document, lambda: _table(page), cursor)


@router.get("/api/events", response_model=EventsAnswer, responses={200: {"content": FORMATS}, **_FAULTS})
def events(asked: Annotated[AskedNewestFirst, Query()], request: Request, backend: Served, access: Seen) -> Response:
    """Segments and gaps that overlap a range, the newest first."""
    page, cursor = _page(asked, backend, access, newest_first=True)
    items = page.items
    return answer(
        request,
        lambda: {"events": [item_document(item) for item in items], "next": cursor},
        lambda: _table(page),
        cursor,
    )


def _page(asked: Asked, backend: Backend, access: Access, newest_first: bool) -> tuple[Page, str | None]:
    """The page, and the cursor of the next one."""
    after = asked.position(newest_first)
    page = backend.store.page(asked.question(backend.store, access), asked.limit, after, newest_first)
    return page, asked.next_cursor(page.next, newest_first)


def _table(page: Page) -> Any:
    from pipeline.timeline.tables import items_to_arrow  # loads pyarrow

    return items_to_arrow(page.items)
