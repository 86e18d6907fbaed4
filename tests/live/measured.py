"""Watches a source for some seconds and prints how much memory that took: measured.py URI SECONDS THREADS."""

import json
import resource
import sys
import threading
from contextlib import closing

from pipeline.clock import SystemClock
from pipeline.hooks import Hooks
from pipeline.reader import Reader, ReadSettings
from pipeline.values import Gap
from tests.live.watching import BEGINNING, LIVE, SPEC


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(uri: str, seconds: float, threads: int) -> None:
    told = {"base_mib": peak_mib(), "gaps": 0, "seconds": 0.0}
    reader = Reader("cam", uri, SPEC, ReadSettings(live=LIVE, threads=threads), Hooks(), SystemClock())
    with closing(reader.read(BEGINNING, threading.Event())) as items:
        for item in items:
            if isinstance(item, Gap):
                told["gaps"] += 1
                continue
            told["seconds"] += item.end_s - item.start_s
            if told["seconds"] >= seconds:
                break
    print(json.dumps(told | {"peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
