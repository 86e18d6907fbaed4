"""A timeline as the JSON document people see; equal timelines give equal bytes.

Its JSON Schema is docs/schemas/timeline.schema.json.
"""

import json
from typing import Any

from pipeline.errors import UsageError
from pipeline.values import Gap, GapReason, Segment, Timeline


def to_json(timeline: Timeline) -> str:
    """Return the document as text: sorted, times to 1 ms, scores to 4 decimals, a newline at the end."""
    return dumps(as_document(timeline))


def dumps(document: dict[str, Any]) -> str:
    """Return a document as text; the one JSON setting of all documents longtake prints."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_document(timeline: Timeline) -> dict[str, Any]:
    """Return the document as plain values, rounded and sorted."""
    segments = [_segment_document(segment, timeline.model) for segment in timeline.segments]
    gaps = [_gap_document(gap) for gap in timeline.gaps]
    return {
        "stream": timeline.stream,
        "model": timeline.model,
        "duration": rounded_s(timeline.duration),
        "segments": sorted(segments, key=lambda one: (one["start"], one["label"], one["id"])),
        "gaps": sorted(gaps, key=lambda one: (one["start"], one["end"], one["reason"])),
    }


def item_document(item: Segment | Gap) -> dict[str, Any]:
    """Return one segment or gap as the HTTP API, live clients and alerts show it; it says by itself whose it is."""
    times = {"start_time": rounded_s(item.start), "end_time": None if item.end is None else rounded_s(item.end)}
    if isinstance(item, Gap):
        told = {"reason": str(item.reason), "filled": item.filled}
        return {"kind": "gap", "stream": item.stream, **times, **told}
    scores = {"score": rounded_score(item.score), "peak": rounded_score(item.peak)}
    seen_by = {"model": item.model, "origin": item.origin, "epoch": item.epoch}
    return {"kind": "segment", "id": item.id, "stream": item.stream, "label": item.label, **times, **scores, **seen_by}


def from_json(text: str) -> Timeline:
    """Return the timeline of a document.

    Raises:
        UsageError: it is not JSON, or not a timeline.
    """
    try:
        document = json.loads(text)
        stream, model = str(document["stream"]), str(document["model"])
        return Timeline(
            stream=stream,
            model=model,
            duration=float(document["duration"]),
            segments=tuple(_segment(stream, model, one) for one in document["segments"]),
            gaps=tuple(_gap(stream, one) for one in document["gaps"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"this is not a timeline document ({type(error).__name__}: {error}); see `longtake timeline --format json`"
        ) from error


def _segment_document(segment: Segment, model: str) -> dict[str, Any]:
    """Only a segment of another model than the timeline's last names it."""
    document = {
        "id": segment.id,
        "label": segment.label,
        "start": rounded_s(segment.start),
        "end": None if segment.end is None else rounded_s(segment.end),
        "score": rounded_score(segment.score),
        "peak": rounded_score(segment.peak),
    }
    return document if segment.model == model else document | {"model": segment.model}


def _gap_document(gap: Gap) -> dict[str, Any]:
    """Only a filled gap says whether it is."""
    document = {"start": rounded_s(gap.start), "end": rounded_s(gap.end), "reason": str(gap.reason)}
    return document | {"filled": True} if gap.filled else document


def _gap(stream: str, one: dict[str, Any]) -> Gap:
    return Gap(stream, one["start"], one["end"], GapReason(one["reason"]), bool(one.get("filled", False)))


def _segment(stream: str, model: str, one: dict[str, Any]) -> Segment:
    span = (float(one["start"]), None if one["end"] is None else float(one["end"]))
    scores = (float(one["score"]), float(one["peak"]))
    return Segment(str(one["id"]), stream, 0, str(one["label"]), *span, *scores, str(one.get("model", model)))


def rounded_s(seconds: float) -> float:
    """Return timeline seconds as people see them: to 1 ms."""
    return round(float(seconds), 3) + 0.0  # never -0.0


def rounded_score(probability: float) -> float:
    """Return a probability as people see it: to 4 decimals."""
    return round(float(probability), 4) + 0.0
