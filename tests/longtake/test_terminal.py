"""The picture of a timeline, character by character."""

from rich.console import Console

from longtake.terminal import clock, picture
from pipeline.values import Gap, GapReason, Segment, Timeline


def drawn(segments, gaps=(), duration=10.0, width=26) -> list[str]:
    console = Console(width=width, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(picture(Timeline("cam", "model", duration, tuple(segments), tuple(gaps)), width))
    return console.export_text().splitlines()


def segment(label: str, start: float, end: float | None) -> Segment:
    return Segment(f"{label}{start}", "cam", 0, label, start, end, 0.9, 0.9, "model")


def test_one_row_per_label_and_an_axis_that_ends_with_the_timeline():
    assert drawn([segment("walk", 0, 5), segment("fall", 5, 10)]) == [
        "walk  ██████████··········",
        "fall  ··········██████████",
        "      0:00            0:10",
    ]


def test_ends_within_a_cell_are_half_blocks_on_their_side():
    assert drawn([segment("walk", 1.25, 3.75)])[0] == "walk  ··▐████▌············"


def test_an_open_segment_reaches_the_end_and_gaps_are_hatched():
    gap = Gap("cam", 2.0, 3.99, GapReason.DROPPED)
    assert drawn([segment("walk", 6, None)], [gap])[0] == "walk  ····░░░░····████████"


def test_an_empty_timeline_has_a_picture_too():
    assert drawn([])[0].endswith("····················")


def test_times_are_shown_as_people_read_them():
    assert [clock(5), clock(65.25), clock(3725), clock(1769896800.5)] == [
        "0:05.0",
        "1:05.2",
        "1:02:05.0",
        "2026-01-31 22:00:00.5",
    ]
