"""Does Ray start here, or are the nodes of the cluster there and alike?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.settings import RaySettings
from longtake.installation.clocks import agreement, words
from longtake.installation.finding import Finding, State, broken, doubtful, fine
from longtake.wording import counted

if TYPE_CHECKING:
    from actors.inspection import NodeFacts


def look(settings: RaySettings, believed_s: float) -> list[Finding]:
    """Start Ray, or join the cluster, and judge; `believed_s` as in `agreement`.

    Raises:
        UsageError, EngineError: as `actors.inspection.inspect`.
    """
    from actors.ray_node import use_token, versions

    if settings.address is not None:
        use_token(required=False)
    from actors.inspection import inspect  # loads Ray, which looks for the token then

    nodes = inspect(settings)
    if settings.address is None:
        return [here(nodes, versions())]
    return [cluster(nodes, versions(), settings.address), *clocks(nodes, believed_s)]


def here(nodes: Sequence["NodeFacts"], ours: dict[str, str]) -> Finding:
    """Ray starts on this machine and runs a task."""
    silent = [node.silent for node in nodes if node.silent] or ([] if nodes else ["it has no node"])
    if silent:
        return broken("Ray", f"Ray {ours['ray']} starts, but runs no task: {silent[0]}", "see the logs in /tmp/ray")
    return fine("Ray", f"Ray {ours['ray']} starts on this machine and runs tasks")


def cluster(nodes: Sequence["NodeFacts"], ours: dict[str, str], address: str) -> Finding:
    """Every node answers, what runs there is alike, and there are nodes for all work."""
    found = f"{counted(len(nodes), 'node')} at {address}: {_roles(nodes)}"
    silent = [f"{node.address} ({node.silent})" for node in nodes if node.silent]
    other = [f"{node.address} ({_told(node.versions)})" for node in nodes if not node.silent and node.versions != ours]
    missing = [role for role in ("decode", "model") if not any(node.role in ("", role) for node in nodes)]
    if silent:
        found += f"; no task runs on {', '.join(silent)}"
        return broken("Ray", found, "see what longtake join says there, and whether nodes reach each other's ports")
    if other:
        found += f"; another version on {', '.join(other)}"
        return broken("Ray", found, f"install there what is here: {_told(ours)}")
    if missing:
        advice = " and ".join(f"no node is for role {role}: longtake join {address} --role {role}" for role in missing)
        return doubtful("Ray", found, advice)
    return fine("Ray", f"{found}; all with {_told(ours)}")


def clocks(nodes: Sequence["NodeFacts"], believed_s: float) -> list[Finding]:
    """The nodes that do not agree with this machine, or that all of them do."""
    answering = [node for node in nodes if not node.silent]
    judged = [
        agreement("node clock", f"the clock of {node.address}", node.skew_s, node.round_s, believed_s)
        for node in answering
    ]
    wrong = [finding for finding in judged if finding.state is not State.OK]
    if wrong or not answering:
        return wrong
    return [
        fine(
            "node clocks",
            f"{counted(len(answering), 'node agrees', 'nodes agree')} with this machine's to {_within(answering)}",
        )
    ]


def _within(nodes: Sequence["NodeFacts"]) -> str:
    return words(max(max(abs(node.skew_s), node.round_s / 2) for node in nodes))


def _roles(nodes: Sequence["NodeFacts"]) -> str:
    """How many nodes of each role there are, and what they have."""
    told = []
    for role in sorted({node.role for node in nodes}):
        these = [node for node in nodes if node.role == role]
        cores, gpus = sum(node.cpus for node in these), sum(node.gpus for node in these)
        has = [counted(cores, "core")] * bool(cores) + [counted(gpus, "GPU")] * bool(gpus)
        told.append(f"{len(these)} {role or 'for everything'}" + (f" ({', '.join(has)})" if has else ""))
    return ", ".join(told)


def _told(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
