"""Who a person is: measures, clothes, and the way of moving."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.body import Body
from pipeline.synthetic.draw import Color, Draw

Pattern = str
_PATTERNS = ("plain", "plain", "stripes", "plain", "chest_band", "plain", "blocks", "yoke")
_LEGWEAR = ("trousers", "trousers", "shorts", "trousers", "skirt", "trousers", "trousers", "long_skirt")
_SLEEVES = ("long", "short", "long", "short", "short", "long", "short", "long")
_HAIR = ("short", "long", "short", "bald", "cap", "short", "bun", "long")


@dataclass(frozen=True, slots=True)
class Clothes:
    """Colours are RGB, 0…255."""

    skin: Color
    hair: Color
    shirt: Color
    shirt_second: Color
    legs: Color
    shoes: Color
    pattern: Pattern
    legwear: str
    sleeves: str
    hair_style: str
    backpack: Color | None


@dataclass(frozen=True, slots=True)
class Person:
    """Attributes: speeds in m/s, steps per second, angles in radians."""

    body: Body
    clothes: Clothes
    walk_speed: float
    walk_rate_hz: float
    run_speed: float
    run_rate_hz: float
    arm_swing: float
    elbow: float
    slouch: float
    knee: float


def draw_person(draw: Draw) -> Person:
    """Return a person with the split's own clothes and gait."""
    body = Body(draw.uniform(1.55, 1.9), draw.uniform(0.88, 1.18))
    return Person(
        body=body,
        clothes=_draw_clothes(draw),
        walk_speed=draw.uniform(0.9, 1.45),
        walk_rate_hz=draw.uniform(1.6, 2.05),
        run_speed=draw.uniform(2.1, 3.1),
        run_rate_hz=draw.uniform(2.5, 2.95),
        arm_swing=draw.uniform(0.25, 0.65),
        elbow=draw.uniform(0.15, 0.6),
        slouch=draw.uniform(-0.02, 0.14),
        knee=draw.uniform(0.85, 1.15),
    )


def _draw_clothes(draw: Draw) -> Clothes:
    tone = draw.uniform(0, 1)
    skin = tuple(np.array([238, 196, 166]) * (1 - tone) + np.array([92, 58, 42]) * tone)
    grey = draw.uniform(60, 170) if draw.chance(0.25) else draw.uniform(15, 75)
    hair = (grey * 1.05, grey * 0.85, grey * draw.uniform(0.55, 0.8))
    shirt = draw.color((0.05, 0.6), (0.2, 0.92))
    return Clothes(
        skin=(float(skin[0]), float(skin[1]), float(skin[2])),
        hair=hair,
        shirt=shirt,
        shirt_second=draw.color((0.0, 0.5), (0.15, 0.95)),
        legs=draw.color((0.03, 0.42), (0.1, 0.65)),
        shoes=draw.color((0.0, 0.4), (0.08, 0.95)),
        pattern=draw.choice(_PATTERNS),
        legwear=draw.choice(_LEGWEAR),
        sleeves=draw.choice(_SLEEVES),
        hair_style=draw.choice(_HAIR),
        backpack=draw.color((0.2, 0.7), (0.15, 0.7)) if draw.chance(0.15) else None,
    )
