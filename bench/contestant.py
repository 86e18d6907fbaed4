"""The process of one contestant: `python -m bench.contestant TASK`, started by `bench.task.run`."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

from bench.task import RESULT, Result, Task

# Modules are imported where they are needed: a contestant must not carry another's libraries in its memory.
CONTESTANTS = {
    "decode": "bench.parts",
    "model": "bench.parts",
    "inline": "bench.ours",
    "ray": "bench.ours",
    "ray_witness": "bench.idle",
    "overhead_inline": "bench.idle",
    "overhead_ray": "bench.idle",
    "plain": "bench.rivals",
    "tuned": "bench.rivals",
    "process": "bench.processes",
    "live_ray": "bench.ours",
    "live_process": "bench.processes",
}


def function(name: str) -> Callable[[Task], Result]:
    """The contestant's function: named like it, in its module."""
    found: Callable[[Task], Result] = getattr(import_module(CONTESTANTS[name]), name)
    return found


def main() -> None:
    document = json.loads(sys.argv[1])
    task = Task(**(document | {"films": tuple(document["films"])}))
    result = function(task.contestant)(task)
    print(RESULT + json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()
