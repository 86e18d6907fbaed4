"""The page's modules that are pure, each asked in the browser for answers that are known."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.page.conftest import House

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser: Browser, house: House) -> Any:
    context = browser.new_context(timezone_id="Europe/Berlin", locale="en-GB")
    page = context.new_page()
    page.goto(f"{house.url}/icon.svg")  # the server's origin, and nothing of the page
    yield page
    context.close()


def ask(page: Page, module: str, expression: str) -> Any:
    """What an expression says in which `m` is the module."""
    return page.evaluate(f"async () => {{ const m = await import('/{module}.js'); return {expression}; }}")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.84, "0.8 s"), (12.4, "12 s"), (59.6, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_lengths_of_time_take_two_units(page: Page, seconds: float, words: str) -> None:
    assert ask(page, "times", f"m.duration({seconds})") == words


@pytest.mark.parametrize(
    ("seconds", "clock"), [(0, "0:00.0"), (59.96, "1:00.0"), (3723.25, "1:02:03.3"), (-1.5, "−0:01.5")]
)
def test_times_since_the_start_are_a_clock(page: Page, seconds: float, clock: str) -> None:
    assert ask(page, "times", f"m.elapsed({seconds}, 1)") == clock


def test_ticks_of_a_recording_are_round_times(page: Page) -> None:
    assert ask(page, "times", "m.ticks(3, 33, 7, false).map((one) => one.text)") == ["0:10", "0:20", "0:30"]


def test_ticks_of_the_clock_are_full_hours_and_midnights_here_even_where_the_clock_is_changed(page: Page) -> None:
    # Berlin, 25 October 2026: at three in the morning it is two again.
    night = "Date.UTC(2026, 9, 24, 21) / 1000, Date.UTC(2026, 9, 25, 7) / 1000"
    texts = ask(page, "times", f"m.ticks({night}, 7200, true).map((one) => one.text)")
    assert texts[0] == "25 Oct" or "25 Oct" in texts
    assert "04:00" in texts and "08:00" not in texts[:3]
    days = "Date.UTC(2026, 9, 23, 10) / 1000, Date.UTC(2026, 9, 28, 10) / 1000"
    assert ask(page, "times", f"m.ticks({days}, 86400, true).map((one) => one.text)") == [
        *("24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct")
    ]


def test_a_view_zooms_around_a_moment_and_keeps_to_its_bounds(page: Page) -> None:
    made = "(() => { const v = new m.View(() => 1000, 9); v.show(0, 100); %s; return [v.start, v.end, v.follows]; })()"
    assert ask(page, "view", made % "v.zoom(0.5, 25)") == [12.5, 62.5, False]
    assert ask(page, "view", made % "v.zoom(1e-9, 50)") == [45, 55, False]
    assert ask(page, "view", made % "v.zoom(1e9)") == [50 - 31 * 86400, 50 + 31 * 86400, False]
    assert ask(page, "view", made % "v.follow(50)") == [951, 1001, True]
    assert ask(page, "view", made % "v.show(NaN, 5)") == [0, 100, False]


def test_columns_find_what_holds_and_its_neighbours(page: Page) -> None:
    made = (
        "new m.Columns([[10, 12], [1, 4], [5, 9]].map(([start_time, end_time]) => "
        "({ id: String(start_time), start_time, end_time, score: 1 })))"
    )
    assert ask(page, "columns", f"[0, 1, 3.9, 4, 9.5, 12].map((t) => {made}.at(t)?.id ?? null)") == [
        *(None, "1", "1", None, None, None)
    ]
    assert ask(page, "columns", f"[1, 5, 11].map((t) => {made}.after(t)?.id ?? null)") == ["5", "10", None]
    assert ask(page, "columns", f"[1, 5, 99].map((t) => {made}.before(t)?.id ?? null)") == [None, "1", "10"]


def test_few_segments_are_drawn_one_by_one_and_many_as_bins(page: Page) -> None:
    month = 30 * 86_400
    assert ask(page, "levels", f"m.levelFor(m.detailOf(500, {month}), {month}, 1000).binS") == 0
    assert ask(page, "levels", f"m.levelFor(m.detailOf(100000, {month}), {month}, 1000).binS") == 3600
    assert ask(page, "levels", f"m.levelFor(m.detailOf(100000, {month}), 3600, 1000).binS") == 0


def test_the_address_says_what_is_on_screen_and_is_read_again(page: Page) -> None:
    state = {
        "view": "table", "filter": "dock-*", "labels": ["a,b", "<c>"], "minScore": 0.5,
        "clock": {"lastS": 3600}, "elapsed": {"start": 1, "end": 2.5},
    }  # fmt: skip
    again = "async (state) => { const m = await import('/url.js'); return m.read(m.write(state)); }"
    assert page.evaluate(again, state) == state


def test_the_colours_of_a_dozen_labels_differ_and_do_not_depend_on_their_order(page: Page) -> None:
    labels = ["walk", "fall", "sit", "run", "lie", "carry", "wave", "stand", "loiter", "jump", "push", "pull"]
    of_all = "async (labels) => { const m = await import('/colours.js'); const c = new m.Colours(labels); %s }"
    said = of_all % "return labels.sort().map((one) => c.of(one, true));"
    colours = page.evaluate(said, labels)
    assert len(set(colours)) == 12
    assert page.evaluate(said, labels[::-1]) == colours


def test_a_stream_name_is_a_pattern_of_itself_alone(page: Page) -> None:
    assert ask(page, "api", "m.exactly('a*b?[c]')") == "a[*]b[?][[]c]"
