"""Whoever is told of alerts."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from pipeline.alerts.letters import Letter
from pipeline.alerts.settings import AlertSettings
from pipeline.clock import Clock


class Target(Protocol):
    """Takes letters, one after the other, all from one thread."""

    def send(self, letter: Letter) -> None:
        """Deliver a letter, within the target's time-out.

        Raises:
            TargetAway: not delivered; try again later.
            TargetRefused: not delivered; do not try again.
        """

    def close(self) -> None:
        """Let go of connections."""


def make_target(name: str, settings: AlertSettings, environ: Mapping[str, str], clock: Clock) -> Target:
    """Return the target of that name; nothing is sent yet.

    Args:
        environ: where the variables of its settings are set.
    """
    if name in settings.webhooks:
        from pipeline.alerts.webhook import Webhook  # loads httpx

        return Webhook(settings.webhooks[name], environ, clock)
    from pipeline.alerts.broker import Broker  # loads paho

    return Broker(settings.mqtt[name], environ)


def place_of(name: str, settings: AlertSettings) -> str:
    """Return where a target is, without what may be secret in its URL: its path, too, opens some services."""
    url = settings.webhooks[name].url if name in settings.webhooks else settings.mqtt[name].url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.scheme else "${…}"
