"""A process that reads videos without a process of their own: a line of a path in, a line of JSON out."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.reading import read


def peak_mib() -> int:
    """The most memory this process held since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def forget_peak() -> None:
    """Begin to watch anew."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Read until the input ends."""
    for line in sys.stdin:
        forget_peak()
        outcome = read(Path(line.strip()), isolated=False)
        print(json.dumps(asdict(outcome) | {"peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    main()
