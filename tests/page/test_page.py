"""The page in a real browser, over the real API."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import BEGIN_S, HOSTILE, HOUR_S, LONG, House, canvas_box, drawn, wait_until_drawn

pytestmark = pytest.mark.slow
Open = Callable[..., Page]

GROWN_S = BEGIN_S + HOUR_S + 25
HOUR = {"after": BEGIN_S, "before": BEGIN_S + HOUR_S}


def test_every_stream_shows_what_it_does_and_what_holds_now(opened: Open, house: House) -> None:
    page = opened()
    for name, state in (("cam-1", "running"), ("stairs", "failed"), ("visit", "ended"), ("street", "paused")):
        expect(page.locator(f'article[aria-label="{name}"] .state')).to_contain_text(state)
    expect(page.locator("#pulse")).to_have_text("live")
    expect(page.get_by_role("heading", name="By the clock")).to_be_visible()
    expect(page.get_by_role("heading", name="From the start")).to_be_visible()


def test_a_running_stream_shows_its_last_picture(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1"))
    expect(page.locator('article[aria-label="cam-1"] img')).to_be_visible()


def test_one_row_per_label_and_every_segment_of_the_extent(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR))
    wait_until_drawn(page, "cam-1")
    assert page.locator('article[aria-label="cam-1"] .labels li').all_inner_texts() == ["fall", "walk"]
    assert drawn(page, "cam-1")["segments"] == 31


def test_the_wheel_zooms_around_the_pointer(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR))
    wait_until_drawn(page, "cam-1")
    box = canvas_box(page, "cam-1")
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait_until_drawn(page, "cam-1", "drawn.end - drawn.start < 3000")
    extent = drawn(page, "cam-1")
    at = extent["start"] + 0.25 * (extent["end"] - extent["start"])
    assert abs(at - (BEGIN_S + 0.25 * HOUR_S)) < 10


def test_a_drag_pans(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR))
    wait_until_drawn(page, "cam-1")
    box = canvas_box(page, "cam-1")
    page.mouse.move(box["x"] + 600, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 50, steps=5)
    page.mouse.up()
    wait_until_drawn(page, "cam-1", f"drawn.start > {BEGIN_S + 100}")
    extent = drawn(page, "cam-1")
    assert abs(extent["start"] - (BEGIN_S + 300 / box["width"] * HOUR_S)) < 10
    assert abs(extent["end"] - extent["start"] - HOUR_S) < 1


def test_only_what_lies_in_the_extent_is_drawn_of_a_hundred_thousand_segments(opened: Open, house: House) -> None:
    day = {"after": BEGIN_S - 24 * HOUR_S, "before": BEGIN_S}
    page = opened(house.at(streams="street", **day))
    there = house.store.timeline("street", day["after"], day["before"]).segments
    wait_until_drawn(page, "street", f"drawn.segments >= {len(there)}")
    assert len(there) <= drawn(page, "street")["segments"] <= len(there) + 8  # what a tile's border cuts counts twice
    assert drawn(page, "street")["rectangles"] <= 4 * canvas_box(page, "street")["width"] + 40


def test_a_month_is_drawn_from_bins(opened: Open, house: House) -> None:
    page = opened(house.at(streams="street", after=BEGIN_S - 29 * 24 * HOUR_S, before=BEGIN_S + HOUR_S))
    wait_until_drawn(page, "street", "drawn.rectangles > 500")
    assert drawn(page, "street")["segments"] == 0
    expect(page.locator('article[aria-label="street"] .labels li')).to_have_count(4)


def test_filters_choose_streams_labels_and_scores_and_are_in_the_address(opened: Open, house: House) -> None:
    page = opened(house.at(**HOUR))
    page.get_by_role("searchbox", name="Streams").fill("cam-*")
    expect(page.locator("article")).to_have_count(1)
    wait_until_drawn(page, "cam-1", "drawn.segments === 31")
    page.locator("#filters").get_by_role("button", name="fall", exact=True).click()
    expect(page.locator(".labels li")).to_have_count(1)
    wait_until_drawn(page, "cam-1", "drawn.segments === 1")
    expect(page).to_have_url(re.compile(r"streams=cam-\*&label=fall"))
    again = opened(page.url)
    wait_until_drawn(again, "cam-1", "drawn.segments === 1")
    again.get_by_role("slider", name="Score from").fill("1")
    wait_until_drawn(again, "cam-1", "drawn.rectangles === 1")  # the gap


def test_the_address_brings_an_extent_back(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", after=BEGIN_S + 500, before=BEGIN_S + 900))
    wait_until_drawn(page, "cam-1")
    extent = drawn(page, "cam-1")
    assert [extent["start"], extent["end"]] == pytest.approx([BEGIN_S + 500, BEGIN_S + 900])


def test_an_open_segment_appears_and_grows_while_somebody_looks(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", after=BEGIN_S + HOUR_S - 60, before=BEGIN_S + HOUR_S + 60))
    expect(page.locator("#pulse")).to_have_text("live")
    wait_until_drawn(page, "cam-1", "true")
    growing = house.camera.segment("sit", BEGIN_S + HOUR_S, None, 0.9)
    house.camera.write(BEGIN_S + HOUR_S + 5, still_open=[growing])
    expect(page.locator('article[aria-label="cam-1"] .holds')).to_contain_text("sit")
    house.camera.write(GROWN_S, still_open=[growing])
    page.wait_for_function(f"async () => (await import('/main.js')).page.streams.get('cam-1').edge >= {GROWN_S}")
    house.camera.write(BEGIN_S + HOUR_S + 30, [house.camera.segment("sit", BEGIN_S + HOUR_S, BEGIN_S + HOUR_S + 28)])
    expect(page.locator('article[aria-label="cam-1"] .holds .chip')).to_have_count(0)
    wait_until_drawn(page, "cam-1", "drawn.segments >= 1")
    assert page.evaluate(SEGMENT_AT, ["cam-1", "sit", BEGIN_S + HOUR_S + 10])["end_time"] == BEGIN_S + HOUR_S + 28


SEGMENT_AT = """async ([stream, label, t]) => {
    const { page } = await import('/main.js');
    return page.streams.get(stream).at(t).holds.find((one) => one.label === label);
}"""


def test_the_cursor_tells_all_labels_of_a_moment(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR))
    wait_until_drawn(page, "cam-1")
    box = canvas_box(page, "cam-1")
    page.mouse.move(box["x"] + box["width"] * 1013 / 3600, box["y"] + 20)
    expect(page.locator("#tooltip")).to_contain_text(re.compile("fall.*95 %.*walk.*60 %", re.DOTALL))
    page.mouse.move(box["x"] + box["width"] * 2200 / 3600, box["y"] + 20)
    expect(page.locator("#tooltip")).to_contain_text("gap: camera down")


def test_a_click_on_a_segment_of_a_recording_plays_it_from_there(opened: Open, house: House) -> None:
    page = opened(house.at(streams="visit"))
    wait_until_drawn(page, "visit", "drawn.segments === 2")
    box, extent = canvas_box(page, "visit"), drawn(page, "visit")
    x = box["x"] + box["width"] * (11 - extent["start"]) / (extent["end"] - extent["start"])
    page.mouse.click(x, box["y"] + 25)
    player = page.locator("#player")
    expect(player).to_contain_text("sit")
    page.wait_for_function("() => document.querySelector('#player video')?.currentTime > 8.2")
    assert 8 < player.locator("video").evaluate("video => video.currentTime") < 11
    page.keyboard.press("Escape")
    expect(player).to_be_hidden()


def test_the_brackets_go_from_segment_to_segment_and_enter_opens_one(opened: Open, house: House) -> None:
    page = opened(house.at(streams="visit"))
    wait_until_drawn(page, "visit", "drawn.segments === 2")
    page.locator('article[aria-label="visit"] canvas').focus()
    page.keyboard.press("]")
    expect(page.locator("#said")).to_contain_text("walk, 4.0 s")
    page.keyboard.press("]")
    expect(page.locator("#said")).to_contain_text("sit, 6.0 s")
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_contain_text("sit")


def test_the_keyboard_pans_zooms_and_turns_to_the_table(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR))
    wait_until_drawn(page, "cam-1")
    page.keyboard.press("ArrowRight")
    wait_until_drawn(page, "cam-1", f"Math.abs(drawn.start - {BEGIN_S + 0.2 * HOUR_S}) < 1")
    page.keyboard.press("+")
    wait_until_drawn(page, "cam-1", "drawn.end - drawn.start < 2300")
    page.keyboard.press("t")
    expect(page.get_by_role("table")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keys")


def test_the_table_has_the_newest_first_and_more_of_them(opened: Open, house: House) -> None:
    page = opened(house.at(view="table", streams="street"))
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("street")
    expect(page.locator("#table")).to_contain_text("newest shown")
    before = rows.count()
    page.locator(".more").scroll_into_view_if_needed()
    expect(rows.nth(before + 50)).to_be_attached()
    rows.first.get_by_role("button").click()
    expect(page.locator("#timeline")).to_be_visible()


def test_a_stream_that_fails_says_why(opened: Open, house: House) -> None:
    page = opened(house.at(streams="stairs"))
    expect(page.locator(".error")).to_have_text("the camera answers 401: wrong password")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_role("dialog")).to_contain_text("wrong password")


def test_a_stream_is_added_and_an_error_is_shown_where_it_was_made(opened: Open, house: House) -> None:
    page = opened(expected="409|422")
    page.get_by_role("button", name="Add stream").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("new cam")
    dialog.get_by_label("Source").fill("rtsp://10.0.0.20/stream")
    dialog.get_by_role("button", name="Add stream").click()
    expect(dialog.get_by_role("alert")).to_contain_text("new cam")
    dialog.get_by_label("Name", exact=True).fill("new-cam")
    dialog.get_by_role("button", name="Add stream").click()
    expect(page.locator('article[aria-label="new-cam"] .state')).to_contain_text("starting")
    page.locator('article[aria-label="new-cam"] .name').click()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove it and its timeline").click()
    expect(page.locator('article[aria-label="new-cam"]')).to_have_count(0)


def test_names_and_labels_are_text_whatever_is_in_them(opened: Open, house: House) -> None:
    page = opened(house.at(streams="odd-"))
    expect(page.locator("article")).to_have_count(2)
    for text in (HOSTILE, LONG):
        expect(page.locator(".labels li", has_text=text)).to_be_attached()
        expect(page.locator(".name", has_text=text[:150])).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.locator("tbody .chip", has_text=HOSTILE)).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_a_phone_shows_it_without_scrolling_sideways(opened: Open, house: House) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator('article[aria-label="cam-1"]')).to_be_visible()
    for view in ("Timeline", "Table"):
        page.get_by_role("button", name=view).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_fingers_zoom_and_one_pans(opened: Open, house: House) -> None:
    page = opened(house.at(streams="cam-1", **HOUR), viewport={"width": 390, "height": 844}, has_touch=True)
    wait_until_drawn(page, "cam-1")
    box = canvas_box(page, "cam-1")
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *across: float) -> None:
        points = [{"x": box["x"] + x, "y": box["y"] + 20, "id": number} for number, x in enumerate(across)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for kind, across in (("Start", (150, 200)), ("Move", (140, 210)), ("Move", (100, 250)), ("End", ())):
        touch(f"touch{kind}", *across)
    wait_until_drawn(page, "cam-1", "drawn.end - drawn.start < 1300")
    before = drawn(page, "cam-1")["start"]
    for kind, across in (("Start", (200,)), ("Move", (180,)), ("Move", (100,)), ("End", ())):
        touch(f"touch{kind}", *across)
    wait_until_drawn(page, "cam-1", f"drawn.start > {before} + 50")


def test_dark_and_light_are_as_the_system_says_until_somebody_chooses(opened: Open, house: House) -> None:
    page = opened(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate(ground) != dark
    page.reload()
    assert page.evaluate(ground) != dark
