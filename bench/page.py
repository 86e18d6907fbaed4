"""The page in a real browser: how smoothly 100,000 segments zoom, and the pictures of the docs.

python -m bench.page frames      # writes docs/reports/page.md
python -m bench.page pictures    # writes docs/pictures/*.png
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from actors.pictures import Picture
from bench.page_scene import furnish, grow, view_of
from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.timeline.store import TimelineStore
from tests.page.conftest import BEGIN_S, BUSY, CHROMIUM, FLAGS, HOUR_S, busy, drawn, wait_until_drawn

DOCS = Path(__file__).resolve().parents[1] / "docs"
REPORT = DOCS / "reports" / "page.md"
SIZES: Mapping[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
}
MOST_BYTES = 300_000

ZOOM = """async ({ frames, factor }) => {
    const canvas = document.querySelector(".canvas");
    const box = canvas.getBoundingClientRect();
    const tasks = [];
    const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)));
    observer.observe({ entryTypes: ["longtask"] });
    const nextFrame = () => new Promise(requestAnimationFrame);
    const deltas = [];
    let before = await nextFrame();
    for (let frame = 0; frame < frames; frame++) {
        const deltaY = frame < frames / 2 ? factor : -factor;
        const at = { clientX: box.left + box.width * 0.6, clientY: box.top + 20 };
        const turn = { deltaY, ctrlKey: true, bubbles: true, cancelable: true, ...at };
        canvas.dispatchEvent(new WheelEvent("wheel", turn));
        const now = await nextFrame();
        deltas.push(now - before);
        before = now;
    }
    observer.disconnect();
    return { deltas, tasks };
}"""


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def _new_store() -> Iterator[tuple[TimelineStore, Path]]:
    with tempfile.TemporaryDirectory() as folder, TimelineStore.open(None, Path(folder)) as store:
        yield store, Path(folder)


def frames() -> None:
    """Zoom from an hour to a month and back, and write down how long every frame took."""
    with _new_store() as (store, _), _browser() as browser:
        writer = busy(store)
        with serving(Backend(store, ApiSettings(port=0))) as url:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            day = BEGIN_S - 10 * 24 * HOUR_S
            page.goto(f"{url}/?streams=street&after={day}&before={day + HOUR_S}")
            wait_until_drawn(page, writer.stream)
            rounds = [_round(page, writer.stream)]
            _see_all(page, writer.stream)
            rounds += [_round(page, writer.stream) for _ in range(2)]
    REPORT.write_text(_report(rounds))
    print(REPORT.read_text())


def _see_all(page: Page, stream: str) -> None:
    """Look at the whole month in parts, so that the page holds every segment; then at an hour again."""
    for day in range(0, 30, 5):
        begin_s = BEGIN_S + HOUR_S - (day + 5) * 24 * HOUR_S
        _show(page, begin_s, begin_s + 5 * 24 * HOUR_S)
        wait_until_drawn(page, stream, f"drawn.start === {begin_s} && drawn.segments > {BUSY // 6 - 2000}")
    _show(page, BEGIN_S - 10 * 24 * HOUR_S, BEGIN_S - 10 * 24 * HOUR_S + HOUR_S)


def _show(page: Page, start_s: float, end_s: float) -> None:
    show = "async ([start, end]) => (await import('/main.js')).page.section.view.show(start, end)"
    page.evaluate(show, [start_s, end_s])


def _round(page: Page, stream: str) -> dict[str, Any]:
    """One way out and back: 240 wheel events, one a frame."""
    busy_before = os.getloadavg()[0]
    found: dict[str, Any] = page.evaluate(ZOOM, {"frames": 240, "factor": 25})
    page.wait_for_timeout(2000)
    return found | {"load": busy_before, "held": page.evaluate(HELD, stream)}


HELD = """async (stream) => {
    const { page } = await import("/main.js");
    const tiles = [...page.streams.get(stream).tiles.kept.values()].filter((tile) => tile.columns);
    return tiles.flatMap((tile) => [...tile.columns.values()]).reduce((sum, columns) => sum + columns.length, 0);
}"""


ABOUT = """# The page at 100,000 segments

`python -m bench.page frames`, {date}: headless Chromium without GPU, {cores} cores of {processor}. One stream with
{segments:,} segments of four labels in 30 days; the wheel zooms from an hour to a month and back, one step a frame. A
frame is the time from one `requestAnimationFrame` to the next; long tasks are those of 50 ms or more that the browser
tells of. Round 1 has everything still to load; before rounds 2 and 3 the whole month was looked at in parts.
The goals are 50 ms for the 95th percentile of frames, and no task over 200 ms.

| round | frames | median ms | p95 ms | longest ms | long tasks | longest task ms | segments held | load average |
|---|---|---|---|---|---|---|---|---|
"""


def _report(rounds: list[dict[str, Any]]) -> str:
    about = {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "processor": _processor(), "segments": BUSY}
    return ABOUT.format(**about) + "".join(_line(number, one) for number, one in enumerate(rounds, 1))


def _line(number: int, one: dict[str, Any]) -> str:
    deltas, tasks = np.array(one["deltas"]), one["tasks"]
    of_frames = [np.median(deltas), np.percentile(deltas, 95), deltas.max()]
    cells = [
        number,
        len(deltas),
        *(f"{figure:.0f}" for figure in of_frames),
        len(tasks),
        f"{max(tasks, default=0):.0f}",
    ]
    return "| " + " | ".join(map(str, [*cells, f"{one['held']:,}", f"{one['load']:.1f}"])) + " |\n"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())


def pictures() -> None:
    """Take the pictures of the docs: cameras that are watched now, and recordings."""
    (DOCS / "pictures").mkdir(exist_ok=True)
    with _new_store() as (store, folder), _browser() as browser:
        cameras = furnish(store, folder)
        began_s = time.time()
        growing = {name: grow(writer, began_s) for name, writer in cameras.items()}
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.8):
                for name, writer in cameras.items():
                    writer.write(time.time(), still_open=growing[name])

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            with serving(Backend(store, ApiSettings(port=0), pictures=_picture)) as url:
                for name, options in SIZES.items():
                    _take(browser, url, name, options)
        finally:
            stop.set()
            watching.join()


def _picture(stream: str) -> Picture:
    return Picture(cv2.imencode(".jpg", view_of(stream)[:, :, ::-1])[1].tobytes(), time.time())


def _take(browser: Browser, url: str, name: str, options: dict[str, Any]) -> None:
    context = browser.new_context(timezone_id="Europe/Berlin", locale="en-GB", **options)
    page = context.new_page()
    page.goto(url + ("/?last=5400" if name == "dark" else "/"))
    for stream in ("dock-north", "ward-3"):
        wait_until_drawn(page, stream, "drawn.segments > 5")
    page.wait_for_timeout(3000)
    if name == "dark":
        _play(page)
    if name == "light":
        _point(page)
    path = DOCS / "pictures" / f"{name}.png"
    image = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert path.stat().st_size <= MOST_BYTES, f"{path} has {path.stat().st_size} bytes"
    context.close()


def _point(page: Page) -> None:
    box = page.locator('article[aria-label="ward-3"] canvas').bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.06 * box["width"], box["y"] + 30)


def _play(page: Page) -> None:
    canvas = page.locator('article[aria-label="visit-5"] canvas')
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    box, extent = canvas.bounding_box(), drawn(page, "visit-5")
    assert box is not None
    at = (14 - extent["start"]) / (extent["end"] - extent["start"])
    page.mouse.click(box["x"] + at * box["width"], box["y"] + 185)
    page.mouse.move(box["x"] - 20, box["y"] + 185)
    page.wait_for_timeout(2500)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["frames", "pictures"])
    {"frames": frames, "pictures": pictures}[parser.parse_args().what]()
