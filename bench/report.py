"""What the figures mean: tables on the terminal, and `bench/latest.json`."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import film, live
from bench.task import FPS, Result, median

STREAMS = 8
LIBRARIES = ("torch", "av", "ray", "numpy", "redis", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A row of the table: who runs, on how many films at once, under which key, and what it is."""

    contestant: str
    streams: int
    key: str
    what: str


CONTESTANTS = {
    "decode": Contestant("decode", STREAMS, "decode_fps", "longtake's decoding to clips alone, 8 files, all cores"),
    "model": Contestant("model", STREAMS, "model_fps", "longtake's model alone on ready clips, all cores"),
    "inline": Contestant("inline", 1, "inline_fps", "longtake, one process, one file"),
    "tuned": Contestant("tuned", 1, "tuned_fps", "tuned loop, one file"),
    "plain": Contestant("plain", 1, "plain_fps", "plain loop, one file"),
    "ray": Contestant("ray", 1, "ray_fps", "longtake on Ray, one file"),
    "inline_8": Contestant("inline", STREAMS, "inline_8_fps", "longtake, one process, 8 files at once"),
    "ray_8": Contestant("ray", STREAMS, "ray_8_fps", "longtake on Ray, 8 files at once"),
    "process": Contestant("process", STREAMS, "process_fps", "one tuned process per stream, 8 files at once"),
    "overhead_inline": Contestant("overhead_inline", 1, "overhead_inline_ms", "inline's own work per clip"),
    "overhead_ray": Contestant("overhead_ray", 1, "overhead_ray_ms", "Ray engine's own work per clip"),
}
STEPS = (*CONTESTANTS, "memory", "live")
LIMIT = "limit_fps"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one contestant saw of the film, and what it made of it."""

    digest: str
    clips: int
    probs: list[list[float]] = field(repr=False)


@dataclass(slots=True)
class Findings:
    """Everything one run has found."""

    film: Path
    model: Path
    proofs: dict[str, Proof] = field(default_factory=dict)
    rounds: dict[str, list[Result]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    tries: dict[str, list[live.Try]] = field(default_factory=dict)

    def same_clips(self) -> bool:
        """Whether all who cut longtake's clips saw the same pixels; the plain loop resizes in its own way."""
        return len({proof.digest for name, proof in self.proofs.items() if name != "plain"}) <= 1

    def values(self, key: str) -> list[float]:
        """The figure `key` of every round; empty where it was not measured."""
        if key == LIMIT:
            both = zip(self.values("decode_fps"), self.values("model_fps"), strict=False)
            return [1 / (1 / decode + 1 / model) for decode, model in both]
        name = next(name for name, contestant in CONTESTANTS.items() if contestant.key == key)
        return [_value(key, result) for result in self.rounds.get(name, [])]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure over another, round by round, and what it shall reach."""

    over: str
    under: str
    goal: float | None = None

    def values(self, found: Findings) -> list[float]:
        return [a / b for a, b in zip(found.values(self.over), found.values(self.under), strict=False)]


RATIOS = (
    Ratio("inline_fps", "tuned_fps", 0.95),
    Ratio("inline_fps", "plain_fps"),
    Ratio("inline_fps", LIMIT),
    Ratio("inline_8_fps", "process_fps"),
    Ratio("ray_8_fps", "process_fps", 0.9),
    Ratio("ray_8_fps", LIMIT),
    Ratio("process_fps", LIMIT),
)
OVERHEAD_GOALS_MS = {"overhead_inline_ms": 1.0, "overhead_ray_ms": 8.0}
MEMORY_GOAL = 0.25


def middle(found: Findings, name: str) -> float:
    """The median figure of a contestant; nan where it was not measured."""
    return median(found.values(CONTESTANTS[name].key))


def sentence(name: str, result: Result) -> str:
    """One result in one line."""
    key = CONTESTANTS[name].key
    unit = "ms" if key.endswith("_ms") else "frames/s"
    extra = " ".join(f"{what}={value:g}" for what, value in result.extra.items() if what != "overhead_ms")
    return f"{name:16} {_value(key, result):8.2f} {unit} {extra}"


def write(found: Findings, path: Path) -> None:
    """Keep the medians at the top level, and everything they come from beneath."""
    path.write_text(json.dumps(document(found), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def document(found: Findings) -> dict[str, Any]:
    """The findings as plain values; a figure that was not measured is null."""
    keys = [LIMIT, *(contestant.key for contestant in CONTESTANTS.values())]
    rounds = {key: found.values(key) for key in keys}
    tries = {name: [asdict(one) | {"holds": one.holds} for one in tries] for name, tries in found.tries.items()}
    return {
        **{key: median(values) if values else None for key, values in rounds.items()},
        "live_streams": live.best(found.tries["ray"]) if "ray" in found.tries else None,
        "live_process_streams": live.best(found.tries["process"]) if "process" in found.tries else None,
        **{f"memory_{name}_mib": round(mib, 1) for name, mib in found.memory.items()},
        "ratios": {f"{ratio.over}/{ratio.under}": _spread(ratio.values(found)) for ratio in RATIOS},
        "rounds": rounds,
        "spread": {key: _spread(values) for key, values in rounds.items()},
        "live_tries": json.loads(json.dumps(tries).replace("Infinity", "null")),
        "clips": {name: {"digest": proof.digest, "clips": proof.clips} for name, proof in found.proofs.items()},
        "difference": _differences(found),
        "machine": machine(),
        "film": {"seconds": film.frame_count(found.film) / FPS, "sha256": film.fingerprint(found.film)},
    }


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    from pipeline.models.profile import detect_numerics

    numerics = detect_numerics()
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "device": numerics.device,
        "instruction_set": numerics.instruction_set,
        "dtype": numerics.dtype,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def show(found: Findings, console: Console) -> None:
    """Print the tables."""
    about = machine()
    console.print(
        f"\n{about['device']} ({about['instruction_set']}), {about['cores']} cores, model in {about['dtype']}; "
        f"{film.frame_count(found.film) / FPS:.0f} s of 640×480 at 25 frames/s; medians of "
        f"{max(map(len, found.rounds.values()), default=0)} rounds",
        highlight=False,
    )
    for table in (_figures(found), _ratios(found), _proof_table(found)):
        if table.row_count:
            console.print(table)


def _figures(found: Findings) -> Table:
    table = _table("figure", "median", "least … most", "what")
    rows = {contestant.key: contestant.what for contestant in CONTESTANTS.values()}
    rows[LIMIT] = "serial limit 1/(1/decode + 1/model), all cores at each in turn"
    for key, what in rows.items():
        if values := found.values(key):
            table.add_row(key, _number(median(values)), _range(values), what)
    for name, mib in found.memory.items():
        table.add_row(f"memory_{name}_mib", f"{mib:.0f}", "", f"all processes, {STREAMS} streams, summed PSS")
    for name, tries in found.tries.items():
        table.add_row(f"live {name}", str(live.best(tries)), "", "cameras at 25 frames/s without lag")
    return table


def _ratios(found: Findings) -> Table:
    table = _table("against each other", "median", "least … most", "goal")
    for ratio in RATIOS:
        if values := ratio.values(found):
            goal = _goal(median(values) >= ratio.goal, f"≥ {ratio.goal}") if ratio.goal else ""
            table.add_row(f"{ratio.over} / {ratio.under}", f"{median(values):.2f}", _range(values), goal)
    for key, limit_ms in OVERHEAD_GOALS_MS.items():
        if values := found.values(key):
            table.add_row(
                key, _number(median(values)), _range(values), _goal(median(values) <= limit_ms, f"≤ {limit_ms}")
            )
    if found.memory:
        share = found.memory["ray"] / found.memory["process"]
        table.add_row("memory ray / process", f"{share:.2f}", "", _goal(share <= MEMORY_GOAL, f"≤ {MEMORY_GOAL}"))
    if found.tries:
        ours, theirs = live.best(found.tries["ray"]), live.best(found.tries["process"])
        table.add_row("live ray / process", f"{ours} / {theirs}", "", _goal(ours > theirs, "more"))
    return table


def _proof_table(found: Findings) -> Table:
    table = _table("same clips", "clips", "digest of all pixels", "largest difference of a probability to inline")
    differences = _differences(found)
    for name, proof in found.proofs.items():
        difference = f"{differences[name]:.4f}" if name in differences else ""
        table.add_row(name, str(proof.clips), proof.digest[:16], difference)
    return table


def _differences(found: Findings) -> dict[str, float]:
    """To inline's, as stored: rounded to 1/255."""
    inline = found.proofs.get("inline")
    if inline is None:
        return {}
    others = {name: proof.probs for name, proof in found.proofs.items() if proof.probs and name != "inline"}
    return {name: float(np.abs(np.subtract(probs, inline.probs)).max()) for name, probs in others.items()}


def _value(key: str, result: Result) -> float:
    return result.extra["overhead_ms"] if key.endswith("_ms") else result.fps


def _spread(values: list[float]) -> dict[str, float] | None:
    return {"median": median(values), "least": min(values), "most": max(values)} if values else None


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number == 1 else "left")
    return table


def _goal(reached: bool, goal: str) -> str:
    return f"[green]reached {goal}[/]" if reached else f"[red]missed {goal}[/]"


def _range(values: list[float]) -> str:
    return f"{_number(min(values))} … {_number(max(values))}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
