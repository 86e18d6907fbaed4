"""Reports: a JSON file for machines, and beside it a page of Markdown for people."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.parts import ROOT

_LIBRARIES = ("ray", "torch", "av", "redis", "numpy")


def about() -> dict[str, Any]:
    """What a report depends on: the commit, whether the tree differs from it, and the machine."""
    return {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/reports")),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def write(page: Path, title: str, document: dict[str, Any], parts: Iterable[str]) -> None:
    """Write `page`, and the document beside it as JSON; both say what `about` says."""
    page.parent.mkdir(parents=True, exist_ok=True)
    known = about()
    page.with_suffix(".json").write_text(json.dumps({"about": known} | document, indent=2) + "\n", encoding="utf-8")
    changed = " with changes that are not committed" if known["changed"] else ""
    libraries = ", ".join(f"{name} {known[name]}" for name in ("python", *_LIBRARIES))
    foot = (
        f"Commit `{known['commit'][:12]}`{changed}. {known['cores']} cores ({known['processor']}), "
        f"{known['memory_gib']} GiB, {known['system']}; {libraries}.\n\nEverything measured: "
        f"[{page.with_suffix('.json').name}]({page.with_suffix('.json').name})"
    )
    page.write_text("\n\n".join([f"# {title}", *parts, foot]) + "\n", encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; every column but the first is set to the right where it holds numbers only."""
    lines = [[str(cell) for cell in row] for row in rows]
    numeric = [all(_is_number(line[column]) for line in lines) and column > 0 for column in range(len(head))]
    rule = ["---:" if right else "---" for right in numeric]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(head), rule, *lines])


def verdict(failures: Sequence[str]) -> str:
    """The first paragraph: does everything hold."""
    if not failures:
        return "**Everything holds.**"
    return "\n".join([f"**{len(failures)} things do not hold:**", "", *(f"- {failure}" for failure in failures)])


def _is_number(cell: str) -> bool:
    return cell == "–" or cell.lstrip("+-").replace(",", "").replace(".", "").isdigit()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
