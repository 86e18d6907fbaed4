"""URIs, specs and splits."""

import pytest

from pipeline.errors import UsageError
from pipeline.synthetic import SceneSpec, parse_uri, split_of
from pipeline.synthetic.draw import Draw, generator


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("synthetic://seed=7", (SceneSpec(7), 25.0, (640, 480))),
        ("synthetic://?seed=7", (SceneSpec(7), 25.0, (640, 480))),
        ("synthetic://", (SceneSpec(7), 25.0, (640, 480))),
        (
            "synthetic://seed=12&duration=8.5&people=3&fps=10&size=320x240",
            (SceneSpec(12, 8.5, 3), 10.0, (320, 240)),
        ),
    ],
)
def test_a_uri_says_what_to_film(uri: str, expected: tuple[SceneSpec, float, tuple[int, int]]) -> None:
    assert parse_uri(uri) == expected


@pytest.mark.parametrize(
    ("uri", "needle"),
    [
        ("synthetic://sed=7", "seed, duration, people, fps, size"),
        ("synthetic://seed=7&seed=8", "twice"),
        ("synthetic://seed=-1", "whole number"),
        ("synthetic://seed=99999999999999999999", "whole number"),
        ("synthetic://seed=9999999999999999999", "whole number"),
        ("synthetic://seed=x", "whole number"),
        ("synthetic://duration=0", "above 0"),
        ("synthetic://duration=nan", "above 0"),
        ("synthetic://duration=1e9", "above 0"),
        ("synthetic://people=0", "1 to 8"),
        ("synthetic://people=1.5", "1 to 8"),
        ("synthetic://fps=0", "1 to 120"),
        ("synthetic://size=640", "WIDTHxHEIGHT"),
        ("synthetic://size=8x8", "WIDTHxHEIGHT"),
        ("file://seed=7", "synthetic://seed=7"),
    ],
)
def test_a_wrong_uri_is_refused_with_what_is_allowed(uri: str, needle: str) -> None:
    with pytest.raises(UsageError, match=needle.replace(".", r"\.")):
        parse_uri(uri)


def test_seeds_belong_to_one_split_each() -> None:
    assert [split_of(seed) for seed in (0, 9_999, 10_000, 19_999, 20_000, 2**40)] == [
        "heldout",
        "heldout",
        "validation",
        "validation",
        "train",
        "train",
    ]


def test_splits_never_draw_the_same_style() -> None:
    drawn = {
        split: {int(Draw(generator(seed, 0), split).uniform(0, 10)) for seed in range(300)}
        for split in ("train", "validation", "heldout")
    }
    assert drawn == {"train": {0, 1, 3, 5, 6, 8, 9}, "validation": {4}, "heldout": {2, 7}}


def test_splits_never_choose_the_same_family() -> None:
    options = "abcdefgh"
    chosen = {
        split: {Draw(generator(seed, 0), split).choice(options) for seed in range(200)}
        for split in ("train", "validation", "heldout")
    }
    assert chosen == {"train": set("abcde"), "validation": {"f"}, "heldout": {"g", "h"}}
