"""What the alerts tell whoever listens. Every method does nothing; metrics and logs subscribe."""


class AlertHooks:
    """Called from the threads of the alerts; a listener must be quick and must not raise."""

    def raised(self, rule: str, stream: str) -> None:
        """A rule found a segment worth an alert."""

    def delivered(self, target: str, seconds: float) -> None:
        """A target took what was written down for it `seconds` before."""

    def failed(self, target: str, error: str) -> None:
        """A target took nothing; it will be tried again."""

    def dead(self, target: str, error: str) -> None:
        """An alert is not tried any more: it was refused, or waited too long."""

    def dropped(self, target: str, count: int) -> None:
        """So many waited for a target that the oldest were forgotten."""

    def waiting(self, target: str, count: int) -> None:
        """So many wait for a target."""

    def lost(self, stream: str) -> None:
        """Events of a stream were gone from its log before they could be read."""

    def store_away(self, error: str) -> None:
        """The store does not answer; what is read and delivered stops until it does."""
