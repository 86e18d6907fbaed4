"""What a person can do during a visit: each act appends physically continuous spans."""

from dataclasses import replace

import numpy as np

from pipeline.synthetic import postures
from pipeline.synthetic.bag import Bag, Carried
from pipeline.synthetic.body import Dof
from pipeline.synthetic.camera import Floats
from pipeline.synthetic.motion import RAMP_S, Gait, Keyed, hip_swing_rad
from pipeline.synthetic.person import Person
from pipeline.synthetic.route import Route, Spot, bow, make_route
from pipeline.synthetic.stage import Seat, Stage
from pipeline.synthetic.visit import VisitBuilder, arm_held

_SEAT_GAP_M = 0.44
_STANDING_S = (1.0, 3.2)


class Actor:
    """Plays one visit of a person on a stage, drawing what is left open from `rng`."""

    def __init__(self, builder: VisitBuilder, stage: Stage, rng: np.random.Generator, index: int) -> None:
        self.builder = builder
        self.stage = stage
        self.rng = rng
        self.index = index
        self.bag: Bag | None = None
        self.base = postures.standing(rng)

    def travel(self, run: bool, end: Floats | None = None, heading: float | None = None) -> None:
        """Walk (3–9 s) or run (2–6 s) over free floor, to `end` if given."""
        person, rng = self.builder.person, self.rng
        pace = rng.uniform(0.92, 1.08)
        speed = pace * (person.run_speed if run else person.walk_speed)
        shortest, longest = (2.3, 4.8) if run else (2.6, 6.5)
        wanted_m = speed * (rng.uniform(shortest, longest) - RAMP_S)
        least_m = speed * (shortest - RAMP_S)
        route = self._route(wanted_m if end is None else least_m, end, heading)
        duration = route.length_m / speed + RAMP_S
        gait = self._gait(run, route, speed / (pace * (person.run_rate_hz if run else person.walk_rate_hz)))
        self.builder.add(duration, ("run" if run else "walk",), gait, route)

    def idle(self, kind: str | None = None) -> None:
        """Stand about, raise an arm and keep it still, bend, crouch or lean: background."""
        kind = kind or str(self.rng.choice(postures.IDLES))
        low = kind in ("crouch", "bend")
        hold = postures.swaying(postures.idle(kind, self.rng), self.rng)
        self.builder.add(self.rng.uniform(1.0, 3.5), (), hold, self._spot(self._gaze()), 0.8 if low else 0.5)
        if low:
            self._stand(0.9, 0.7)

    def wave(self) -> None:
        """Wave an arm for 2.5–6 s."""
        self.builder.add(
            self.rng.uniform(2.5, 6), ("wave",), postures.waving(self.base, self.rng), self._spot(self._gaze())
        )

    def sit(self, seat: Seat) -> None:
        """Walk to a seat, sit down, sit 4–14 s, stand up."""
        self.travel(run=False, end=seat.front(_SEAT_GAP_M), heading=seat.heading)
        feet, rng = seat.front(_SEAT_GAP_M), self.rng
        spot = Spot(float(feet[0]), float(feet[1]), seat.heading)
        if rng.random() < 0.3:
            self._stand(rng.uniform(0.6, 1.5))
        sitting = postures.seated(rng)
        down = Keyed(np.stack([self.base, postures.half_seated(rng), sitting]))
        self.builder.add(rng.uniform(1.2, 2.2), ("sit_down",), down, spot)
        self._remain_seated(sitting, spot)
        up = Keyed(np.stack([sitting, postures.half_seated(rng), self.base]))
        self.builder.add(rng.uniform(1.2, 2.2), ("stand_up",), up, spot)
        self._stand(rng.uniform(0.4, 1.2))

    def fall(self) -> None:
        """Fall, lie 4–12 s, get up."""
        rng, toward = self.rng, self._free_direction()
        if toward is None:
            return
        lying = postures.lying(rng, toward)
        spot = self._spot(self.builder.heading)
        down = Keyed(np.stack([self.base, postures.half_fallen(rng, toward), lying]), power=1.5)
        self.builder.add(rng.uniform(0.8, 1.6), ("fall",), down, spot, 0.2)
        self.builder.add(rng.uniform(4, 9), ("lie",), postures.swaying(lying, rng, 3.0), spot)
        up = Keyed(np.stack([lying, postures.half_fallen(rng, toward), self.base]))
        self.builder.add(rng.uniform(1.2, 2.2), ("stand_up",), up, spot)
        self._stand(rng.uniform(0.6, 1.5))

    def carry(self, bag: Bag) -> None:
        """Hold a bag from now on."""
        self.bag = bag
        bag.carried.append(Carried(self.index, self.builder.now_s, float(np.inf)))

    def put_down(self) -> None:
        """Bend and put the bag on the floor."""
        assert self.bag is not None
        released_s, hand = self._bend(self.builder.heading)
        self.bag.put(self.index, float(hand[0]), float(hand[2]), released_s)
        self.bag = None

    def take(self, bag: Bag) -> None:
        """Walk to a bag that stands on the floor, bend, and carry it away."""
        rest = bag.rests[-1]
        target = np.array([rest.x, rest.z])
        heading = float(np.arctan2(*(target - self.builder.here)))
        sin, cos = np.sin(heading), np.cos(heading)
        # The right hand comes down in front of the right foot: stand that far before and to the left of the bag.
        self.travel(run=False, end=target - 0.5 * np.array([sin, cos]) - 0.2 * np.array([cos, -sin]), heading=heading)
        taken_s, _ = self._bend(heading)
        bag.end_rest(taken_s)
        self.bag = bag
        bag.carried.append(Carried(self.index, taken_s, float(np.inf)))

    def leave(self, run: bool) -> None:
        """Go out of the picture; a bag still held goes along."""
        self.travel(run, self.stage.way_out(self.rng, self.builder.here))
        if self.bag is not None:
            held = self.bag.carried[-1]
            self.bag.carried[-1] = Carried(held.visit, held.start_s, self.builder.now_s)

    def _remain_seated(self, sitting: Floats, spot: Spot) -> None:
        rng = self.rng
        duration = rng.uniform(4, 11)
        if rng.random() < 0.12:
            self.builder.add(rng.uniform(2.5, 4), ("sit", "wave"), postures.waving(sitting, rng), spot)
        self.builder.add(duration, ("sit",), postures.swaying(sitting, rng, 4.0), spot, 0.6)

    def _bend(self, heading: float) -> tuple[float, Floats]:
        duration = self.rng.uniform(1.4, 2.2)
        keys = np.stack([self.base, postures.bending(self.rng), self.base])
        span = self.builder.add(duration, (), Keyed(keys), self._spot(heading))
        middle_s = (span.start_s + span.end_s) / 2
        return middle_s, self.builder.hand_at(span, middle_s)

    def _stand(self, duration_s: float, blend_s: float = 0.35) -> None:
        hold = postures.swaying(self.base, self.rng)
        self.builder.add(duration_s, (), hold, self._spot(self.builder.heading), blend_s)

    def _spot(self, heading: float) -> Spot:
        return Spot(self.builder.x, self.builder.z, heading)

    def _gaze(self) -> float:
        return float(self.builder.heading + self.rng.normal(0, 0.7))

    def _free_direction(self) -> float | None:
        for _ in range(12):
            toward = float(self.rng.uniform(-np.pi, np.pi))
            around = self.builder.heading + toward
            head = self.builder.here + 1.75 * np.array([np.sin(around), np.cos(around)])
            if self.stage.inside(head, 0.85) and self.stage.clearance(self.builder.here, head) > 0.6:
                return toward
        return None

    def _route(self, length_m: float, end: Floats | None, heading: float | None) -> Route:
        points = [self.builder.here]
        left_m = length_m
        while left_m > 0:
            if end is not None and float(np.hypot(*(end - points[-1]))) >= left_m:
                break
            following = self.stage.next_point(points[-1], self.rng)
            left_m -= float(np.hypot(*(following - points[-1])))
            _go_on(points, following)
        if end is not None:
            _go_on(points, end)
        elif left_m < 0:
            points[-1] = points[-1] + left_m * _unit(points[-1] - points[-2])
        return make_route(np.stack(points), heading)

    def _gait(self, run: bool, route: Route, step_m: float) -> Gait:
        person, rng = self.builder.person, self.rng
        base = self._travel_base()
        held = arm_held(base)
        swing = tuple(0.0 if up else 1.0 for up in held)
        if self.bag is not None:
            swing = (swing[0], 0.15)
        gait = Gait(
            length_m=route.length_m,
            step_m=step_m,
            hip_rad=hip_swing_rad(person.body, step_m) * (0.85 if run else 1.0),
            knee_rad=person.knee * (1.45 if run else 0.95),
            arm_rad=person.arm_swing * (1.25 if run else 1.0),
            elbow_rad=person.elbow
            + (rng.uniform(0.2, 1.0) if run else rng.choice([0.0, rng.uniform(0, 0.9)], p=[0.7, 0.3])),
            lean_rad=person.slouch + (rng.uniform(0.06, 0.16) if run else rng.uniform(0.0, 0.08)),
            bounce_m=0.05 if run else 0.015,
            base=base,
        )
        return replace(gait, arms_swing=(swing[0], swing[1]))

    def _travel_base(self) -> Floats:
        base = self.base.copy()
        base[[Dof.ELBOW_L, Dof.ELBOW_R]] = 0.0
        # Some walk with an arm up (a phone, a greeting held still): a raised arm alone is no wave.
        return postures.raised_arm(base, self.rng)[0] if self.bag is None and self.rng.random() < 0.15 else base


def _go_on(points: list[Floats], following: Floats) -> None:
    """Append a point to a way, in a bow if it leads back."""
    if len(points) > 1 and (bowed := bow(points[-2], points[-1], following)) is not None:
        points.append(bowed)
    points.append(following)


def _unit(vector: Floats) -> Floats:
    return vector / max(1e-9, float(np.hypot(*vector)))


def enter(person: Person, stage: Stage, rng: np.random.Generator, start_s: float, index: int) -> Actor:
    """Return an actor who stands just outside the picture at `start_s`."""
    point = stage.way_out(rng)
    inward = -float(np.sign(point[0])) * np.pi / 2
    builder = VisitBuilder(person, start_s, postures.standing(rng), (float(point[0]), float(point[1]), inward))
    return Actor(builder, stage, rng, index)
