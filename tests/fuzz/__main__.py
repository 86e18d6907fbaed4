"""`python -m tests.fuzz --videos 5000 --seed 1`: mutated videos through the decoder border.

The process that reads must never die, nothing may hang past its limit, and only our own errors may come out. Told to
stop (Ctrl-C), it begins no more videos and reports on those it has read.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.fuzz.campaign import Campaign, Case
from tests.fuzz.films import valid
from tests.fuzz.report import failures, write


def main() -> int:
    """Run a campaign and write its report; 1 where something does not hold."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--videos", type=int, default=5000)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--first", type=int, default=0, help="number of the first video")
    wanted.add_argument("--jobs", type=int, default=2)
    wanted.add_argument("--minutes", type=float, default=240.0, help="begin no more videos after so long")
    wanted.add_argument("--report", type=Path, default=None, help="such as docs/reports/fuzz.md")
    given = wanted.parse_args()
    begun_s, told = time.monotonic(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    cases: list[Case] = []

    def over() -> bool:
        return told.is_set() or time.monotonic() - begun_s > 60 * given.minutes

    with tempfile.TemporaryDirectory(prefix="longtake-fuzz-") as folder:
        campaign = Campaign(valid(Path(folder) / "valid"), Path(folder), given.seed)
        numbers = range(given.first, given.first + given.videos)
        for case in campaign.run(numbers, given.jobs, over):
            cases.append(case)
            for sentence in case.failures + ([f"video {case.number} differs"] if case.differs else []):
                print(sentence, flush=True)
            if len(cases) % 100 == 0:
                print(f"{len(cases)} of {given.videos} after {time.monotonic() - begun_s:.0f} s", flush=True)
    took_s = time.monotonic() - begun_s
    cases.sort(key=lambda case: case.number)
    failed = failures(cases, given.videos)
    if given.report:
        write(cases, given.seed, given.videos, took_s, given.report)
    print(f"{len(cases)} videos in {took_s:.0f} s:", "; ".join(failed) or "everything holds")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
