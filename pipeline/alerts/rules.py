"""Which events are worth an alert: pure, so that it can be read and tested without a server."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from pipeline.alerts.settings import RuleSettings
from pipeline.timeline.records import Event
from pipeline.values import Segment

Kind: TypeAlias = Literal["opened", "closed", "test"]
Rules: TypeAlias = Mapping[str, RuleSettings]


@dataclass(frozen=True, slots=True)
class Alert:
    """One segment that is worth telling of.

    Attributes:
        rule: name of the rule that says so.
        kind: the segment opened (it may be closed by now), or it is closed; or this is but a test.
        at_s: unix seconds at which the rule was satisfied.
    """

    rule: str
    kind: Kind
    segment: Segment
    at_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What the rules remember of one stream.

    Attributes:
        waiting: (rule, id) of opened segments that are too short, or too uncertain, for an alert so far.
        last_s: unix seconds of the last alert by rule, for those that cool down.
    """

    waiting: frozenset[tuple[str, str]] = frozenset()
    last_s: Mapping[str, float] = field(default_factory=dict)

    def without(self, segments: Iterable[str]) -> "Memory":
        """Return it without what waits on these segments."""
        gone = set(segments)
        return replace(self, waiting=frozenset(one for one in self.waiting if one[1] not in gone))


NOTHING = Memory()


def step(rules: Rules, memory: Memory, event: Event) -> tuple[list[Alert], Memory]:
    """Return the alerts an event of a stream's log gives rise to, and what to remember after it.

    A rule about opened segments alerts once a segment has its length and score, here or in `look`; one about closed
    segments when they are final. A rule is silent outside its schedule, and while it cools down, by the time of the
    commit; what it was silent about is not told later.
    """
    segment = event.value
    if not isinstance(segment, Segment):
        return [], memory
    at_s = committed_s(event.id)
    if event.kind == "opened":
        begun = {(name, segment.id) for name, rule in _about(rules, segment) if rule.when == "opened"}
        return look(rules, replace(memory, waiting=memory.waiting | begun), [segment], segment.start, at_s)
    assert segment.end is not None
    alerts, memory = look(rules, memory, [segment], segment.end, at_s)
    return _closed(rules, memory.without([segment.id]), segment, at_s, alerts)


def look(
    rules: Rules, memory: Memory, segments: Iterable[Segment], until_s: float, at_s: float
) -> tuple[list[Alert], Memory]:
    """Return the alerts about opened segments that have waited long enough, and what to remember after it.

    Args:
        segments: as they are now.
        until_s: timeline seconds up to which the stream is watched.
        at_s: unix seconds.
    """
    alerts: list[Alert] = []
    for segment in segments:
        for name in sorted(name for name, id_ in memory.waiting if id_ == segment.id):
            rule = rules.get(name)
            if rule is None or _satisfied(rule, segment, until_s):
                memory = replace(memory, waiting=memory.waiting - {(name, segment.id)})
                memory = memory if rule is None else _told(Alert(name, "opened", segment, at_s), rule, memory, alerts)
    return alerts, memory


def committed_s(entry: str) -> float:
    """Unix seconds at which an entry of an event log was written, by the clock of the store."""
    return int(entry.partition("-")[0]) / 1000


def _closed(
    rules: Rules, memory: Memory, segment: Segment, at_s: float, alerts: list[Alert]
) -> tuple[list[Alert], Memory]:
    assert segment.end is not None
    for name, rule in _about(rules, segment):
        if rule.when == "closed" and _satisfied(rule, segment, segment.end):
            memory = _told(Alert(name, "closed", segment, at_s), rule, memory, alerts)
    return alerts, memory


def _told(alert: Alert, rule: RuleSettings, memory: Memory, alerts: list[Alert]) -> Memory:
    """Add the alert, unless its rule is silent now."""
    last_s = memory.last_s.get(alert.rule)
    cooling = last_s is not None and alert.at_s < last_s + rule.cool_down_s
    if cooling or not rule.schedule.holds(alert.at_s):
        return memory
    alerts.append(alert)
    return replace(memory, last_s={**memory.last_s, alert.rule: alert.at_s}) if rule.cool_down_s else memory


def _about(rules: Rules, segment: Segment) -> Iterator[tuple[str, RuleSettings]]:
    return ((name, rule) for name, rule in sorted(rules.items()) if rule.covers(segment.stream, segment.label))


def _satisfied(rule: RuleSettings, segment: Segment, until_s: float) -> bool:
    end_s = until_s if segment.end is None else segment.end
    return segment.score >= rule.min_score and round(end_s - segment.start, 3) >= rule.min_length_s
