"""How poses change during one span: holding still, moving through key poses, gaits and waving."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.synthetic.body import Body, Dof
from pipeline.synthetic.camera import Floats

RAMP_S = 0.35


def smooth(u: Floats) -> Floats:
    """Return the cubic that leaves 0 and reaches 1 with no speed, for `u` clipped to [0, 1]."""
    u = np.clip(u, 0.0, 1.0)
    eased: Floats = u * u * (3 - 2 * u)
    return eased


def travelled_m(t_s: Floats, duration_s: float, length_m: float) -> Floats:
    """Return how far one has come after `t_s` when setting off and stopping take `RAMP_S` each."""
    ramp = min(RAMP_S, duration_s / 2)
    speed = length_m / (duration_s - ramp)
    t = np.clip(t_s, 0.0, duration_s)
    starting = (ramp - np.minimum(t, ramp)) ** 2 / (2 * ramp)
    stopping = np.maximum(t - (duration_s - ramp), 0.0) ** 2 / (2 * ramp)
    return speed * (t - ramp / 2 + starting - stopping)


class Motion(Protocol):
    """A pose for every moment of a span."""

    def poses(self, t_s: Floats, duration_s: float) -> Floats:
        """Return poses (N × 22) at `t_s` (N) seconds after the span's start."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keeps a pose, alive: it sways by `sway_rad` at `rate_hz`."""

    pose: Floats
    sway_rad: float
    rate_hz: float
    phase: float

    def poses(self, t_s: Floats, duration_s: float) -> Floats:
        out = np.repeat(self.pose[None], len(t_s), axis=0)
        for index, (dof, share) in enumerate(_SWAYING):
            out[:, dof] += self.sway_rad * share * np.sin(2 * np.pi * self.rate_hz * t_s + self.phase + 1.7 * index)
        return out


_SWAYING = ((Dof.SIDE, 0.5), (Dof.LEAN, 0.6), (Dof.TWIST, 1.5), (Dof.NOD, 1.5), (Dof.ARM_L, 1.2), (Dof.ELBOW_R, 1.5))


@dataclass(frozen=True, slots=True)
class Keyed:
    """Moves through key poses (K × 22) at even parts of the time.

    `power` > 0 speeds up as a fall does; 0 eases in and out.
    """

    keys: Floats
    power: float = 0.0

    def poses(self, t_s: Floats, duration_s: float) -> Floats:
        u = np.clip(t_s / duration_s, 0.0, 1.0)
        position = (u**self.power if self.power else smooth(u)) * (len(self.keys) - 1)
        low = np.minimum(position.astype(int), len(self.keys) - 2)
        part = (position - low)[:, None]
        poses: Floats = (1 - part) * self.keys[low] + part * self.keys[low + 1]
        return poses


@dataclass(frozen=True, slots=True)
class Wave:
    """Swings one forearm from side to side over a pose that already raises it."""

    pose: Floats
    arm: int
    rate_hz: float
    swing_rad: float
    phase: float

    def poses(self, t_s: Floats, duration_s: float) -> Floats:
        out = np.repeat(self.pose[None], len(t_s), axis=0)
        swing = self.swing_rad * np.sin(2 * np.pi * self.rate_hz * t_s + self.phase)
        out[:, Dof.FOREARM_L + self.arm] += swing
        out[:, Dof.RAISE_L + self.arm] += 0.3 * swing
        out[:, Dof.SIDE] += 0.03 * np.sin(2 * np.pi * 0.4 * t_s + self.phase)
        return out


@dataclass(frozen=True, slots=True)
class Gait:
    """Walking or running over `length_m`; the legs follow the distance covered, so feet keep up with the floor.

    Attributes:
        step_m: length of one step.
        knee_rad: how far the swinging knee bends.
        arm_rad, elbow_rad: swing of the upper arms and bend of the elbows.
        lean_rad, bounce_m: trunk forward; rise of the body between steps.
        base: pose to which the swings are added (an arm may be held up or still).
        still_arms: per side 1 swings, 0 keeps the base.
    """

    length_m: float
    step_m: float
    hip_rad: float
    knee_rad: float
    arm_rad: float
    elbow_rad: float
    lean_rad: float
    bounce_m: float
    base: Floats
    arms_swing: tuple[float, float] = (1.0, 1.0)
    phase: float = 0.0

    def poses(self, t_s: Floats, duration_s: float) -> Floats:
        out = np.repeat(self.base[None], len(t_s), axis=0)
        phase = np.pi * travelled_m(t_s, duration_s, self.length_m) / self.step_m + self.phase
        ramp = smooth(np.minimum(t_s, duration_s - t_s) / RAMP_S)
        out[:, Dof.PLANTED] = 0.0
        out[:, Dof.LEAN] += self.lean_rad * ramp
        out[:, Dof.TWIST] += 0.12 * ramp * np.cos(phase)
        out[:, Dof.LIFT] = self.bounce_m * ramp * (1 - np.cos(2 * phase + 0.6)) / 2
        for side, sign in enumerate((1.0, -1.0)):
            self._side(out, side, sign, phase, ramp)
        return out

    def _side(self, out: Floats, side: int, sign: float, phase: Floats, ramp: Floats) -> None:
        swing = ramp * sign * np.cos(phase)
        lifted = np.maximum(-sign * np.sin(phase + 0.35), 0.0) ** 1.3
        out[:, Dof.HIP_L + side] += self.hip_rad * swing + ramp * 0.35 * self.lean_rad
        out[:, Dof.KNEE_L + side] += ramp * (0.08 + self.knee_rad * lifted)
        free = self.arms_swing[side]
        out[:, Dof.ARM_L + side] -= free * self.arm_rad * swing
        out[:, Dof.ELBOW_L + side] += free * ramp * self.elbow_rad * (1 - 0.2 * sign * np.cos(phase))


def hip_swing_rad(body: Body, step_m: float) -> float:
    """Return how far the hips must swing for steps of `step_m`."""
    return float(np.arcsin(min(0.55, step_m / (2 * body.leg_m))))
