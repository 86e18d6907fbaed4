"""What a stream shows: taken when somebody asks, of the newest frame, and never of another stream."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import cv2
import numpy as np
import pytest

from actors.last_pictures import LONGEST_SIDE, LastPictures, Shot
from actors.pictures import FRESH_S, Picture, Pictures
from pipeline.clock import ManualClock
from pipeline.control.records import Held
from pipeline.errors import SourceCrashed
from pipeline.values import Clip, DecodedFrame, UInt8Array


class Solid:
    """A picture of one colour."""

    def __init__(self, shade: int, shape: tuple[int, int] = (360, 640), lost: bool = False) -> None:
        self.shade, self.shape, self.lost, self.converted = shade, shape, lost, 0

    def rgb(self, height: int, width: int, scaling: object = None) -> UInt8Array:
        self.converted += 1
        if self.lost:
            raise SourceCrashed("lost")
        return np.full((height, width, 3), self.shade, np.uint8)


def frame(picture: Solid) -> DecodedFrame:
    return DecodedFrame(0, 0.0, 0.04, None, False, picture)  # type: ignore[arg-type]


def clip(shade: int, at_s: float) -> Clip:
    frames = np.zeros((4, 16, 16, 3), np.uint8)
    frames[2] = shade
    return Clip("cam", 0, 0, 0.0, at_s, frames, 3, False, 3, at_s, bytes(16))


def asked(pictures: LastPictures, stream: str, show: Callable[[], None]) -> Shot | None:
    """What somebody gets who asks before `show`."""
    with ThreadPoolExecutor(1) as threads:
        got = threads.submit(pictures.take, stream, 10.0)
        while stream not in pictures._asked:
            pass
        show()
        return got.result()


def test_nothing_is_converted_before_somebody_asks() -> None:
    pictures, picture = LastPictures(), Solid(1)
    pictures.shown("cam", frame(picture), 1.0)
    assert picture.converted == 0
    assert pictures.take("cam", 0.0) is None


def test_who_asks_gets_the_next_frame_of_that_stream_at_a_size_for_a_page() -> None:
    pictures = LastPictures()

    def show() -> None:
        pictures.shown("other", frame(Solid(1)), 1.0)
        pictures.shown("cam", frame(Solid(2, (1080, 1920))), 2.0)
        pictures.shown("cam", frame(Solid(3, (1080, 1920))), 3.0)

    shot = asked(pictures, "cam", show)
    assert shot is not None and shot.at_s == 2.0 and shot.image.shape == (360, LONGEST_SIDE, 3)
    assert (shot.image == 2).all()


@pytest.mark.parametrize(
    ("filmed", "shown"), [((120, 160), (120, 160)), ((1920, 1080), (640, 360)), ((1, 4000), (1, 640))]
)
def test_a_picture_keeps_its_shape_and_is_never_enlarged(filmed: tuple[int, int], shown: tuple[int, int]) -> None:
    pictures = LastPictures()
    shot = asked(pictures, "cam", lambda: pictures.shown("cam", frame(Solid(1, filmed)), 1.0))
    assert shot is not None and shot.image.shape == (*shown, 3)


def test_where_frames_have_ceased_the_last_picture_stays_and_the_newest_clip_counts() -> None:
    pictures = LastPictures()
    asked(pictures, "cam", lambda: pictures.shown("cam", frame(Solid(1)), 5.0))
    for shade, at_s, expected in ((2, 4.0, 1), (3, 6.0, 3)):
        pictures.clip(clip(shade, at_s))
        shot = pictures.take("cam", 0.0)
        assert shot is not None and (shot.image == expected).all()
    pictures.over("cam")
    assert pictures.take("cam", 0.0) is None


def test_a_picture_that_is_lost_keeps_nobody_waiting_and_harms_no_stream() -> None:
    pictures = LastPictures()
    assert asked(pictures, "cam", lambda: pictures.shown("cam", frame(Solid(1, lost=True)), 1.0)) is None
    assert asked(pictures, "cam", lambda: pictures.over("cam")) is None


def test_colours_stay_what_they_are() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 255
    decoded = cv2.imdecode(np.frombuffer(Shot(red, 0.0).jpeg(), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert decoded[:, :, 0].min() > 240 and decoded[:, :, 1:].max() < 20


class Board:
    """Only what pictures ask of it."""

    def __init__(self) -> None:
        self.looks = 0

    def held(self) -> dict[str, Held]:
        self.looks += 1
        return {"cam": Held("host-1", 1)}


def test_the_host_that_watches_is_asked_and_many_who_ask_get_one_picture() -> None:
    board, clock, asked_of = Board(), ManualClock(), []

    def fetch(host: str, stream: str) -> Picture | None:
        asked_of.append((host, stream))
        return Picture(b"jpeg", float(len(asked_of)))

    pictures = Pictures(board, fetch, clock)  # type: ignore[arg-type]
    assert pictures("nobody watches this") is None
    assert [pictures("cam"), pictures("cam")] == [Picture(b"jpeg", 1.0)] * 2
    clock.advance(FRESH_S)
    assert pictures("cam") == Picture(b"jpeg", 2.0)
    assert asked_of == [("host-1", "cam")] * 2 and board.looks == 1


def test_who_asks_while_a_picture_is_on_its_way_waits_for_it() -> None:
    begun, go_on, fetched = Event(), Event(), []

    def fetch(host: str, stream: str) -> Picture | None:
        begun.set()
        assert go_on.wait(10)
        fetched.append(stream)
        return Picture(b"jpeg", 1.0)

    pictures = Pictures(Board(), fetch, ManualClock())  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pictures, "cam")
        assert begun.wait(10)
        second = threads.submit(pictures, "cam")
        go_on.set()
        assert first.result(10) is second.result(10) is not None
    assert fetched == ["cam"]
