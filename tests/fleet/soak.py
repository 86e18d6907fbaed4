"""`make soak`: four RTSP cameras that hang up again and again; does memory stay flat?

Each camera is killed and started again every 20 s, in turns, for half an hour. Every stream must be back each time, and
the proportional set sizes of everything, Redis included, must grow by less than 3 % after the first five minutes.
"""

import argparse
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.pss import Sample, Sampler
from pipeline.values import GapReason
from tests.chaos import films, paper
from tests.chaos.memory import Course
from tests.chaos.parts import ROOT, Camera, Served, Server, gone, until
from tests.chaos.processes import descendants

CAMERAS, EVERY_S, SAMPLE_S = 4, 20.0, 5.0
WARM_UP_S, LIMIT, PART = 300.0, 0.03, 0.2
START_S, BACK_S = 120.0, 15.0


@dataclass(slots=True)
class Findings:
    """What a soak has found.

    Attributes:
        back_s: after each reconnect, how long it was until the stream had an answer of the new connection.
        epochs: connections after the first ones.
    """

    minutes: float
    back_s: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    epochs: int = 0
    failures: list[str] = field(default_factory=list)
    course: Course | None = None


class Soak:
    """Cameras, a served fleet, and a memory sampler, in one folder."""

    def __init__(self, folder: Path, found: Findings) -> None:
        self._found = found
        self._film = films.spliced(films.scenes(folder / "scenes", count=1), 10 * EVERY_S, folder / "camera.mp4")
        self._cameras = {f"camera-{number}": Camera(self._film) for number in range(CAMERAS)}
        self._redis = Server(folder / "redis")
        streams = {name: {"uri": camera.uri} for name, camera in self._cameras.items()}
        config = {"flow": {"live": {"retry_cap_s": 4.0}}, "streams": streams}
        self._served = Served(folder, config, self._redis.url)
        self._sampler = Sampler(str(folder), SAMPLE_S)

    def run(self) -> None:
        """Hang up until the time is over, then look."""
        if not until(self._all_answered, START_S):
            self._found.failures.append(f"the cameras did not start within {START_S:g} s: {self._served.infos()}")
            return
        self._sampler.start(self._served.pid)
        ends_s = time.monotonic() + 60 * self._found.minutes
        with ThreadPoolExecutor(CAMERAS) as threads:
            loops = [threads.submit(self._disturb, name, place, ends_s) for place, name in enumerate(self._cameras)]
        self._sampler.stop()
        for loop in loops:
            loop.result()
        self._look()

    def close(self) -> None:
        """End everything."""
        for camera in self._cameras.values():
            camera.kill()
        self._served.close()
        self._redis.kill()

    def _disturb(self, name: str, place: int, ends_s: float) -> None:
        """Hang up every `EVERY_S`, in turns with the other cameras."""
        due_s, pause = time.monotonic() + place * EVERY_S / CAMERAS, threading.Event()
        while due_s < ends_s:
            pause.wait(max(0.0, due_s - time.monotonic()))
            self._hang_up(name)
            due_s += EVERY_S

    def _hang_up(self, name: str) -> None:
        """Kill a camera and start it again; a connection is an epoch, so its answers are those of a later one."""
        camera, before = self._cameras[name], self._epoch(name)
        camera.kill()
        camera.start(self._film)
        started_s = time.monotonic()
        if until(lambda: self._epoch(name) > before, BACK_S):
            self._found.back_s.append(round(time.monotonic() - started_s, 1))
        else:
            self._found.failures.append(f"{name} had no answer for {BACK_S:g} s after it came back")

    def _epoch(self, name: str) -> int:
        position = self._served.board.position(name)
        return -1 if position is None else position[0]

    def _all_answered(self) -> bool:
        infos = self._served.infos()
        return all(name in infos and infos[name].until_s for name in self._cameras)

    def _look(self) -> None:
        found = self._found
        for name in self._cameras:
            found.epochs += self._epoch(name)  # the first one is 0
            reasons = {gap.reason.value for gap in self._served.store.timeline(name).gaps}
            if others := reasons - {GapReason.CAMERA_DOWN.value}:
                found.failures.append(f"{name} has gaps for other reasons: {sorted(others)}")
        if found.epochs != len(found.back_s):
            found.failures.append(f"{len(found.back_s)} times a camera came back, but {found.epochs} epochs began")
        found.samples = self._sampler.samples
        warm_s = min(WARM_UP_S, 60 * found.minutes / 6)  # a short run tries the harness, not the memory
        warm = [sample for sample in found.samples if sample.at_s - found.samples[0].at_s >= warm_s]
        found.course = course = Course.of(warm, PART)
        if course.growth >= LIMIT:
            found.failures.append(f"memory grew by {course.growth:.1%}, from {course.first_mib:.0f} MiB")
        family = sorted(descendants(self._served.pid))
        if not self._served.stop() or not gone(family, 30):
            found.failures.append("longtake serve did not end in order")


def main() -> int:
    """Run, report; 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--report", type=Path, default=ROOT / "docs/reports/soak.md")
    arguments = parser.parse_args()
    found = Findings(arguments.minutes)
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        soak = Soak(Path(folder), found)
        try:
            soak.run()
        finally:
            soak.close()
    write(found, arguments.report)
    print("\n".join(found.failures) or f"everything holds; {arguments.report}")
    return 1 if found.failures else 0


def write(found: Findings, page: Path) -> None:
    """Write the page and the document beside it."""
    document = {
        "minutes": found.minutes,
        "failures": found.failures,
        "epochs": found.epochs,
        "back_s": found.back_s,
        "memory": found.course and asdict(found.course) | {"growth": found.course.growth},
        "samples": [[round(one.at_s - found.samples[0].at_s), round(one.mib, 1)] for one in found.samples],
    }
    paper.write(page, f"Soak, {found.minutes:g} minutes", document, [paper.verdict(found.failures), *_told(found)])


def _told(found: Findings) -> list[str]:
    if found.course is None or not found.back_s:
        return []
    course, back_s = found.course, sorted(found.back_s)
    programs = {name: one for name, one in course.programs.items() if max(one) >= 1} | {
        "**all**": (course.first_mib, course.last_mib)
    }
    return [
        f"{len(back_s)} times one of {CAMERAS} cameras was killed and started again, each every {EVERY_S:g} s. It had "
        f"answers again after {back_s[len(back_s) // 2]:.1f} s in the median, {back_s[-1]:.1f} s at most.",
        f"Memory after warm-up: medians of the first and the last fifth of the samples, **{course.growth:+.2%}** "
        f"(less than {LIMIT:.0%} is asked for).",
        paper.table(
            ("program", "MiB first", "MiB last"),
            [(name, f"{first:.1f}", f"{last:.1f}") for name, (first, last) in programs.items()],
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
