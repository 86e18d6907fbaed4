"""Several scenes in one URI."""

import pytest

from pipeline.errors import UsageError
from pipeline.synthetic import parse_scenes


@pytest.mark.parametrize(
    ("data", "seeds"),
    [
        ("synthetic://seeds=3", [3]),
        ("synthetic://seeds=3,7-8", [3, 7, 8]),
        ("synthetic://seeds=3-5&duration=10&people=2", [3, 4, 5]),
    ],
)
def test_a_range_of_seeds_is_a_scene_each(data, seeds):
    assert [spec.seed for spec in parse_scenes(data)] == seeds


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("synthetic://seeds=5-1", "no scene lies between seed 5 and seed 1"),
        ("synthetic://seeds=", "seeds are numbers or ranges"),
        ("synthetic://seeds=-1", "seeds are numbers or ranges"),
        ("synthetic://seeds=1-x", "seeds are numbers or ranges"),
        ("synthetic://seeds=1&duration=0", "duration_s must be"),
        ("synthetic://people=1", "scenes are written"),
        ("film.mp4", "scenes are written"),
    ],
)
def test_other_data_are_refused_with_a_sentence(data, sentence):
    with pytest.raises(UsageError, match=sentence):
        parse_scenes(data)
