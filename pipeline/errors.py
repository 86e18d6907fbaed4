"""One error tree. A message says what was given, what is allowed and what to do.

    LongtakeError
    ├── UsageError            wrong option, name, key or label                  (exit 2)
    │   ├── NotThere          nothing has that name
    │   └── AlreadyThere      something else has that name
    ├── SourceError           a source cannot be opened or read
    │   ├── SourceNotFound    no such file, empty directory, unknown host
    │   ├── SourceUnreadable  not a video, audio only, encrypted, unknown codec
    │   ├── SourceTimeout     accepted, then silent
    │   ├── SourceRefused     wrong password or no permission
    │   ├── SourceCrashed     the process that decodes it died, or took too much
    │   └── SourceChanged     not the video its checkpoint was made from
    ├── ModelError            a model directory is missing, damaged or refused
    ├── TrainingFailed        a run cannot go on
    ├── EngineError           a worker or actor is gone and cannot be replaced
    └── StoreError            the timeline store refuses or is gone
        ├── StoreDown         no answer
        ├── StoreFull         out of memory or disk
        ├── StoreVersion      too old, or written by another longtake
        ├── StoreBehind       came back older than it was
        └── Fenced            another owner holds the stream

Every foreign exception is mapped onto this tree at the border where it enters.
"""

import re

REDACTED = "***"
"""What stands where a secret was."""

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s'\"]*@", re.IGNORECASE)
_SECRET_PARAMETERS = re.compile(
    r"(?P<key>[?&](?:[\w-]+[_-])?(?:password|passwd|pwd|token|key|secret|auth)=)[^&\s'\"]*", re.IGNORECASE
)


def redact(text: str) -> str:
    """Return `text` with the user, password and secret query parameters of every URL in it replaced by `***`."""
    return _SECRET_PARAMETERS.sub(rf"\g<key>{REDACTED}", _CREDENTIALS.sub(rf"\g<scheme>{REDACTED}@", text))


class LongtakeError(Exception):
    """Base of all errors longtake raises on purpose. The message never holds a secret."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


class UsageError(LongtakeError):
    """Something the caller wrote is not allowed; the message names the choices."""

    exit_code = 2


class NotThere(UsageError):
    """There is nothing of the name that was given."""


class AlreadyThere(UsageError):
    """The name that was given is taken."""


class SourceError(LongtakeError):
    """A source cannot be opened or read."""


class SourceNotFound(SourceError):
    """There is nothing at the URI."""


class SourceUnreadable(SourceError):
    """There is something at the URI, but no video that can be decoded."""


class SourceTimeout(SourceError):
    """The source accepted the connection and went silent."""


class SourceRefused(SourceError):
    """The source wants other credentials or permissions."""


class SourceCrashed(SourceError):
    """The process that decodes it died, took too much memory or sent nonsense."""


class SourceChanged(SourceError):
    """The source is not the one its checkpoint was made from."""


class ModelError(LongtakeError):
    """A model directory is missing, damaged, or not what it says."""


class TrainingFailed(LongtakeError):
    """A training run cannot go on; what it has reached is kept."""


class EngineError(LongtakeError):
    """A worker or an actor is gone and could not be replaced."""


class StoreError(LongtakeError):
    """The timeline store refused or failed."""


class StoreDown(StoreError):
    """The store does not answer."""


class StoreFull(StoreError):
    """The store has no memory or disk left for a write."""


class StoreVersion(StoreError):
    """The server is too old, or its data were written by an incompatible longtake."""


class StoreBehind(StoreError):
    """The store has lost its last commits: what is to be written now does not follow what it holds."""


class Fenced(StoreError):
    """The caller no longer owns the stream, or the stored timeline is ahead of its commit."""
