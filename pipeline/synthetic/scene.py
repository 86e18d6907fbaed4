"""A filmed scene: everything is decided from the seed when it is made; any frame can then be rendered on its own."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.camera import Floats
from pipeline.synthetic.draw import Draw, generator
from pipeline.synthetic.painter import Painter
from pipeline.synthetic.script import Script, write_script
from pipeline.synthetic.setting import Setting, draw_setting
from pipeline.synthetic.sight import point_visible, seen_stretches
from pipeline.synthetic.spec import SceneSpec
from pipeline.synthetic.truth import (
    ACTIONS,
    SITUATIONS,
    Interval,
    Stretch,
    Truth,
    abandoned,
    loitering,
    overlap,
    returns,
    union,
)
from pipeline.values import UInt8Array

_SETTING, _SCRIPT, _BACKDROP = 1, 2, 3
_BAG_MIDDLE_M = 0.15


class Scene:
    """The scene of a spec: `truth`, `labels` and `render`.

    Two scenes of equal specs are equal in every byte; no frame depends on which were rendered before. A scene is not
    meant to be shared between threads.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec
        self.setting: Setting = draw_setting(self._draw(_SETTING), spec.seed, spec.people)
        stage = self.setting.stage
        self.script: Script = write_script(stage, self._draw(_SCRIPT), spec.duration_s, spec.people)
        self._painter = Painter(self.setting, self.script, self._draw(_BACKDROP))

    def render(self, t_s: float, height: int, width: int) -> UInt8Array:
        """Return the picture at scene second `t_s`: height × width × 3 uint8, RGB; the 4:3 view is stretched to it."""
        return self._painter.render(t_s, height, width)

    def labels(self, times_s: Sequence[float] | Floats, labels: Sequence[str] = ACTIONS) -> NDArray[np.bool_]:
        """Return which labels (C) hold at scene seconds `times_s` (N), as N × C."""
        return self.truth.table(np.asarray(times_s, dtype=np.float64), labels)

    @cached_property
    def seen(self) -> list[list[Stretch]]:
        """For every visit of the script, the stretches during which the person is visible."""
        outlines = self.setting.screen_outlines()
        return seen_stretches(self.script, self.setting.camera, outlines, self.spec.duration_s)

    @cached_property
    def truth(self) -> Truth:
        """Exact intervals of all actions and situations."""
        stretches = self._actions() | self._situations()
        intervals = [
            Interval(start, end, label)
            for label, parts in stretches.items()
            for start, end in overlap(union(parts), 0.0, self.spec.duration_s)
        ]
        return Truth(self.spec.duration_s, tuple(sorted(intervals)))

    def _draw(self, purpose: int) -> Draw:
        return Draw(generator(self.spec.seed, purpose), self.spec.split)

    def _actions(self) -> dict[str, list[Stretch]]:
        out: dict[str, list[Stretch]] = {label: [] for label in ACTIONS}
        for visit, seen in zip(self.script.visits, self.seen, strict=True):
            for span in visit.spans:
                for label in span.labels:
                    out[label] += overlap(seen, span.start_s, span.end_s)
        return out

    def _situations(self) -> dict[str, list[Stretch]]:
        out: dict[str, list[Stretch]] = {label: [] for label in SITUATIONS}
        for identity in sorted({visit.identity for visit in self.script.visits}):
            seen = self._seen_of(identity)
            out["loitering"] += loitering(seen)
            out["return"] += returns(seen)
        outlines = self.setting.screen_outlines()
        for bag in self.script.bags:
            for rest in bag.rests:
                if point_visible(np.array([rest.x, _BAG_MIDDLE_M, rest.z]), self.setting.camera, outlines):
                    out["abandoned_bag"] += abandoned(self.seen[rest.owner], rest.start_s, rest.end_s)
        return out

    def _seen_of(self, identity: int) -> list[Stretch]:
        pairs = zip(self.script.visits, self.seen, strict=True)
        return sorted(stretch for visit, seen in pairs if visit.identity == identity for stretch in seen)
