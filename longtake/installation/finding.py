"""What a check finds, and how checks are run: each by itself, none longer than it may."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import LongtakeError, redact


class State(StrEnum):
    """How well something is; `BROKEN` is what no stream can run with."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        found: what is there, in a sentence without a secret.
        advice: what to do about it; empty where there is nothing to do.
    """

    name: str
    state: State
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        if bool(self.advice) != (self.state is not State.OK):
            raise ValueError(f"advice is for what is not well, and for all of that: {self}")


def fine(name: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(name, State.OK, found)


def doubtful(name: str, found: str, advice: str) -> Finding:
    """It runs, but not for ever, or not as well as it could."""
    return Finding(name, State.WARNING, found, advice)


def broken(name: str, found: str, advice: str) -> Finding:
    """It does not run."""
    return Finding(name, State.BROKEN, found, advice)


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at.

    Attributes:
        look: returns what it finds, one or several; a `LongtakeError` is a finding too.
        limit_s: how long it may take.
        advice: what to do when it fails or takes longer.
    """

    name: str
    look: Callable[[], Sequence[Finding]]
    limit_s: float
    advice: str


def examine(check: Check) -> Sequence[Finding]:
    """Run one check; whatever it does, there is a finding, in time.

    A look that hangs is left alone in its thread, which ends with the process.
    """
    answer: Future[Sequence[Finding]] = Future()

    def look() -> None:
        try:
            answer.set_result(check.look())
        except BaseException as error:  # noqa: BLE001 - a foreign library's trouble is what is looked for
            answer.set_exception(error)

    threading.Thread(target=look, name=f"check-{check.name}", daemon=True).start()
    if not wait([answer], check.limit_s).done:
        return [broken(check.name, f"no answer within {check.limit_s:g} s", check.advice)]
    error = answer.exception()
    if error is None:
        return answer.result()
    ours = str(error) if isinstance(error, LongtakeError) else f"{type(error).__name__}: {error}"
    return [broken(check.name, redact(ours), check.advice)]


def worst(findings: Sequence[Finding]) -> State:
    """The state of the whole."""
    order = list(State)
    return max((finding.state for finding in findings), key=order.index, default=State.OK)
