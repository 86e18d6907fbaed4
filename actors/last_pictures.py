"""What the streams of a host show now, for who wants to see it. Nothing is converted or copied before somebody asks."""

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field

import cv2

from pipeline.errors import SourceError
from pipeline.hooks import Hooks
from pipeline.values import Clip, DecodedFrame, UInt8Array

LONGEST_SIDE = 640
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Shot:
    """What a stream shows at one moment.

    Attributes:
        image: H×W×3 uint8, RGB.
        at_s: timeline seconds.
    """

    image: UInt8Array = field(repr=False)
    at_s: float

    def jpeg(self) -> bytes:
        """The picture as a JPEG file."""
        _, packed = cv2.imencode(".jpg", self.image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return packed.tobytes()


class LastPictures(Hooks):
    """Takes a picture of a stream's next frame when somebody asks for one; safe to share between threads.

    Between two questions only a reference is kept, to the newest frame of the stream's last clip or to the last picture
    that was taken: a stream whose frames have ceased still shows it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Shot | None]] = {}
        self._last: dict[str, Shot] = {}

    def take(self, stream: str, timeout_s: float) -> Shot | None:
        """Return what a stream shows; waits up to `timeout_s` for its next frame. None where it has shown nothing."""
        with self._lock:
            asked = self._asked.setdefault(stream, Future())
        try:
            shot = asked.result(timeout_s)
        except TooLate:
            shot = None
        return shot or self._last.get(stream)

    def shown(self, stream: str, frame: DecodedFrame, at_s: float) -> None:
        if stream not in self._asked or (asked := self._answered(stream)) is None:
            return
        try:
            shot = self._last[stream] = Shot(frame.picture.rgb(*_fitted(*frame.picture.shape)), at_s)
        except SourceError:
            asked.set_result(None)  # whoever takes the next frame is told
        else:
            asked.set_result(shot)

    def clip(self, clip: Clip) -> None:
        last = self._last.get(clip.stream)
        if last is None or clip.origin_s + clip.pts_s > last.at_s:
            self._last[clip.stream] = Shot(clip.frames[clip.valid_frames - 1], clip.origin_s + clip.pts_s)

    def over(self, stream: str) -> None:
        self._last.pop(stream, None)
        if (asked := self._answered(stream)) is not None:
            asked.set_result(None)

    def _answered(self, stream: str) -> "Future[Shot | None] | None":
        with self._lock:
            return self._asked.pop(stream, None)


def _fitted(height: int, width: int) -> tuple[int, int]:
    """The size, no larger than it was filmed."""
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
