"""Reading the event logs: what was committed becomes letters in the outbox, each event once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.letters import Letter, alert_letters, state_letters
from pipeline.alerts.outbox import AlertOutbox, Place
from pipeline.alerts.rules import Alert, committed_s, look, step
from pipeline.alerts.settings import AlertSettings
from pipeline.clock import Clock
from pipeline.errors import Fenced
from pipeline.timeline.codec import unpack_segment
from pipeline.timeline.follow import Follower
from pipeline.timeline.keys import StreamKeys
from pipeline.timeline.records import Event
from pipeline.timeline.store import TimelineStore
from pipeline.values import Segment


@dataclass(frozen=True, slots=True)
class View:
    """A stream's open segments, and the timeline second up to which it is watched."""

    segments: tuple[Segment, ...]
    until_s: float


class Watch:
    """Reads the event logs of all streams some rule is about, from where they were read last.

    A log that was never read is read from when anybody last watched, the very first time from now. To be made by who
    has the right to (`AlertOutbox.lead`); after an error make another one.

    Raises:
        Fenced: another process leads now; nothing was written. So may `tick`.
        StoreError: the store does not answer. So may `tick`.
    """

    REFRESH_S = 1.0

    def __init__(
        self,
        store: TimelineStore,
        outbox: AlertOutbox,
        token: str,
        settings: AlertSettings,
        hooks: AlertHooks,
        clock: Clock,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._token = token
        self._settings = settings
        self._hooks = hooks
        self._clock = clock
        self._mark = outbox.mark() or outbox.now()
        self._places = self._read_before()
        self._names: list[str] = []
        self._follow()

    def tick(self, timeout_s: float) -> frozenset[str]:
        """Read what is new, waiting for it up to `timeout_s`; return the targets that there is news for."""
        if self._clock.monotonic_s() >= self._refresh_s:
            self._follow()
        views = self._views()  # before the logs: what has closed by now is in them
        news = self._follower.poll(timeout_s)
        places, letters = self._stepped(news)
        for stream in views.keys() - places.keys():
            place, more = self._looked(stream, views[stream])
            letters += more
            if place != self._places[stream]:
                places[stream] = place
        if places:
            self._write(places, letters)
        return frozenset(target for target, _ in letters)

    def _read_before(self) -> dict[str, Place]:
        """The places of streams that are watched still; a place that is left behind would one day be far behind."""
        known, stored = set(self._store.names()), self._outbox.places()
        places = {name: one for name, one in stored.items() if name in known and self._settings.watches(name)}
        self._outbox.forget(sorted(stored.keys() - places.keys()))
        self._tell_lost([name for name, one in places.items() if one.begun], places)
        return places

    def _tell_lost(self, streams: Sequence[str], places: Mapping[str, Place]) -> None:
        """Name the streams whose logs do not reach back to what was read last: they keep so many events only."""
        with self._store.border(), self._store.client.pipeline(transaction=False) as pipe:
            for name in streams:
                pipe.xrange(StreamKeys(name).events, max=places[name].at, count=1)
            answers = pipe.execute()
        for name, entries in zip(streams, answers, strict=True):
            if not entries:
                self._hooks.lost(name)

    def _follow(self) -> None:
        """Look which streams there are; a new one gets its place in the same step as the mark passes it."""
        mark, self._refresh_s = self._outbox.now(), self._clock.monotonic_s() + self.REFRESH_S
        names = [name for name in self._store.names() if self._settings.watches(name)]
        fresh = {name: Place(self._mark, begun=False) for name in names if name not in self._places}
        self._write(fresh, [], mark)
        self._mark = mark
        if names != self._names or not names:
            self._names = names
            self._follower = Follower(self._store, lambda: names, {name: self._places[name].at for name in names})

    def _stepped(self, news: Sequence[tuple[str, Event]]) -> tuple[dict[str, Place], list[tuple[str, Letter]]]:
        places: dict[str, Place] = {}
        letters: list[tuple[str, Letter]] = []
        for stream, event in news:
            memory = places.get(stream, self._places[stream]).memory
            alerts, memory = step(self._settings.rules, memory, event)
            places[stream] = Place(event.id, memory=memory)
            if isinstance(event.value, Segment):
                letters += state_letters(event.value, self._settings)
            letters += self._letters(alerts)
        return places, letters

    def _looked(self, stream: str, view: View) -> tuple[Place, list[tuple[str, Letter]]]:
        place, at_s = self._places[stream], committed_s(self._outbox.now())
        alerts, memory = look(self._settings.rules, place.memory, view.segments, view.until_s, at_s)
        shown = {segment.id for segment in view.segments}
        # Neither open nor closed since: the stream was begun anew.
        memory = memory.without(id_ for _, id_ in memory.waiting if id_ not in shown)
        return replace(place, memory=memory), self._letters(alerts)

    def _letters(self, alerts: Sequence[Alert]) -> list[tuple[str, Letter]]:
        for alert in alerts:
            self._hooks.raised(alert.rule, alert.segment.stream)
        return [letter for alert in alerts for letter in alert_letters(alert, self._settings)]

    def _views(self) -> dict[str, View]:
        """The streams on whose open segments a rule waits."""
        streams = [name for name in self._names if self._places[name].memory.waiting]
        if not streams:
            return {}
        with self._store.border(), self._store.client.pipeline(transaction=False) as pipe:
            for name in streams:
                pipe.hvals(StreamKeys(name).open).hget(StreamKeys(name).meta, "until")
            answers: list[Any] = pipe.execute()
        pairs = zip(streams, answers[::2], answers[1::2], strict=True)
        return {
            name: View(tuple(unpack_segment(data, name) for data in opened), float(until or 0))
            for name, opened, until in pairs
        }

    def _write(
        self, places: Mapping[str, Place], letters: Sequence[tuple[str, Letter]], mark: str | None = None
    ) -> None:
        dropped = self._outbox.put(self._token, places, letters, mark)
        if dropped is None:
            raise Fenced("another process watches for alerts now")
        self._places |= places
        for target, count in dropped.items():
            self._hooks.dropped(target, count)
