"""What is sent to one target: an alert as a JSON document, or whether a label holds now."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipeline.alerts.rules import Alert
from pipeline.alerts.settings import AlertSettings
from pipeline.timeline.document import item_document, rounded_s
from pipeline.values import Segment


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one target.

    Attributes:
        id: the same whenever it is sent again.
        kind: an alert, or the state of a label for a sensor.
        stream, label: what it is about.
        body: the alert's JSON document, as text; of a state `ON` or `OFF`.
    """

    id: str
    kind: Literal["alert", "state"]
    stream: str
    label: str
    body: str = field(repr=False)

    def to_json(self) -> str:
        """Return what the outbox keeps."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Letter":
        """Return the letter that `to_json` wrote."""
        return cls(**json.loads(text))


def alert_letters(alert: Alert, settings: AlertSettings) -> Iterator[tuple[str, Letter]]:
    """Yield target and letter for everyone the rule of the alert tells."""
    for target in dict.fromkeys(settings.rules[alert.rule].targets):
        yield target, alert_letter(alert, target)


def alert_letter(alert: Alert, target: str) -> Letter:
    """Return what tells a target of an alert."""
    segment = alert.segment
    id_ = _digest(alert.rule, target, segment.id, alert.kind)
    return Letter(id_, "alert", segment.stream, segment.label, json.dumps(_document(alert, id_), ensure_ascii=False))


def state_letters(segment: Segment, settings: AlertSettings) -> Iterator[tuple[str, Letter]]:
    """Yield target and letter for the sensors that show whether the segment's label holds now."""
    state = "ON" if segment.end is None else "OFF"
    for target, broker in settings.mqtt.items():
        rules = (rule for rule in settings.rules.values() if target in rule.targets)
        if broker.home_assistant and any(rule.covers(segment.stream, segment.label) for rule in rules):
            id_ = _digest(target, segment.id, state)
            yield target, Letter(id_, "state", segment.stream, segment.label, state)


def _document(alert: Alert, id_: str) -> dict[str, Any]:
    told = {"id": id_, "kind": alert.kind, "rule": alert.rule, "time": rounded_s(alert.at_s)}
    return told | {"segment": item_document(alert.segment)}


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
