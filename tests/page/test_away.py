"""The page while the store is away, and where it is asked who asks."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from longtake.api.serving import serving
from longtake.api.settings import ApiSettings, Backend
from pipeline.control.tokens import Tokens
from pipeline.timeline.store import TimelineStore
from tests.page.conftest import BEGIN_S
from tests.page.content import Writer
from tests.timeline.servers import TcpServer

pytestmark = pytest.mark.slow
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    redis = TcpServer(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always")
    yield redis
    redis.kill()


@pytest.fixture(scope="module")
def store(server: TcpServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(server.url, tmp_path_factory.mktemp("home")) as opened:
        for name in ("dock-1", "ward-1"):
            writer = Writer(opened, name, "rtsp://10.0.0.5/1", frozenset({"walk"}))
            writer.write(BEGIN_S + 60, [writer.segment("walk", BEGIN_S, BEGIN_S + 30)])
        yield opened


@pytest.fixture(scope="module")
def url(store: TimelineStore) -> Iterator[str]:
    with serving(Backend(store, ApiSettings(port=0))) as served:
        yield served


def test_the_page_says_that_the_store_is_away_and_recovers_by_itself(opened: Open, url: str, server: TcpServer) -> None:
    page = opened(url, expected="503|Failed to load")
    expect(page.locator("article")).to_have_count(2)
    server.kill()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Trying again")
    server.start()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#pulse")).to_have_text("live")
    expect(page.locator("article")).to_have_count(2)


def test_who_has_no_token_is_refused_and_a_viewer_sees_their_streams_and_changes_nothing(
    opened: Open, url: str, store: TimelineStore
) -> None:
    token = Tokens(store).add("guest", "viewer", ["dock-*"], BEGIN_S)
    page = opened(url, expected="401|403")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Sign in")
    dialog.get_by_label("Token").fill("lt_wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Token").fill(token)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.get_by_role("article", name="dock-1")).to_be_visible()
    expect(page.get_by_role("button", name="Add stream")).to_be_hidden()
    refused = "async () => (await fetch('api/streams/dock-1', {method: 'DELETE'})).status"
    assert page.evaluate(refused) == 403
    page.get_by_role("button", name="Sign out").click()
    expect(dialog).to_contain_text("Sign in")
