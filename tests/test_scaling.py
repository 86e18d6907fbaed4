"""Scaled and cut as torchvision's video transforms do: the same sizes, the same place, and on demand the same bytes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional

from pipeline.decode import VideoPicture, decode
from pipeline.errors import SourceUnreadable
from pipeline.scaling import scaled_size, viewed
from pipeline.source import open_source
from pipeline.synthetic import Scene, ScenePicture, SceneSpec, frames
from pipeline.values import Picture, Scaling, UInt8Array
from tests.decode.films import film
from tests.motion.textures import slid

FUSED = torch.backends.cpu.get_cpu_capability() != "DEFAULT"


def noise(height: int, width: int) -> UInt8Array:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def smooth(height: int, width: int) -> UInt8Array:
    """As soft as a film."""
    return slid(height, width, 0.0, 0.0) // np.array([1, 2, 3], np.uint8)


def by_torchvision(picture: UInt8Array, size: list[int], crop: list[int]) -> UInt8Array:
    """As the transforms of its video weights: without antialias."""
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
    cut = functional.center_crop(functional.resize(tensor, size, antialias=False), crop)
    return cut[0].permute(1, 2, 0).numpy()


def by_us(picture: UInt8Array, scaling: Scaling, height: int, width: int) -> UInt8Array:
    """Of a picture that can be had at its own size only."""

    def whole(high: int, wide: int) -> UInt8Array:
        assert (high, wide) == picture.shape[:2]
        return picture

    return viewed(whole, picture.shape[:2], height, width, scaling)


@pytest.mark.parametrize("make", [noise, smooth])
@pytest.mark.parametrize("filmed", [(240, 320), (360, 640), (720, 1280), (300, 77)])
@pytest.mark.parametrize(("scaling", "crop"), [((128, 171), (112, 112)), ((256,), (224, 224))])
def test_exact_scaling_gives_the_bytes_of_torchvision(make, filmed, scaling, crop) -> None:
    picture = make(*filmed)
    ours = by_us(picture, Scaling(*scaling, exact=True), *crop)
    theirs = by_torchvision(picture, list(scaling), list(crop))
    apart = np.abs(ours.astype(int) - theirs)
    assert apart.max() <= (0 if FUSED else 1)
    assert (apart > 0).mean() < 1e-3


@settings(deadline=None, max_examples=40)
@given(st.tuples(st.integers(8, 90), st.integers(8, 90)), st.integers(8, 60), st.integers(8, 60), st.integers(8, 60))
def test_sizes_and_places_are_those_of_torchvision_even_where_the_picture_is_too_small(
    filmed, side, high, wide
) -> None:
    picture = noise(*filmed)
    for size in ([side], [side, high]):
        ours = by_us(picture, Scaling(*size, exact=True), high, wide)
        apart = np.abs(ours.astype(int) - by_torchvision(picture, size, [high, wide]))
        assert apart.max() <= (0 if FUSED else 1)


@pytest.mark.parametrize(
    ("filmed", "scaling", "expected"),
    [
        ((360, 640), Scaling(128, 171), (128, 171)),
        ((360, 640), Scaling(256), (256, 455)),
        ((640, 360), Scaling(256), (455, 256)),
        ((256, 256), Scaling(256), (256, 256)),
    ],
)
def test_the_shape_is_kept_where_one_side_is_given(filmed, scaling, expected) -> None:
    assert scaled_size(filmed, scaling) == expected


def test_a_picture_too_long_and_thin_to_keep_its_shape_is_refused() -> None:
    with pytest.raises(SourceUnreadable, match="100000×16 pixels is too long and thin"):
        scaled_size((16, 100_000), Scaling(256))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_decoded_picture_shows_its_middle_upright(tmp_path: Path, rotation: int, exact: bool) -> None:
    path = film(tmp_path / "film.mp4", [0.0, 0.04, 0.08], rotation=rotation)
    with open_source(str(path)) as source:
        picture = next(decode(source)).picture
        assert isinstance(picture, VideoPicture)
        assert picture.shape == ((128, 96) if rotation else (96, 128))
        check_middle(picture, *picture.shape, exact)


@pytest.mark.parametrize("exact", [False, True])
def test_a_scene_is_scaled_from_the_size_it_is_filmed_at(exact: bool) -> None:
    picture = next(frames(SceneSpec(7, 2.0), size=(320, 180))).picture
    assert isinstance(picture, ScenePicture)
    check_middle(picture, 180, 320, exact)


def check_middle(picture: Picture, height: int, width: int, exact: bool) -> None:
    """Against torchvision's, from the picture at its own size."""
    whole = picture.rgb(height, width)
    ours = picture.rgb(48, 40, Scaling(64, exact=exact))
    theirs = by_torchvision(whole, [64], [48, 40])
    assert ours.shape == (48, 40, 3) and ours.flags.c_contiguous and ours.dtype == np.uint8
    apart = np.abs(ours.astype(int) - theirs)
    assert apart.max() <= (not FUSED) if exact else apart.mean() < 4


def test_without_a_scaling_the_whole_view_is_seen() -> None:
    picture = next(frames(SceneSpec(7, 2.0))).picture
    assert np.array_equal(picture.rgb(48, 40), Scene(SceneSpec(7, 2.0)).render(0.0, 48, 40))
