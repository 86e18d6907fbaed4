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
        "duration": _time(timeline.duration),
        "segments": sorted(segments, key=lambda one: (one["start"], one["label"], one["id"])),
        "gaps": sorted(gaps, key=lambda one: (one["start"], one["end"], one["reason"])),
    }


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
        "start": _time(segment.start),
        "end": None if segment.end is None else _time(segment.end),
        "score": _score(segment.score),
        "peak": _score(segment.peak),
    }
    return document if segment.model == model else document | {"model": segment.model}


def _gap_document(gap: Gap) -> dict[str, Any]:
    """Only a filled gap says whether it is."""
    document = {"start": _time(gap.start), "end": _time(gap.end), "reason": str(gap.reason)}
    return document | {"filled": True} if gap.filled else document


def _gap(stream: str, one: dict[str, Any]) -> Gap:
    return Gap(stream, one["start"], one["end"], GapReason(one["reason"]), bool(one.get("filled", False)))


def _segment(stream: str, model: str, one: dict[str, Any]) -> Segment:
    span = (float(one["start"]), None if one["end"] is None else float(one["end"]))
    scores = (float(one["score"]), float(one["peak"]))
    return Segment(str(one["id"]), stream, 0, str(one["label"]), *span, *scores, str(one.get("model", model)))


def _time(seconds: float) -> float:
    return round(float(seconds), 3) + 0.0  # never -0.0


def _score(probability: float) -> float:
    return round(float(probability), 4) + 0.0
