"""The optimiser's loop: seeded by its step, stoppable at any time, resumed from its checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.errors import TrainingFailed
from pipeline.training.curve import Curve
from pipeline.training.recipe import Stage
from pipeline.training.run import Run

_WARM_UP = 0.05
_LOG_EVERY = 25


@dataclass(frozen=True, slots=True)
class Task:
    """What a loop optimises.

    Attributes:
        name: for progress lines and the checkpoint's file name.
        net: its parameters are optimised; its weights end up as those of the best validation.
        stage: steps, rates and rhythm.
        loss: of one step, from that step's own batch.
        validate: a loss over validation data; the lower the better.
    """

    name: str
    net: nn.Module
    stage: Stage
    loss: Callable[[int], Tensor]
    validate: Callable[[], float]


@dataclass(slots=True)
class Progress:
    """How far a loop has come."""

    step: int = 0
    elapsed_s: float = 0.0
    best: float = math.inf
    best_step: int = 0


class Loop:
    """Runs a task to the end of its steps or its time, whichever comes first.

    The learning rate follows the larger of both shares, so a run cut by time still cools down; without a time budget
    a run depends on its seed alone.
    """

    def __init__(self, task: Task, budget_s: float, run: Run) -> None:
        self._task, self._budget_s, self._run = task, budget_s, run
        self._optimiser = torch.optim.AdamW(
            task.net.parameters(), lr=task.stage.learning_rate, weight_decay=task.stage.weight_decay
        )
        self._path = run.folder / f"{task.name}.safetensors"
        self.progress = Progress()
        self._best = _copy(task.net)
        if self._path.exists():
            self._restore()
        self._curve = Curve(run.folder / f"{task.name}.csv", self.progress.step)

    def run(self) -> Progress:
        """Step until done; leave the best weights in the net."""
        loss, since_s = 0.0, time.monotonic() - self.progress.elapsed_s
        while self.share() < 1:
            loss = self.step()
            if not math.isfinite(loss):
                raise TrainingFailed(
                    f"{self._task.name}: the loss is {loss} after step {self.progress.step}; the weights of step "
                    f"{self.progress.best_step} are kept in {self._path.name}: try a lower learning rate"
                )
            self.progress.elapsed_s = time.monotonic() - since_s
            if self.progress.step % _LOG_EVERY == 0:
                self._tell(f"loss {loss:.4f}")
            if self.progress.step % self._task.stage.validate_every == 0 or self.share() >= 1:
                self._validate(loss)
        self._task.net.load_state_dict(self._best)
        return self.progress

    def step(self) -> float:
        """One step of the optimiser; returns its loss."""
        torch.manual_seed(self._run.seed * 1_000_003 + self.progress.step)
        for group in self._optimiser.param_groups:
            group["lr"] = self._task.stage.learning_rate * _schedule(self.share())
        self._task.net.train()
        self._optimiser.zero_grad()
        loss = self._task.loss(self.progress.step)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._task.net.parameters(), 5.0)
        self._optimiser.step()
        self.progress.step += 1
        return float(loss.detach())

    def share(self, step: int | None = None) -> float:
        """How much of the run is over, 0…1, at this step or another one soon."""
        steps = self.progress.step if step is None else step
        return min(1.0, max(steps / self._task.stage.steps, self.progress.elapsed_s / self._budget_s))

    def _validate(self, loss: float) -> None:
        self._task.net.eval()
        with torch.inference_mode():
            validation = self._task.validate()
        if validation < self.progress.best:
            self.progress.best, self.progress.best_step = validation, self.progress.step
            self._best = _copy(self._task.net)
        self._save()
        self._curve.add(self.progress.step, self.progress.elapsed_s, loss, validation)
        self._tell(f"validation {validation:.4f} (best {self.progress.best:.4f} at {self.progress.best_step})")

    def _tell(self, what: str) -> None:
        share = self.share()
        left_s = self.progress.elapsed_s * (1 - share) / share
        at = f"step {self.progress.step} of {self._task.stage.steps}, {share:.0%}"
        self._run.log(f"{self._task.name}: {at}, {self.progress.elapsed_s:.0f} s, {left_s:.0f} s to go, {what}")

    def _save(self) -> None:
        tensors = {f"net.{k}": v for k, v in self._task.net.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self._best.items()}
        for i, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{k}": v for k, v in state.items()}
        progress = self.progress
        metadata = {name: repr(getattr(progress, name)) for name in ("step", "elapsed_s", "best", "best_step")}
        part = self._path.with_suffix(".part")
        save_file({k: v.detach().contiguous() for k, v in tensors.items()}, part, metadata)
        part.replace(self._path)

    def _restore(self) -> None:
        with safe_open(self._path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            metadata = file.metadata()
        self._task.net.load_state_dict(_under("net.", tensors))
        self._best = _under("best.", tensors)
        states: dict[int, dict[str, Tensor]] = {}
        for key, value in _under("optimiser.", tensors).items():
            index, _, name = key.partition(".")
            states.setdefault(int(index), {})[name] = value
        self._optimiser.load_state_dict(self._optimiser.state_dict() | {"state": states})
        self.progress = Progress(
            int(metadata["step"]), float(metadata["elapsed_s"]), float(metadata["best"]), int(metadata["best_step"])
        )
        self._tell("continued from its checkpoint")


def _schedule(share: float) -> float:
    """Linear warm-up, then half a cosine to zero."""
    return share / _WARM_UP + 0.01 if share < _WARM_UP else 0.5 * (1 + math.cos(math.pi * share))


def _copy(net: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in net.state_dict().items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
