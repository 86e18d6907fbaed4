"""Telling by HTTP POST, signed."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping

import httpx

from pipeline.alerts.errors import TargetAway, TargetRefused
from pipeline.alerts.letters import Letter
from pipeline.alerts.settings import WebhookSettings, resolved
from pipeline.clock import Clock

SIGNATURE = "X-Longtake-Signature"
"""`t=…,v1=…`: unix seconds, and the HMAC-SHA256 of `t.body` in hexadecimal digits."""
IDEMPOTENCY = "Idempotency-Key"
"""The same whenever a letter is sent again."""

_REFUSALS = (400, 413, 415, 422)
"""Answers that are about the alert itself. Any other may change without it: a wrong password, a missing path."""
_ANSWER_BYTES = 64 * 1024


def signature(secret: str, at_s: int, body: str) -> str:
    """Return the value of the header `SIGNATURE`."""
    digest = hmac.new(secret.encode(), f"{at_s}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


class Webhook:
    """A target of alerts; keeps its connection open. Redirects are not followed."""

    def __init__(self, settings: WebhookSettings, environ: Mapping[str, str], clock: Clock) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else it would log whole URLs
        self._url = resolved(settings.url, environ)
        self._secret = resolved(settings.secret, environ)
        self._timeout_s = settings.timeout_s
        self._clock = clock
        self._client = httpx.AsyncClient(headers={"User-Agent": "longtake"}, timeout=settings.timeout_s)
        self._runner = asyncio.Runner()

    def send(self, letter: Letter) -> None:
        """As `Target.send`."""
        try:
            status = self._runner.run(self._post(letter))
        except TimeoutError:
            raise TargetAway(f"it has not answered within {self._timeout_s:g} s") from None
        except httpx.InvalidURL:
            raise TargetAway("its URL is none") from None
        except (httpx.HTTPError, OSError) as error:
            raise TargetAway(f"it cannot be reached: {type(error).__name__}: {error}") from None
        if status in _REFUSALS:
            raise TargetRefused(f"it answered {status}")
        if not 200 <= status < 300:
            raise TargetAway(f"it answered {status}")

    def close(self) -> None:
        """As `Target.close`."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    async def _post(self, letter: Letter) -> int:
        """Return the status of the answer; all of it is within the time-out, so that none can drip."""
        request = self._client.stream("POST", self._url, content=letter.body.encode(), headers=self._headers(letter))
        async with asyncio.timeout(self._timeout_s), request as answer:
            read = 0
            async for chunk in answer.aiter_raw():  # one that was read to its end leaves the connection open
                read += len(chunk)
                if read > _ANSWER_BYTES:
                    break
            return answer.status_code

    def _headers(self, letter: Letter) -> dict[str, str]:
        headers = {"Content-Type": "application/json", IDEMPOTENCY: letter.id}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, int(self._clock.wall_s()), letter.body)
        return headers
