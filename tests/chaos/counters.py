"""What the metrics endpoint tells while the fleet is struck, added up over the lives of the endpoint.

The counts of a process that is killed stay, because the endpoint adds up files. When Ray dies `longtake serve` becomes
a new process and counts from zero, as Prometheus knows counters to do; what was counted between the last look at a life
and its end nobody has seen. Such a stretch is *blind*.
"""

import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TypeAlias
from urllib.error import HTTPError

from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import StoreError

Labels: TypeAlias = tuple[str, ...]
Series: TypeAlias = tuple[str, Labels]

LOOK_S = 1.0


@dataclass(slots=True)
class Life:
    """The endpoint from one start to its end.

    Attributes:
        began_s, seen_s: unix seconds of the first and the last look at it.
        counts: what the last look saw.
        answers_at_first, answers_at_last: how many answers of each stream the store had, after the first look and
            before the last one.
    """

    began_s: float
    seen_s: float = 0.0
    counts: dict[Series, float] = field(default_factory=dict, repr=False)
    answers_at_first: Mapping[str, int] = field(default_factory=dict)
    answers_at_last: Mapping[str, int] = field(default_factory=dict)


class Counters:
    """Looks once a second, in a thread, until closed.

    Args:
        answers: tells how many answers of each stream the store has; may raise `StoreError`.

    Attributes:
        ill: what the endpoint did that it must not: an error, a count that fell while it was there all the time.
        looks: how often the endpoint answered.
    """

    def __init__(self, port: int, answers: Callable[[], Mapping[str, int]]) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._answers = answers
        self._answered: Mapping[str, int] = {}
        self._lives: list[Life] = []
        self._away = True  # since the last look
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.ill: list[str] = []
        self.looks = 0
        self._thread = threading.Thread(target=self._run, name="counters", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def look(self) -> bool:
        """Look now; False where nobody answers."""
        with self._lock:
            before = self._answers_now()
            try:
                counts = scrape(self._url)
            except HTTPError as error:
                self.ill.append(f"the metrics endpoint answered {error.code}")
                return False
            except (OSError, HTTPException):
                self._away = True
                return False
            self._take(counts, before)
        return True

    def total(self, name: str) -> Counter[Labels]:
        """Return a counter over all lives, by its labels."""
        found: Counter[Labels] = Counter()
        for life in self._lives:
            for (series, labels), value in life.counts.items():
                if series == name:
                    found[labels] += value  # type: ignore[assignment]
        return found

    @property
    def lives(self) -> int:
        """How often the endpoint began."""
        return len(self._lives)

    def blind(self) -> list[tuple[float, float]]:
        """Return the stretches (unix seconds) whose counts nobody saw."""
        return [(old.seen_s, new.began_s) for old, new in zip(self._lives, self._lives[1:], strict=False)]

    def blind_answers(self, stream: str) -> int:
        """How many answers of a stream may have been counted in blind stretches only."""
        pairs = zip(self._lives, self._lives[1:], strict=False)
        return sum(new.answers_at_first.get(stream, 0) - old.answers_at_last.get(stream, 0) for old, new in pairs)

    def _take(self, counts: dict[Series, float], before: Mapping[str, int]) -> None:
        last = self._lives[-1].counts if self._lives else {}
        fell = [f"{name}{labels}" for (name, labels), value in last.items() if counts.get((name, labels), 0.0) < value]
        if not self._lives or (self._away and fell):
            self._lives.append(Life(time.time(), answers_at_first=self._answers_now()))
        elif fell:
            self.ill += [f"{series} fell while the endpoint was there" for series in fell]
        life = self._lives[-1]
        life.seen_s, life.counts, life.answers_at_last = time.time(), counts, before
        self._away = False
        self.looks += 1

    def _answers_now(self) -> Mapping[str, int]:
        """The last known where the store is away: nothing is committed meanwhile."""
        with suppress(StoreError):
            self._answered = self._answers()
        return self._answered

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()


def scrape(url: str) -> dict[Series, float]:
    """Return every counter of longtake, and the counts of its histograms.

    Raises:
        HTTPError: it cannot tell.
        OSError, HTTPException: nobody answers, or not to the end.
    """
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    counters = [s for s in samples if s.name.startswith("longtake_") and s.name.endswith(("_total", "_count"))]
    return {(s.name, tuple(value for _, value in sorted(s.labels.items()))): s.value for s in counters}
