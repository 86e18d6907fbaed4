"""Settings, events and commits of a few words."""

from typing import Any

from pipeline.alerts.letters import Letter
from pipeline.alerts.settings import AlertSettings
from pipeline.timeline.records import Event, Lease
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment
from tests.timeline import make

RULE = {"labels": ["walk"], "targets": ["desk"]}


def settings(url: str = "http://127.0.0.1:9/hook", rule: dict[str, Any] | None = None, **more: Any) -> AlertSettings:
    """One webhook `desk`, and one rule `walks`."""
    document = {"webhooks": {"desk": {"url": url}}, "rules": {"walks": RULE | (rule or {})}}
    return AlertSettings.model_validate(document | more)


def segment(id: str = "s1", start: float = 0.0, end: float | None = None, score: float = 0.5) -> Segment:
    return make.segment(id, start, end, score=score)


def event(segment: Segment, at_s: float = 0.0, kind: Any = None, number: int = 0) -> Event:
    return Event(f"{round(at_s * 1000)}-{number}", kind or ("closed" if segment.end else "opened"), segment)


def letter(number: int = 1) -> Letter:
    return Letter(f"id{number}", "alert", "cam1", "walk", f'{{"number": {number}, "rule": "walks"}}')


class Camera:
    """A stream that commits a step whenever it is told to."""

    def __init__(self, store: TimelineStore) -> None:
        self._store = store
        self._lease: Lease = make.claim(store)
        self._step = 0

    def opens(self, *segments: Segment) -> None:
        self._commit(opened=segments, still_open=segments)

    def closes(self, *segments: Segment) -> None:
        self._commit(closed=segments)

    def goes_on(self, *still_open: Segment, until_s: float | None = None) -> None:
        self._commit(still_open=still_open, until_s=until_s)

    def begins_anew(self) -> None:
        self._store.reset(self._lease)
        self._step = 0

    def _commit(self, **what: Any) -> None:
        self._store.commit(self._lease, make.commit(first=self._step, **what))
        self._step += 1
