"""Dense inverse search: displacements that are true, whoever else uses OpenCV."""

import cv2
import numpy as np
import pytest

from pipeline.motion import Method, method_of
from pipeline.motion.bounds import bounded
from pipeline.values import MotionSpec
from tests.motion.textures import Sliding, end_point_error


def field(method: Method, x: float, y: float, blur: float = 2.0) -> np.ndarray:
    return method.between(method.seen(Sliding(0, 0, blur=blur)), method.seen(Sliding(x, y, blur=blur)))


@pytest.mark.parametrize("side", [64, 112, 224])
@pytest.mark.parametrize("blur", [1.2, 2.0, 4.0])
def test_a_sliding_texture_is_followed_to_a_fifth_of_a_pixel(side: int, blur: float) -> None:
    method = method_of(MotionSpec(1, side, side))
    for x, y in ((0.5, 0.25), (1.5, -1.0), (-2.0, 2.0), (3.0, -1.0)):
        found = field(method, x, y, blur)
        assert found.shape == (2, side, side) and found.dtype == np.float16
        assert end_point_error(found, x, y) < 0.2


def test_what_stands_still_does_not_move() -> None:
    assert np.abs(field(method_of(MotionSpec(1, 64, 64)), 0.0, 0.0)).max() < 1e-3


def test_a_picture_of_one_colour_has_finite_motion() -> None:
    method = method_of(MotionSpec(1, 16, 16))
    grey = np.zeros((16, 16), np.uint8)
    assert np.isfinite(method.between(grey, grey + 255)).all()


def test_no_displacement_is_longer_than_the_field() -> None:
    wild = np.array([np.inf, -1e9, 5.0], np.float32).reshape(1, 3, 1).repeat(2, axis=0)
    assert bounded(wild)[0, :, 0].tolist() == [3.0, -3.0, 3.0]


@pytest.mark.parametrize("side", [16, 64, 112, 224])
def test_its_bytes_depend_neither_on_the_threads_of_opencv_nor_on_what_was_found_before(side: int) -> None:
    had, found = cv2.getNumThreads(), set()
    used = method_of(MotionSpec(1, side, side))
    try:
        for threads in (1, 2, 3, 8):
            cv2.setNumThreads(threads)
            found |= {field(method, 1.5, -1.0).tobytes() for method in (used, method_of(MotionSpec(1, side, side)))}
            field(used, -4.0, 3.0)
    finally:
        cv2.setNumThreads(had)
    assert len(found) == 1
