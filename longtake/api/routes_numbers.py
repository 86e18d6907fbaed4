"""What charts and lists are made of: overviews, scores, labels, models, statistics."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import Field

from longtake.api.access import NotThere, Seen
from longtake.api.common import Served
from longtake.api.documents import (
    LabelsAnswer,
    ModelsAnswer,
    OverviewAnswer,
    ScoresAnswer,
    StatisticsAnswer,
    faults,
)
from longtake.api.formats import FORMATS, JsonAnswer, answer
from longtake.api.model_cards import cards
from longtake.api.questions import MOST_BINS, Names, OfStreams, Range, chosen_labels
from longtake.api.score_points import points_of
from longtake.known_streams import known_names
from pipeline.ask.labels import labels_of
from pipeline.ask.stats import By, parse_by, row_document, statistics
from pipeline.control.board import Board
from pipeline.timeline.document import rounded_s, rounded_score

router = APIRouter(tags=["numbers"])

_TABLES = {"content": FORMATS}


class AskedOverview(OfStreams):
    """Streams in bins."""

    bins: int = Field(default=500, ge=1, le=MOST_BINS)


class AskedScores(Range):
    """Scores of one stream."""

    stream: str = Field(max_length=300, description="name of the stream")
    points: int = Field(default=500, ge=1, le=MOST_BINS, description="at most so many")


class AskedStatistics(OfStreams):
    """Rows of numbers."""

    label: Names = Field(default=[], description="labels, one or more, also with commas; all by default")
    by: str = Field(default="label", max_length=100, description="what rows are told apart by: stream, label, hour")


@router.get("/api/overview", response_model=OverviewAnswer, responses=faults(404))
def overview(asked: Annotated[AskedOverview, Query()], backend: Served, access: Seen) -> Response:
    """How much of each bin of a range every label holds, and how much of it has no answer."""
    if asked.after is None or asked.before is None:
        raise HTTPException(422, "an overview is of a range; give after and before")
    streams = {}
    for name in asked.names(backend.store, access):
        found = backend.store.overview(name, asked.after, asked.before, asked.bins)
        streams[name] = {
            "labels": {label: _rounded(shares) for label, shares in found.labels.items()},
            "gaps": _rounded(found.gaps),
        }
    bin_s = (asked.before - asked.after) / asked.bins
    return JsonAnswer({"after": asked.after, "before": asked.before, "bin_s": bin_s, "streams": streams})


@router.get("/api/scores", response_model=ScoresAnswer, responses=faults(404))
def scores(asked: Annotated[AskedScores, Query()], backend: Served, access: Seen) -> Response:
    """The kept scores of a stream, as many points as a chart has room for."""
    access.require(asked.stream)
    info = {info.name: info for info in backend.store.streams()}.get(asked.stream)
    if info is None:
        raise NotThere(asked.stream)
    card = cards(Board(backend.store)).get(info.model)
    if card is None:
        raise HTTPException(404, f"the model {info.model!r} is not here, and only it tells the scores' labels")
    found = points_of(
        backend.store.scores(asked.stream, asked.after, asked.before), asked.span, asked.points, len(card.labels)
    )
    return JsonAnswer(
        {
            "stream": asked.stream,
            "labels": card.labels,
            "start_time": [rounded_s(start_s) for start_s in found.start_s],
            "scores": {
                label: _rounded(means) for label, means in zip(card.labels, found.means.T.tolist(), strict=True)
            },
        }
    )


@router.get("/api/labels", response_model=LabelsAnswer, responses=faults())
def labels(backend: Served, access: Seen) -> Response:
    """The labels that streams know, seen or not."""
    known = labels_of(backend.store, access.seen(known_names(backend.store)))
    counts = Counter(label for labels in known.values() for label in labels)
    return JsonAnswer({"labels": [{"label": label, "streams": counts[label]} for label in sorted(counts)]})


@router.get("/api/models", response_model=ModelsAnswer, responses=faults())
def models(backend: Served, access: Seen) -> Response:
    """The models that streams have, and those that are served."""
    board = Board(backend.store)
    streams = Counter(info.model for info in backend.store.streams() if access.sees(info.name))
    pools, known = board.pools(), cards(board)
    return JsonAnswer(
        {
            "models": [
                {
                    "fingerprint": fingerprint,
                    "name": known[fingerprint].name if fingerprint in known else None,
                    "labels": known[fingerprint].labels if fingerprint in known else [],
                    "streams": streams[fingerprint],
                    "workers": len(pools[fingerprint].workers) if fingerprint in pools else 0,
                }
                for fingerprint in sorted({*streams, *pools})
            ]
        }
    )


@router.get("/api/stats", response_model=StatisticsAnswer, responses={200: _TABLES, **faults(404, 406)})
def stats(asked: Annotated[AskedStatistics, Query()], request: Request, backend: Served, access: Seen) -> Response:
    """Seconds and counts of closed segments, by stream, label and hour."""
    by, names = parse_by(asked.by), asked.names(backend.store, access)
    chosen = chosen_labels(asked.label, backend.store, names)
    rows = [row_document(row) for row in statistics(backend.store, names, by, asked.span, chosen)]
    return answer(request, lambda: {"rows": rows}, lambda: _table(rows, by))


def _rounded(shares: Iterable[float]) -> list[float]:
    return [rounded_score(share) for share in shares]


def _table(rows: list[dict[str, Any]], by: Iterable[By]) -> Any:
    import pyarrow as pa

    columns = [(name, pa.int64() if name == "hour" else pa.string()) for name in by]
    return pa.Table.from_pylist(rows, pa.schema([*columns, ("seconds", pa.float64()), ("count", pa.int64())]))
