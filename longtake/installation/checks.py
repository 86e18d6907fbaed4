"""All checks of an installation, in the order in which they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version

from actors.settings import RaySettings
from longtake.installation import cluster, disk, machine, store, work
from longtake.installation.finding import Check, Finding, State, examine, worst
from longtake.output import messages
from longtake.stores import open_store
from pipeline.errors import redact
from pipeline.home import home

LOOPBACK = "127.0.0.1"
_RAY_S = 120.0  # as patient as `actors.start` is with a busy machine


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be checked.

    Attributes:
        store: URL of the timeline store, or None for the embedded one.
        believed_s: clocks that differ by more are wrong.
        gpu: there is to be one.
        metrics_port: is to be free; 0 is none.
    """

    store: str | None = field(repr=False)
    model: str
    ray: RaySettings
    believed_s: float
    gpu: bool = False
    metrics_port: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `longtake doctor` tells of an installation.

    Attributes:
        longtake: its version.
        state: the worst of all findings'.
    """

    longtake: str
    state: State
    findings: tuple[Finding, ...]


def diagnose(asked: Asked) -> Diagnosis:
    """Run every check; what one finds hides nothing from the others."""
    found: list[Finding] = []
    with messages.status("") as status:
        for check in checks(asked):
            status.update(f"looking at: {check.name}")
            found += examine(check)
    return Diagnosis(version("longtake"), worst(found), tuple(found))


def checks(asked: Asked) -> Sequence[Check]:
    """What is looked at, how long it may take, and what to do where it fails altogether."""
    where = redact(asked.store) if asked.store else str(home() / "store")
    another = "is Redis started, are address and password right? --store redis://:PASSWORD@HOST:PORT, or LONGTAKE_STORE"
    own = "longtake starts this one itself: free memory and disk, and see redis.log there"
    started = "see the logs in /tmp/ray/session_latest/logs; Ray wants some free memory and /dev/shm"
    joined = "start it there (longtake head), be one of its nodes (longtake join), and ask again on a node"
    looks = [
        Check("software", machine.look_software, 10, "install longtake anew: make, or pip install longtake"),
        Check(
            "store",
            partial(store.look, partial(open_store, asked.store), where, asked.believed_s),
            20,
            another if asked.store else own,
        ),
        Check("disk", partial(disk.look, home()), 10, "see why the file system does not answer"),
        Check(
            "shared memory",
            partial(disk.look_shared, asked.ray.object_store_bytes),
            10,
            "Ray needs /dev/shm: in a container, give it some with --shm-size 1g",
        ),
        Check("decoders", machine.look_decoders, 20, "install PyAV anew: pip install --force-reinstall av"),
        Check("GPU", partial(machine.look_gpus, asked.gpu), 60, "see whether nvidia-smi answers; restart its driver"),
        Check(
            "model", partial(work.look_model, asked.model), 60, "name another (longtake models ls), or train it again"
        ),
        Check("test film", partial(work.look_film, asked.model), 60, "see what is broken above, then try again"),
        Check(
            "Ray", partial(cluster.look, asked.ray, asked.believed_s), _RAY_S, joined if asked.ray.address else started
        ),
    ]
    if asked.metrics_port:
        look = partial(machine.look_port, asked.metrics_port, LOOPBACK)
        looks.append(Check("metrics port", look, 10, "give another --metrics-port"))
    return looks
