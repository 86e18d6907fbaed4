"""One person's stay in the scene: contiguous spans, each with a motion, a place and an action or none."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.body import Dof, Joint
from pipeline.synthetic.camera import Floats
from pipeline.synthetic.motion import Motion, smooth
from pipeline.synthetic.person import Person
from pipeline.synthetic.route import Place, angle_between


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which one person does one thing.

    Attributes:
        start_s, end_s: scene seconds.
        labels: actions that hold all through it (often one, none for background).
        before: pose and heading at the end of the span before, from which this one blends over.
        blend_s: how long that takes.
    """

    start_s: float
    end_s: float
    labels: tuple[str, ...]
    motion: Motion
    place: Place
    before: tuple[Floats, float]
    blend_s: float

    def at(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Return poses (N × 22) and places (N × 3) at scene seconds `t_s` (N)."""
        local, duration = t_s - self.start_s, self.end_s - self.start_s
        poses = self.motion.poses(local, duration)
        places = self.place.places(local, duration)
        pose_before, heading_before = self.before
        first = self.place.places(np.zeros(1), duration)[0, 2]
        turn = angle_between(heading_before, float(first))
        part = smooth(local / self.blend_s)[:, None]
        turned = smooth(local / float(np.clip(abs(turn) / 3.0, 0.25, 0.9)))
        places[:, 2] -= (1 - turned) * turn
        return (1 - part) * pose_before + part * poses, places


@dataclass(frozen=True, slots=True)
class Visit:
    """Spans without holes between them; `identity` tells who it is across visits."""

    identity: int
    person: Person
    spans: tuple[Span, ...]

    @property
    def start_s(self) -> float:
        """Scene seconds at which the person sets off outside the picture."""
        return self.spans[0].start_s

    @property
    def end_s(self) -> float:
        """Scene seconds at which the person has left."""
        return self.spans[-1].end_s

    def joints(self, t_s: Floats) -> Floats:
        """Return joint positions (N × 18 × 3) at ascending scene seconds `t_s` (N) within the visit."""
        edges = np.searchsorted(t_s, [span.start_s for span in self.spans[1:]], side="left")
        out = np.empty((len(t_s), len(Joint), 3))
        bounds = np.concatenate([[0], edges, [len(t_s)]])
        for span, low, high in zip(self.spans, bounds[:-1], bounds[1:], strict=True):
            if low < high:
                out[low:high] = self.person.body.joints(*span.at(t_s[low:high]))
        return out

    def labels(self, t_s: float) -> tuple[str, ...]:
        """Return the actions done at scene second `t_s`."""
        return next((span.labels for span in self.spans if span.start_s <= t_s < span.end_s), ())


class VisitBuilder:
    """Adds spans one after the other, each going on from where the last one ended."""

    def __init__(self, person: Person, start_s: float, pose: Floats, place: tuple[float, float, float]) -> None:
        self.person = person
        self.now_s = start_s
        self.pose = pose
        self.x, self.z, self.heading = place
        self.spans: list[Span] = []

    @property
    def here(self) -> Floats:
        """Floor point (2) reached so far."""
        return np.array([self.x, self.z])

    def add(
        self, duration_s: float, labels: tuple[str, ...], motion: Motion, place: Place, blend_s: float = 0.3
    ) -> Span:
        """Append a span and move on to its end."""
        end_s = self.now_s + duration_s
        before = (self.pose, self.heading)
        span = Span(self.now_s, end_s, labels, motion, place, before, min(blend_s, duration_s))
        self.spans.append(span)
        poses, places = span.at(np.array([end_s]))
        self.pose = poses[0]
        self.x, self.z, self.heading = (float(value) for value in places[0])
        self.now_s = end_s
        return span

    def hand_at(self, span: Span, t_s: float) -> Floats:
        """Return where the right hand (3) is at a moment of a span."""
        hand: Floats = self.person.body.joints(*span.at(np.array([t_s])))[0, Joint.HAND_R]
        return hand

    def build(self, identity: int) -> Visit:
        """Return the finished visit."""
        return Visit(identity, self.person, tuple(self.spans))


def arm_held(pose: Floats) -> tuple[bool, bool]:
    """Tell for left and right whether a base pose holds the arm up, so that a gait must not swing it."""
    left, right = (abs(pose[Dof.FOREARM_L + side]) > np.radians(60) for side in (0, 1))
    return bool(left), bool(right)
