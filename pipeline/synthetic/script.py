"""The whole scene in advance: who comes when, does what, and leaves what behind."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.synthetic.acting import Actor, enter
from pipeline.synthetic.bag import Bag
from pipeline.synthetic.draw import Draw
from pipeline.synthetic.person import Person, draw_person
from pipeline.synthetic.stage import Seat, Stage
from pipeline.synthetic.visit import Visit

_ACTS = ("walk", "run", "wave", "sit", "fall", "idle")
_ACT_SHARES = np.array([0.10, 0.17, 0.21, 0.17, 0.20, 0.15])
_LONG_ABSENCE = 0.3
_SAME_PERSON = 0.45
_SAME_PERSON_LATER = 0.75


@dataclass(frozen=True, slots=True)
class Script:
    """Visits by start time, and bags."""

    visits: tuple[Visit, ...]
    bags: tuple[Bag, ...]


@dataclass(slots=True)
class _Slot:
    """One of the people the scene shows at a time: the next visit begins when the last one is over."""

    next_s: float
    identity: int
    person: Person


@dataclass(slots=True)
class _Planner:
    stage: Stage
    draw: Draw
    visits: list[Visit] = field(default_factory=list)
    bags: list[Bag] = field(default_factory=list)
    seat_free_s: dict[Seat, float] = field(default_factory=dict)
    identities: int = 0

    def newcomer(self) -> tuple[int, Person]:
        self.identities += 1
        return self.identities - 1, draw_person(self.draw)

    def play(self, slot: _Slot) -> None:
        """Plan the slot's next visit and when the one after it begins."""
        rng = self.draw.rng
        actor = enter(slot.person, self.stage, rng, slot.next_s, len(self.visits))
        # Claims a bag before anybody planned later can, since visits are planned in the order they start.
        waiting = [bag for bag in self.bags if bag.waits_at(slot.next_s) and self._owner_left(bag, slot.next_s)]
        if not waiting and rng.random() < 0.4:
            self._bring_bag(actor)
        actor.travel(run=bool(rng.random() < 0.3))
        if waiting and rng.random() < 0.6:
            actor.take(waiting[0])
        self._act(actor, slot.next_s + rng.choice([rng.uniform(8, 18), rng.uniform(18, 40)]))
        actor.leave(run=bool(rng.random() < 0.35))
        self.visits.append(actor.builder.build(slot.identity))
        self._schedule(slot, actor.builder.now_s)

    def _owner_left(self, bag: Bag, t_s: float) -> bool:
        return self.visits[bag.rests[-1].owner].end_s <= t_s

    def _bring_bag(self, actor: Actor) -> None:
        draw = self.draw
        shape = draw.choice(("handbag", "suitcase", "box", "handbag"))
        bag = Bag(draw.color((0.1, 0.7), (0.1, 0.8)), draw.uniform(0.26, 0.42), shape)
        self.bags.append(bag)
        actor.carry(bag)

    def _act(self, actor: Actor, until_s: float) -> None:
        rng = self.draw.rng
        if actor.bag is not None and rng.random() < 0.8:
            actor.put_down()
        last = ""
        while actor.builder.now_s < until_s:
            shares = np.where(np.array(_ACTS) == last, 0, _ACT_SHARES)
            last = str(rng.choice(_ACTS, p=shares / shares.sum()))
            self._act_once(actor, last)
            if last != "idle" and rng.random() < 0.35:
                actor.idle()
        mine = [bag for bag in self.bags if bag.rests and bag.rests[-1].owner == actor.index and bag.waits_at(until_s)]
        if mine and rng.random() < 0.3:
            actor.take(mine[0])

    def _act_once(self, actor: Actor, act: str) -> None:
        if act in ("walk", "run"):
            actor.travel(run=act == "run")
        elif act == "wave":
            actor.wave()
        elif act == "sit":
            self._sit(actor)
        elif act == "fall" and actor.bag is None:
            actor.fall()
        else:
            actor.idle()

    def _sit(self, actor: Actor) -> None:
        now_s = actor.builder.now_s
        free = [seat for seat in self.stage.seats if self.seat_free_s.get(seat, -np.inf) < now_s]
        if not free or actor.bag is not None:
            return actor.idle()
        seat = free[int(self.draw.rng.integers(len(free)))]
        actor.sit(seat)
        self.seat_free_s[seat] = actor.builder.now_s
        return None

    def _schedule(self, slot: _Slot, left_s: float) -> None:
        rng = self.draw.rng
        long = rng.random() < _LONG_ABSENCE
        slot.next_s = left_s + (rng.uniform(8.5, 14) if long else rng.uniform(0.0, 3.0))
        if rng.random() >= (_SAME_PERSON_LATER if long else _SAME_PERSON):
            slot.identity, slot.person = self.newcomer()


def write_script(stage: Stage, draw: Draw, duration_s: float, people: int) -> Script:
    """Return a script in which up to `people` people are in the scene at once for `duration_s`."""
    planner = _Planner(stage, draw)
    slots = [_Slot(float(draw.rng.uniform(-9, 1.0)), *planner.newcomer()) for _ in range(people)]
    while (slot := min(slots, key=lambda slot: slot.next_s)).next_s < duration_s:
        planner.play(slot)
    return Script(tuple(planner.visits), tuple(planner.bags))
