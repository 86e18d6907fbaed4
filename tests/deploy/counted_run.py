"""A run of the Ray engine with its metrics port open until somebody closes standard input. Prints the reports as JSON.

Arguments: model, home, metrics port, then NAME=URI for every stream.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from actors.engine import RayEngine
from actors.exporter import served
from actors.settings import RaySettings
from pipeline.flow import FlowSettings, Job


def main(model: str, home: str, port: str, *streams: str) -> None:
    jobs = [Job(*stream.split("=", 1)) for stream in streams]
    settings = RaySettings(threads_per_worker=1, object_store_bytes=100 * 2**20)
    with (
        served(int(port), shared=True),
        RayEngine(Path(model), None, Path(home), FlowSettings(), settings) as engine,
    ):
        reports = engine.run(jobs, lambda _: None)
        print(json.dumps([asdict(report) for report in reports]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
