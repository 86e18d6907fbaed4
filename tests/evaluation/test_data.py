"""What `longtake evaluate --data` may say."""

import pytest

from pipeline.errors import UsageError
from pipeline.evaluation.streaming import parse_data


@pytest.mark.parametrize(
    ("data", "seeds"), [("synthetic://seeds=3", [3]), ("synthetic://seeds=3-5&duration=10&people=2", [3, 4, 5])]
)
def test_a_range_of_seeds_is_a_scene_each(data, seeds):
    assert [spec.seed for spec in parse_data(data)] == seeds


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("synthetic://seeds=5-1", "no scene lies between seed 5 and seed 1"),
        ("synthetic://seeds=", "seeds are a number or a range"),
        ("synthetic://seeds=-1", "seeds are a number or a range"),
        ("synthetic://seeds=1-x", "seeds are a number or a range"),
        ("synthetic://seeds=1&duration=0", "duration_s must be"),
        ("synthetic://people=1", "evaluation data are written"),
        ("film.mp4", "evaluation data are written"),
    ],
)
def test_other_data_are_refused_with_a_sentence(data, sentence):
    with pytest.raises(UsageError, match=sentence):
        parse_data(data)
