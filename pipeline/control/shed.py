"""How much of what live streams show is answered for while there is too much of it.

Left alone, every stream drops what its own queue cannot hold, and whoever comes late, or sits in a crowded host, loses
most. So all live streams are told to let the same share of their clips in, found as TCP finds its rate: down at once to
what was answered for, up again step by step (additive increase, multiplicative decrease; Chiu and Jain, 1989).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shedding:
    """The share of clips to let in, and since when (monotonic seconds) it has been lowered."""

    keep: float = 1.0
    lowered_s: float = -1e9

    LEAST = 0.05
    SLACK = 0.02  # so much may overflow: a hiccup is none of our business
    RAISE = 0.02  # a second, once it has been quiet for so long:
    QUIET_S = 20.0  # queues fill slowly, so what is too much shows late
    SETTLE_S = 4.0  # until what was lowered shows

    def after(self, let_in: int, overflowed: int, now_s: float, elapsed_s: float) -> "Shedding":
        """Return what follows from a look, `elapsed_s` after the one before.

        Args:
            let_in: clips that live streams let into their queues.
            overflowed: how many of them found it full.
        """
        too_much = min(1.0, overflowed / let_in) if let_in else 0.0
        since_s = now_s - self.lowered_s
        if since_s < self.SETTLE_S:
            return self
        if too_much > self.SLACK:
            return Shedding(max(self.LEAST, self.keep * (1.0 - too_much)), now_s)
        raised = self.RAISE * elapsed_s * min(1.0, since_s / self.QUIET_S)
        return Shedding(min(1.0, self.keep + raised), self.lowered_s)
