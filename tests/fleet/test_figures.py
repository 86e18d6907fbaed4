"""What the measurements conclude from their figures."""

import pytest

from bench.pss import Sample
from tests.chaos import paper
from tests.chaos.memory import Course
from tests.fleet.__main__ import Level, not_flat


def level(streams: int, cpu_ms_per_s: float, mib: float) -> Level:
    rest = {"GCS": 0.0, "Redis": 0.0, "hosts": 1000.0}
    return Level(streams, 1, 60.0, {"supervisor": cpu_ms_per_s, **rest}, {"supervisor": mib, **rest})


@pytest.mark.parametrize(
    ("cpu_ms_per_s", "mib", "told"),
    [(100.0, 100.0, 0), (150.0, 10.0, 0), (151.0, 100.0, 1), (100.0, 151.0, 1), (200.0, 200.0, 2)],
)
def test_flat_is_at_most_half_as_much_again_per_stream(cpu_ms_per_s: float, mib: float, told: int) -> None:
    assert len(not_flat([level(20, 10.0, 10.0), level(100, 0.0, 0.0), level(200, cpu_ms_per_s, mib)])) == told


def test_growth_is_told_in_all_and_by_program() -> None:
    samples = [Sample(0.0, {"serve": 90.0 + step, f"ray::host-{step}:HostActor": 10.0}) for step in range(10)]
    course = Course.of(samples, 0.2)
    assert (course.first_mib, course.last_mib) == (100.5, 108.5)
    assert course.programs == {"ray::HostActor": (10.0, 10.0), "serve": (90.5, 98.5)}
    assert course.growth == pytest.approx(8 / 100.5)


def test_columns_of_numbers_are_set_to_the_right() -> None:
    assert paper.table(("kind", "s", "why"), [("a", "1.5", "3 of 4"), ("b", "+2", "none")]).splitlines() == [
        "| kind | s | why |",
        "| --- | ---: | --- |",
        "| a | 1.5 | 3 of 4 |",
        "| b | +2 | none |",
    ]
