"""What can be wrong with an archive."""

from pipeline.errors import StoreError


class ArchiveError(StoreError):
    """The archive cannot be reached, or holds what this longtake cannot read."""


class FileMissing(ArchiveError):
    """A file that the store lists is not in the archive.

    Attributes:
        path: of the file, relative to the archive.
    """

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path
