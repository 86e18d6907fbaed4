"""What is shown of a timeline, character by character."""

from io import StringIO
from itertools import pairwise

import pytest
from rich.console import Console, RenderableType

from longtake.picture import picture
from longtake.terminal import EVERYTHING, Asked, as_bound, clock, nothing, table, title
from longtake.times import parse_bound
from pipeline.values import Gap, GapReason, Segment, Timeline

TEN_PM = 1769896800.0  # 2026-01-31T22:00:00Z


def printed(view: RenderableType, width: int = 80) -> list[str]:
    console = Console(width=width, color_system=None, file=StringIO())
    console.print(view)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def seen(segments, gaps=(), duration=10.0) -> Timeline:
    return Timeline("cam", "model", duration, tuple(segments), tuple(gaps))


def drawn(segments, gaps=(), duration=10.0, width=26, asked=EVERYTHING) -> list[str]:
    return printed(picture(seen(segments, gaps, duration), width, asked), width)


def rows(timeline: Timeline, asked: Asked = EVERYTHING) -> list[str]:
    return [" ".join(line.split()) for line in printed(table(timeline, asked)) if line.strip()]


def segment(label: str, start: float, end: float | None, score: float = 0.9) -> Segment:
    return Segment(f"{label}{start}", "cam", 0, label, start, end, score, 0.9, "model")


def test_one_row_per_label_and_round_times_below():
    assert drawn([segment("walk", 0, 5), segment("fall", 5, 10)]) == [
        "walk  ██████████··········",
        "fall  ··········██████████",
        "      ╵0:00     ╵0:05",
    ]


def test_the_last_time_stands_left_of_its_tick():
    assert drawn([segment("walk", 0, 30)], duration=30, width=42)[-1] == "      ╵0:00       ╵0:10       ╵0:20  0:30╵"


@pytest.mark.parametrize("start", [0.0, 0.3, 59.0, 3599.0, TEN_PM + 0.25, TEN_PM + 7000])
@pytest.mark.parametrize("seconds", [1.5, 12.0, 61.0, 3700.0, 90_000.0, 9e6])
@pytest.mark.parametrize("width", [30, 80, 120])
def test_times_never_collide_and_each_stands_at_its_tick(start, seconds, width):
    *_, axis = drawn([segment("walk", start, start + seconds)], asked=Asked(start, start + seconds), width=width)
    marks = axis.split()
    assert len(axis) <= width and marks
    assert all(mark.count("╵") == 1 and (mark[0] == "╵" or mark is marks[-1]) for mark in marks)
    distances = [right - left for left, right in pairwise(at for at, one in enumerate(axis) if one == "╵")]
    assert not distances or max(distances) - min(distances) <= 1


def test_ends_within_a_cell_are_half_blocks_on_their_side():
    assert drawn([segment("walk", 1.25, 3.75)])[0] == "walk  ··▐████▌············"


def test_an_open_segment_reaches_the_end_with_a_mark_and_gaps_are_hatched():
    gap = Gap("cam", 2.0, 4.0, GapReason.DROPPED)
    assert drawn([segment("walk", 6, None)], [gap])[0] == "walk  ····░░░░····███████▶"


def test_an_empty_timeline_has_a_picture_too():
    assert drawn([])[0].endswith("····················")


def test_the_picture_shows_the_range_that_was_asked_and_no_more():
    asked = Asked(since=10, until=20, watched_s=60)
    assert drawn([segment("walk", 8, 15)], duration=60, asked=asked) == [
        "walk  ██████████··········",
        "      ╵0:10     ╵0:15",
    ]


def test_a_range_is_shown_as_far_as_it_is_watched():
    on_a_wall_clock = Asked(since=TEN_PM - 90, watched_s=TEN_PM + 10)
    assert drawn([segment("walk", TEN_PM + 5, None)], asked=on_a_wall_clock)[0] == "walk  ··········█████████▶"


def test_the_title_says_what_was_asked():
    asked = Asked(10.0, 25.0, "run", 0.97, 40.0)
    assert title(seen([]), asked) == "cam · 0:10–0:25 · label run · score ≥ 0.97"
    assert title(seen([])) == "cam · 10.0 s"
    dated = Asked(since=TEN_PM, until=TEN_PM + 7200, watched_s=TEN_PM + 9000)
    assert title(seen([], duration=9000), dated) == "cam · 2026-01-31 UTC · 22:00:00–2026-02-01 00:00:00"


def test_nothing_is_a_sentence():
    asked = Asked(since=10, label="run", watched_s=40)
    assert nothing(seen([]), asked) == "cam · from 0:10 · label run: nothing; watched until 0:40"
    dated = Asked(TEN_PM, TEN_PM + 60, watched_s=TEN_PM + 90)
    assert nothing(seen([], duration=90), dated).endswith(" 22:00:00–22:01:00: nothing; watched until 22:01:30")


def test_on_a_wall_clock_a_day_is_said_once():
    segments = [segment("walk", TEN_PM, TEN_PM + 1.5), segment("sit", TEN_PM + 7200, TEN_PM + 7203)]
    assert [line for line in rows(seen(segments)) if "─" not in line] == [
        "cam · 2026-01-31 UTC · 10.0 s",
        "start end seconds label score",
        "22:00:00.0 22:00:01.5 1.5 walk 0.90",
        "2026-02-01",
        "00:00:00.0 00:00:03.0 3.0 sit 0.90",
    ]


def test_an_open_segment_is_marked_and_shows_its_seconds_so_far():
    assert rows(seen([segment("walk", 3, None)]), Asked(until=5, watched_s=10))[-1] == "0:03.0 open ▶ 7.0 walk 0.90"


@pytest.mark.parametrize(("score", "shown"), [(0.29, "0.29"), (0.296, "0.29"), (0.9999, "0.99"), (1.0, "1.00")])
def test_a_score_is_rounded_down_so_that_asking_for_it_finds_it(score, shown):
    assert rows(seen([segment("walk", 0, 1, score)]))[-1].endswith(shown)
    assert float(shown) <= score


def test_what_has_no_room_is_told_in_one_line_that_can_be_asked():
    many = seen([segment("walk", 60 + n, 61 + n) for n in range(43)], duration=200)
    assert rows(many)[-1] == "and 3 more: ask --since 1:40, or all with --format json"
    assert parse_bound(as_bound(TEN_PM + 0.7), 0.0) == TEN_PM


def test_times_are_shown_as_people_read_them():
    assert [clock(5), clock(65.25), clock(3725), clock(TEN_PM + 0.5)] == [
        "0:05.0",
        "1:05.2",
        "1:02:05.0",
        "2026-01-31 22:00:00.5",
    ]
