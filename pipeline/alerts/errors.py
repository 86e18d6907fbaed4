"""What can go wrong with the target of an alert."""

from pipeline.errors import LongtakeError


class TargetError(LongtakeError):
    """An alert was not delivered."""


class TargetAway(TargetError):
    """The target does not answer, is busy or lets nobody in: the alert is to be sent again later."""


class TargetRefused(TargetError):
    """The target does not want this alert, and would not want it later either."""
