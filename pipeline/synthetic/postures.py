"""Key poses that spans are made of. Opposite actions draw theirs from the same distributions on purpose."""

import numpy as np

from pipeline.synthetic.body import Dof, mirrored, pose
from pipeline.synthetic.camera import Floats
from pipeline.synthetic.motion import Hold, Wave

IDLES = ("stand", "stand", "raised", "crouch", "bend", "lean", "hands")


def standing(rng: np.random.Generator) -> Floats:
    """Return a relaxed upright pose."""
    spread, weight = rng.uniform(2, 7), rng.uniform(-3, 3)
    return pose(
        SPREAD_L=spread,
        SPREAD_R=spread,
        SIDE=weight,
        ELBOW_L=rng.uniform(5, 25),
        ELBOW_R=rng.uniform(5, 25),
        ARM_L=rng.uniform(-5, 10),
        ARM_R=rng.uniform(-5, 10),
        NOD=rng.uniform(-5, 15),
    )


def raised_arm(base: Floats, rng: np.random.Generator) -> tuple[Floats, int]:
    """Return `base` with one forearm up, high or low, as for waving; and which arm: 0 left, 1 right."""
    arm = int(rng.integers(2))
    lifted = base.copy()
    lifted[Dof.RAISE_L + arm] = np.radians(rng.uniform(40, 150))
    lifted[Dof.ARM_L + arm] = np.radians(rng.uniform(0, 25))
    lifted[Dof.ELBOW_L + arm] = np.radians(rng.uniform(-15, 5))
    lifted[Dof.FOREARM_L + arm] = np.radians(rng.uniform(150, 195))
    return lifted, arm


def waving(base: Floats, rng: np.random.Generator) -> Wave:
    """Return waving over `base`."""
    lifted, arm = raised_arm(base, rng)
    return Wave(lifted, arm, rng.uniform(1.0, 1.6), np.radians(rng.uniform(22, 42)), rng.uniform(0, 2 * np.pi))


def swaying(base: Floats, rng: np.random.Generator, degrees: float = 2.0) -> Hold:
    """Return holding `base` with the small motions of somebody alive."""
    return Hold(base, np.radians(degrees * rng.uniform(0.4, 1.4)), rng.uniform(0.15, 0.4), rng.uniform(0, 2 * np.pi))


def idle(kind: str, rng: np.random.Generator) -> Floats:
    """Return a pose of background: nothing is done, though some look like the start or middle of an action."""
    base = standing(rng)
    if kind == "raised":
        return raised_arm(base, rng)[0]
    if kind == "crouch":
        return low_pose(rng, rng.uniform(0.6, 1.0))
    if kind == "bend":
        return bending(rng)
    if kind == "lean":
        side = rng.choice([-1, 1])
        base[Dof.TILT_SIDE], base[Dof.SIDE] = (
            np.radians(side * rng.uniform(3, 9)),
            np.radians(side * rng.uniform(4, 12)),
        )
        base[Dof.TILT_FORWARD] = np.radians(rng.uniform(-4, 6))
    elif kind == "hands":
        base[[Dof.ARM_L, Dof.ARM_R]] = np.radians(rng.uniform(10, 45, 2))
        base[[Dof.ELBOW_L, Dof.ELBOW_R]] = np.radians(rng.uniform(60, 120, 2))
        base[[Dof.FOREARM_L, Dof.FOREARM_R]] = np.radians(rng.uniform(-30, 0, 2))
    return base


def bending(rng: np.random.Generator) -> Floats:
    """Return bending down until the right hand is near the floor."""
    deep = rng.uniform(0.85, 1.1)
    reach = pose(
        LEAN=62 * deep, HIP_L=62, HIP_R=52, KNEE_L=85, KNEE_R=75, ARM_L=30, ARM_R=38, ELBOW_L=30, ELBOW_R=5, NOD=-10
    )
    reach[[Dof.RAISE_R, Dof.FOREARM_R]] = np.radians(6)
    return reach


def low_pose(rng: np.random.Generator, depth: float) -> Floats:
    """Return a pose between standing (depth 0) and a deep crouch (1); sitting down passes through it too."""
    hip, knee = rng.uniform(85, 115) * depth, rng.uniform(95, 130) * depth
    return pose(
        LEAN=rng.uniform(15, 40) * depth,
        HIP_L=hip,
        HIP_R=hip * rng.uniform(0.85, 1),
        KNEE_L=knee,
        KNEE_R=knee * rng.uniform(0.9, 1),
        SPREAD_L=rng.uniform(3, 15),
        SPREAD_R=rng.uniform(3, 15),
        ARM_L=rng.uniform(0, 50),
        ARM_R=rng.uniform(0, 50),
        ELBOW_L=rng.uniform(5, 60),
        ELBOW_R=rng.uniform(5, 60),
    )


def seated(rng: np.random.Generator) -> Floats:
    """Return sitting on a seat 0.47 m high."""
    hip, hip_other = rng.uniform(82, 92, 2)
    sit = pose(
        LEAN=rng.choice([rng.uniform(-12, 8), rng.uniform(15, 38)]),
        HIP_L=hip,
        HIP_R=hip_other,
        KNEE_L=hip + rng.uniform(-25, 12),
        KNEE_R=hip_other + rng.uniform(-25, 12),
        SPREAD_L=rng.uniform(2, 16),
        SPREAD_R=rng.uniform(2, 16),
        ARM_L=rng.uniform(5, 35),
        ARM_R=rng.uniform(5, 35),
        ELBOW_L=rng.uniform(20, 80),
        ELBOW_R=rng.uniform(20, 80),
        NOD=rng.uniform(-8, 30),
    )
    return raised_arm(sit, rng)[0] if rng.random() < 0.15 else sit


def half_seated(rng: np.random.Generator) -> Floats:
    """Return the middle of sitting down and of standing up."""
    return low_pose(rng, rng.uniform(0.5, 0.75))


def lying(rng: np.random.Generator, toward_rad: float) -> Floats:
    """Return lying with the head `toward_rad` from the front (clockwise)."""
    tilt, bent = np.radians(rng.uniform(84, 90)), rng.uniform(0, 45)
    lie = pose(
        HIP_L=bent,
        HIP_R=rng.uniform(0, 25),
        KNEE_L=bent * 1.4,
        KNEE_R=rng.uniform(0, 40),
        SPREAD_L=rng.uniform(2, 18),
        SPREAD_R=rng.uniform(2, 18),
        RAISE_L=rng.uniform(5, 100),
        RAISE_R=rng.uniform(5, 100),
        FOREARM_L=rng.uniform(5, 110),
        FOREARM_R=rng.uniform(5, 110),
        ARM_L=rng.uniform(-10, 15),
        ARM_R=rng.uniform(-10, 15),
    )
    lie[Dof.TILT_FORWARD], lie[Dof.TILT_SIDE] = tilt * np.cos(toward_rad), tilt * np.sin(toward_rad)
    return lie


def half_fallen(rng: np.random.Generator, toward_rad: float) -> Floats:
    """Return the middle of falling and of getting up: a body at half tilt, its knees bent, an arm reaching out."""
    low = low_pose(rng, rng.uniform(0.4, 0.95))
    tilt = np.radians(rng.uniform(25, 58))
    low[Dof.TILT_FORWARD], low[Dof.TILT_SIDE] = tilt * np.cos(toward_rad), tilt * np.sin(toward_rad)
    low[Dof.RAISE_L], low[Dof.RAISE_R] = np.radians(rng.uniform(5, 70, 2))
    low[Dof.FOREARM_L], low[Dof.FOREARM_R] = np.radians(rng.uniform(5, 80, 2))
    return mirrored(low) if rng.random() < 0.5 else low
