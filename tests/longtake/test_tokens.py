"""`longtake tokens`: the secret is printed once, alone on standard output, and never again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from longtake.cli import app
from pipeline.control.tokens import Tokens, digest_of, of_digest
from pipeline.errors import LongtakeError, UsageError
from pipeline.timeline.store import TimelineStore

Call = Callable[..., tuple[str, str]]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TimelineStore]:
    monkeypatch.setenv("LONGTAKE_HOME", str(tmp_path))
    with TimelineStore.open(None, tmp_path) as opened:
        yield opened


@pytest.fixture
def call(store: TimelineStore) -> Call:
    def run(*words: str) -> tuple[str, str]:
        result = CliRunner().invoke(app, ["tokens", *words])
        if isinstance(result.exception, LongtakeError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr

    return run


def test_tokens_are_made_listed_and_removed(call: Call, store: TimelineStore) -> None:
    secret = call("add", "ward", "--streams", "ward-*,hall", "--streams", "dock-1")[0].strip()
    call("add", "boss", "--role", "operator")
    found = of_digest(Tokens(store).all(), digest_of(secret))
    assert found is not None and (found.role, found.streams) == ("viewer", ("ward-*", "hall", "dock-1"))
    told = json.loads(call("ls", "--format", "json")[0])["tokens"]
    assert [(one["name"], one["role"], one["streams"]) for one in told] == [
        ("boss", "operator", ["*"]),
        ("ward", "viewer", ["ward-*", "hall", "dock-1"]),
    ]
    table = call("ls")[0]
    assert "ward-*, hall, dock-1" in table and secret not in table and found.digest not in table
    assert "nobody else anything" not in call("rm", "ward")[1]
    assert "nobody else anything" in call("rm", "boss")[1]
    assert "no tokens yet" in call("ls")[1]


def test_mistakes_are_sentences(call: Call) -> None:
    with pytest.raises(UsageError, match="no token 'ward'; there are: none yet"):
        call("rm", "ward")
    with pytest.raises(UsageError, match="at least one stream"):
        call("add", "ward", "--streams", ",")
