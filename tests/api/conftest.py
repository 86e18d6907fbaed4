"""One application over an embedded store with known content, asked in the same process."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from longtake.api.app import create_app
from longtake.api.settings import Backend
from pipeline.timeline.store import TimelineStore
from tests.api.content import fill

HERE = "http://127.0.0.1:8080"
"""Where nobody is asked for a token, requests must name this machine."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineStore]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("api")) as opened:
        fill(opened)
        yield opened


@pytest.fixture(scope="module")
def app(store: TimelineStore) -> Iterator[FastAPI]:
    made = create_app(Backend(store))
    yield made
    made.state.hub.close()


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=HERE) as opened:
        yield opened
