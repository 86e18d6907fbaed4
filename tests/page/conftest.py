"""One server and one browser for all tests of the page: the real API over an embedded store with known content."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from actors.pictures import Picture
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.timeline.store import TimelineStore
from pipeline.values import GapReason
from tests.conftest import skip_or_fail
from tests.page.content import Writer, activity, film

CHROMIUM = Path(os.environ.get("LONGTAKE_TEST_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
expect.set_options(timeout=20_000)  # milliseconds; a busy machine takes its time
BEGIN_S = 1_790_000_000.0
"""Unix seconds at which the cameras of the house begin; they were watched for an hour."""
HOUR_S = 3600.0
BUSY = 100_000
HOSTILE = "<script>window.hacked=1</script> \"quoted\" 'single' \N{CAT FACE} &amp;"
LONG = "long-" + "x" * 195


@dataclass(frozen=True)
class House:
    """A page that is served, and the means to change what it shows."""

    url: str
    store: TimelineStore
    camera: Writer

    def at(self, **query: object) -> str:
        """The address of the page in a state."""
        return f"{self.url}/?" + "&".join(f"{name}={value}" for name, value in query.items())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        skip_or_fail(f"no browser at {CHROMIUM}; tests/system-parts installs one, LONGTAKE_TEST_CHROMIUM names another")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with TimelineStore.open(None, folder) as store:
        camera = furnish(store, folder)
        image = cv2.imencode(".jpg", np.full((90, 120, 3), 128, np.uint8))[1].tobytes()
        backend = Backend(store, ApiSettings(port=0), pictures=lambda _: Picture(image, BEGIN_S))
        with serving(backend) as url:
            yield House(url, store, camera)


def furnish(store: TimelineStore, folder: Path) -> Writer:
    """Write what the tests know of; returns the camera that may go on."""
    camera = Writer(store, "cam-1", "rtsp://viewer:secret@10.0.0.7/1", frozenset({"walk", "fall", "sit"}))
    closed = [camera.segment("walk", BEGIN_S + at, BEGIN_S + at + 40, 0.6) for at in range(0, 3000, 100)]
    closed += [camera.segment("fall", BEGIN_S + 1010, BEGIN_S + 1016, 0.95)]
    gaps = [camera.gap(BEGIN_S + 2000, BEGIN_S + 2400, GapReason.CAMERA_DOWN)]
    camera.write(BEGIN_S + HOUR_S, sorted(closed, key=lambda one: one.start), gaps=gaps)
    camera.state("running", "camera")
    broken = Writer(store, "stairs", "rtsp://10.0.0.9/1", frozenset({"walk"}))
    broken.write(BEGIN_S + 60, [broken.segment("walk", BEGIN_S, BEGIN_S + 30)])
    broken.state("failed", "camera", "the camera answers 401: wrong password")
    busy(store)
    for number, label in enumerate((HOSTILE, LONG)):
        odd = Writer(store, f"odd-{number}-{label}"[:200], "file.mp4", frozenset({label}))
        odd.write(BEGIN_S + HOUR_S, [odd.segment(label, BEGIN_S + 100, BEGIN_S + 1900)])
    visit = Writer(store, "visit", str(film(folder / "visit.mp4", 20)), frozenset({"walk", "sit"}))
    visit.write(20.0, [visit.segment("walk", 2, 6), visit.segment("sit", 8, 14)], finished=True)
    return camera


def busy(store: TimelineStore) -> Writer:
    """A month of a street: a hundred thousand segments."""
    rng = np.random.default_rng(7)
    labels = ("bike", "bus", "car", "person")
    writer = Writer(store, "street", "rtsp://10.0.0.8/1", frozenset(labels))
    end_s = BEGIN_S + HOUR_S
    month_s = 30 * 24 * HOUR_S
    pause_s = month_s / (BUSY / len(labels)) - 10.8 - 0.8
    found = [one for label in labels for one in activity(writer, rng, label, end_s - month_s, end_s, 10, pause_s)]
    writer.write(end_s, sorted(found, key=lambda one: one.start)[:BUSY])
    writer.state("paused", "camera")
    return writer


@pytest.fixture
def opened(browser: Browser, house: House) -> Iterator[Callable[..., Page]]:
    """Opens the page in a state; at the end there must not have been an error in the console."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page(address: str = house.url, expected: str | None = None, **options: Any) -> Page:
        context = browser.new_context(viewport=options.pop("viewport", {"width": 1280, "height": 900}), **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: _note(errors, message, expected))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors, errors


def _note(errors: list[str], message: ConsoleMessage, expected: str | None) -> None:
    """A browser reports every answer of 400 or more as an error; a test says which of them it asks for."""
    if message.type == "error" and not (expected and re.search(expected, message.text)):
        errors.append(message.text)


def drawn(page: Page, stream: str) -> dict[str, Any]:
    """What the last drawing of a stream's timeline took."""
    canvas = page.locator(f'article[aria-label="{stream}"] canvas')
    found: dict[str, Any] = canvas.evaluate("canvas => canvas.drawn")
    return found


def wait_until_drawn(page: Page, stream: str, condition: str = "drawn.segments > 0") -> None:
    """Wait until what was drawn of a stream fulfils a condition in JavaScript."""
    page.wait_for_function(
        f"""name => {{
            const canvas = document.querySelector(`article[aria-label="${{name}}"] canvas`);
            const drawn = canvas?.drawn;
            return drawn && ({condition});
        }}""",
        arg=stream,
    )


def canvas_box(page: Page, stream: str) -> dict[str, float]:
    """Where a stream's timeline stands on screen."""
    canvas = page.locator(f'article[aria-label="{stream}"] canvas')
    expect(canvas).to_be_visible()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return dict(box)
