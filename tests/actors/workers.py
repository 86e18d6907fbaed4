"""Model workers without Ray: they answer, die, fall silent and come back when the test says so."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ray.exceptions import ActorUnavailableError, RayActorError


@dataclass(eq=False)
class FakeWorker:
    """Answers a call with its argument doubled, when told to."""

    name: str
    dead: bool = False  # Ray starts it again, some day
    gone: bool = False  # it does not
    silent: bool = False
    asked: list[tuple[Any, "Future[Any]", bool]] = field(default_factory=list)
    answers: int = 0

    def call(self, method: str, arguments: tuple[Any, ...], patient: bool) -> "Future[Any]":
        answer: Future[Any] = Future()
        if not self.silent and (self.gone or (self.dead and not patient)):
            answer.set_exception(RayActorError() if self.gone else unavailable())
        else:
            self.asked.append((arguments[0], answer, patient))
        return answer

    def work(self, most: int = 1000) -> None:
        """Answer what was asked first, unless there is nobody to."""
        if not (self.dead or self.gone or self.silent):
            ready, self.asked = self.asked[:most], self.asked[most:]
            for question, answer, _ in ready:
                self.answers += 1
                answer.set_result(2 * question)

    def die(self) -> None:
        """What was asked without patience fails; the rest waits for a successor."""
        self.dead = True
        lost = [call for call in self.asked if not call[2]]
        self.asked = [call for call in self.asked if call[2]]
        for _, answer, _ in lost:
            answer.set_exception(unavailable())

    def vanish(self) -> None:
        """Nobody will ever come back, and everybody is told."""
        self.gone, self.silent = True, False
        lost, self.asked = self.asked, []
        for _, answer, _ in lost:
            answer.set_exception(RayActorError())

    def live(self) -> None:
        self.dead = self.silent = False


def unavailable() -> ActorUnavailableError:
    return ActorUnavailableError("it is starting again", None)


class HandClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s
