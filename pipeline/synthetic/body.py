"""A skeleton of 18 joints: from joint angles to points in the room, for many moments at once."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from pipeline.synthetic.camera import Floats


class Dof(IntEnum):
    """Degrees of freedom of a pose, radians unless said otherwise. Left and right entries are adjacent."""

    TILT_FORWARD = 0  # the whole body rotates: with TILT_SIDE a vector whose length is the angle
    TILT_SIDE = 1
    LEAN = 2  # trunk forward
    SIDE = 3  # trunk to the right
    TWIST = 4  # shoulders against hips
    NOD = 5
    HIP_L = 6  # thigh forward
    HIP_R = 7
    KNEE_L = 8  # shank backward
    KNEE_R = 9
    SPREAD_L = 10  # thigh outward
    SPREAD_R = 11
    ARM_L = 12  # upper arm forward
    ARM_R = 13
    RAISE_L = 14  # upper arm outward
    RAISE_R = 15
    ELBOW_L = 16  # forearm forward
    ELBOW_R = 17
    FOREARM_L = 18  # forearm outward
    FOREARM_R = 19
    LIFT = 20  # metres above the ground
    PLANTED = 21  # 1: the feet stay where the person stands; 0: the pelvis moves evenly


class Joint(IntEnum):
    """Rows of the array that `Body.joints` returns."""

    PELVIS = 0
    CHEST = 1
    HEAD = 2
    HIP_L = 3
    HIP_R = 4
    KNEE_L = 5
    KNEE_R = 6
    ANKLE_L = 7
    ANKLE_R = 8
    TOE_L = 9
    TOE_R = 10
    SHOULDER_L = 11
    SHOULDER_R = 12
    ELBOW_L = 13
    ELBOW_R = 14
    HAND_L = 15
    HAND_R = 16
    FACE = 17


_TRUNK = [Joint.PELVIS, Joint.CHEST, Joint.HEAD, Joint.HIP_L, Joint.HIP_R]
_BEARING = [*_TRUNK, *range(Joint.KNEE_L, Joint.TOE_R + 1)]
_UPRIGHT_RAD, _LYING_RAD = np.radians(40), np.radians(80)


def pose(**degrees: float) -> Floats:
    """Return standing upright with planted feet, except for the named degrees of freedom (in degrees)."""
    vector = np.zeros(len(Dof))
    vector[Dof.PLANTED] = 1.0
    vector[[Dof.RAISE_L, Dof.RAISE_R, Dof.FOREARM_L, Dof.FOREARM_R]] = np.radians(8)
    for name, value in degrees.items():
        vector[Dof[name]] = value if name in ("LIFT", "PLANTED") else np.radians(value)
    return vector


def mirrored(vector: Floats) -> Floats:
    """Return the pose with left and right exchanged."""
    swapped = vector.copy()
    for left in range(Dof.HIP_L, Dof.LIFT, 2):
        swapped[[left, left + 1]] = vector[[left + 1, left]]
    swapped[[Dof.TILT_SIDE, Dof.SIDE, Dof.TWIST]] *= -1
    return swapped


@dataclass(frozen=True)
class Body:
    """Measures of one person; limb lengths are the usual fractions of the height (Winter, Biomechanics, 2009).

    Attributes:
        height_m: standing height.
        build: width against the average, about 0.85…1.25.
    """

    height_m: float
    build: float

    @property
    def leg_m(self) -> float:
        """Length from hip to ankle."""
        return 0.49 * self.height_m

    @cached_property
    def radii(self) -> Floats:
        """Return the thickness (18) around each joint in metres."""
        of_height = [0.075, 0.07, 0.068, 0.058, 0.058, 0.037, 0.037, 0.026, 0.026, 0.019, 0.019]
        of_height += [0.038, 0.038, 0.027, 0.027, 0.022, 0.022, 0.03]
        radii = np.array(of_height) * self.height_m
        radii[[Joint.HEAD, Joint.FACE]] /= self.build
        return radii * self.build

    def joints(self, poses: Floats, places: Floats) -> Floats:
        """Return joint positions (N × 18 × 3, metres) of poses (N × 22) at places (N × 3: x, z, heading).

        The body is put on the floor: sitting, crouching and lying need no heights of their own.
        """
        local = self._tilt(self._local(poses), poses)
        ankles = local[:, [Joint.ANKLE_L, Joint.ANKLE_R]].mean(axis=1)
        local[..., [0, 2]] -= (poses[:, Dof.PLANTED, None] * ankles[:, [0, 2]])[:, None]
        self._ground(local, poses)
        return _into_room(local, places)

    def _ground(self, local: Floats, poses: Floats) -> None:
        """Put the body on the floor: standing on whatever is lowest, lying on its trunk with the limbs laid down."""
        bottom = local[..., 1] - self.radii
        tilt = np.hypot(poses[:, Dof.TILT_FORWARD], poses[:, Dof.TILT_SIDE])
        lying = np.clip((tilt - _UPRIGHT_RAD) / (_LYING_RAD - _UPRIGHT_RAD), 0, 1)
        lowest = (1 - lying) * bottom[:, _BEARING].min(axis=1) + lying * bottom[:, _TRUNK].min(axis=1)
        local[..., 1] = np.maximum(local[..., 1] - lowest[:, None], self.radii) + poses[:, Dof.LIFT, None]

    def _local(self, p: Floats) -> Floats:
        h = self.height_m
        out = np.zeros((len(p), len(Joint), 3))
        trunk = _direction(np.pi - p[:, Dof.LEAN], p[:, Dof.SIDE])
        out[:, Joint.CHEST] = 0.29 * h * trunk
        gaze = _direction(np.pi - p[:, Dof.LEAN] - p[:, Dof.NOD], p[:, Dof.SIDE])
        out[:, Joint.HEAD] = out[:, Joint.CHEST] + 0.125 * h * gaze
        front = _direction(np.pi / 2 - p[:, Dof.LEAN] - p[:, Dof.NOD], 0 * p[:, Dof.SIDE])
        out[:, Joint.FACE] = out[:, Joint.HEAD] + 0.03 * h * front - 0.008 * h * gaze
        twist = p[:, Dof.TWIST]
        across = np.stack([np.cos(twist), -np.sin(p[:, Dof.SIDE]), np.sin(twist)], axis=-1)
        for side, sign in enumerate((-1.0, 1.0)):
            self._leg(out, p, side, sign)
            self._arm(out, p, side, sign, across)
        return out

    def _leg(self, out: Floats, p: Floats, side: int, sign: float) -> None:
        h, hip, spread = self.height_m, p[:, Dof.HIP_L + side], p[:, Dof.SPREAD_L + side] * sign
        shank = hip - p[:, Dof.KNEE_L + side]
        out[:, Joint.HIP_L + side, 0] = sign * 0.052 * h * self.build
        out[:, Joint.KNEE_L + side] = out[:, Joint.HIP_L + side] + 0.245 * h * _direction(hip, spread)
        out[:, Joint.ANKLE_L + side] = out[:, Joint.KNEE_L + side] + 0.245 * h * _direction(shank, spread)
        foot = _direction(0.5 * shank + np.pi / 2, spread)
        out[:, Joint.TOE_L + side] = out[:, Joint.ANKLE_L + side] + 0.1 * h * foot

    def _arm(self, out: Floats, p: Floats, side: int, sign: float, across: Floats) -> None:
        h, arm = self.height_m, p[:, Dof.ARM_L + side]
        forearm = arm + p[:, Dof.ELBOW_L + side]
        shoulder = out[:, Joint.CHEST] + sign * 0.098 * h * self.build * across
        elbow = shoulder + 0.172 * h * _direction(arm, p[:, Dof.RAISE_L + side] * sign)
        out[:, Joint.SHOULDER_L + side] = shoulder
        out[:, Joint.ELBOW_L + side] = elbow
        out[:, Joint.HAND_L + side] = elbow + 0.18 * h * _direction(forearm, p[:, Dof.FOREARM_L + side] * sign)

    def _tilt(self, local: Floats, p: Floats) -> Floats:
        forward, side = p[:, Dof.TILT_FORWARD], p[:, Dof.TILT_SIDE]
        angle = np.hypot(forward, side)
        safe = np.where(angle > 1e-9, angle, 1.0)
        to = np.stack([side / safe, 0 * side, np.where(angle > 1e-9, forward / safe, 1.0)], axis=-1)[:, None]
        sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
        along = (local * to).sum(axis=-1, keepdims=True)
        up = local[..., 1:2]
        tilted: Floats = local - along * to + (up * sin + along * cos) * to
        tilted[..., 1:2] = up * cos - along * sin
        return tilted


def _direction(forward: Floats, outward: Floats) -> Floats:
    """Return unit vectors (N × 3: right, up, forward) that hang down when both angles are zero."""
    out = np.empty((len(forward), 3))
    cos = np.cos(outward)
    out[:, 0] = np.sin(outward)
    out[:, 1] = -np.cos(forward) * cos
    out[:, 2] = np.sin(forward) * cos
    return out


def _into_room(local: Floats, places: Floats) -> Floats:
    sin, cos = np.sin(places[:, 2])[:, None], np.cos(places[:, 2])[:, None]
    right, forward = local[..., 0], local[..., 2]
    out = np.empty_like(local)
    out[..., 0] = places[:, 0, None] + right * cos + forward * sin
    out[..., 1] = local[..., 1]
    out[..., 2] = places[:, 1, None] - right * sin + forward * cos
    return out
