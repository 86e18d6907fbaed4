"""A host's pool follows the board: who joins must compute like the others, who leaves is asked no more."""

from concurrent.futures import Future
from typing import Any

import pytest

from actors.dispatch import Worker
from actors.members import Members
from actors.models import Models
from pipeline.control.scale import Pool
from pipeline.errors import EngineError
from tests.actors.workers import unavailable
from tests.models.micro import make_model_dir


class Pooled:
    """Who is in the pool, and why it was closed."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.closed = ""

    def change(self, workers: dict[str, Worker]) -> None:
        self.names = set(workers)

    def close(self, reason: str) -> None:
        self.closed = reason


class Asked:
    """A worker that is asked how it computes."""

    def __init__(self) -> None:
        self.answer: Future[Any] = Future()

    def call(self, method: str, arguments: tuple[Any, ...], patient: bool) -> "Future[Any]":
        assert method == "numerics" and patient
        return self.answer


@pytest.fixture
def workers() -> dict[str, Asked]:
    return {name: Asked() for name in "abc"}


@pytest.fixture
def members(workers) -> Members:
    return Members("micro", Pooled(), workers.get)  # type: ignore[arg-type]


def test_a_worker_joins_when_it_has_said_how_it_computes(members, workers):
    members.update(Pool("m", ("a", "b"), "p"))
    assert not members._pool.names and not members.wait(0.01)
    workers["a"].answer.set_result("p")
    assert members._pool.names == {"a"} and members.wait(0)
    workers["b"].answer.set_result("p")
    assert members._pool.names == {"a", "b"}


def test_one_that_computes_otherwise_is_refused_and_the_log_says_so(members, workers, monkeypatch):
    said = []
    monkeypatch.setattr(members._log, "error", lambda event, **fields: said.append((event, fields["worker"])))
    members.update(Pool("m", ("a", "b"), "p"))
    workers["a"].answer.set_result("p")
    workers["b"].answer.set_result("q")
    assert members._pool.names == {"a"}
    assert said == [("worker refused: another numerics profile", "b")]


def test_who_leaves_the_board_leaves_the_pool_and_its_late_answer_changes_nothing(members, workers):
    members.update(Pool("m", ("a", "b"), "p"))
    workers["a"].answer.set_result("p")
    members.update(Pool("m", ("c",), "p"))
    assert members._pool.names == set()
    workers["b"].answer.set_result("p")
    assert members._pool.names == set()
    workers["c"].answer.set_result("p")
    assert members._pool.names == {"c"}


def test_nobody_joins_before_the_board_names_the_profile(members, workers):
    members.update(Pool("m", ("a",)))
    workers["a"].answer.set_result("p")
    assert members._pool.names == set()
    members.update(Pool("m", ("a",), "p"))
    assert members._pool.names == {"a"}


def test_another_profile_on_the_board_closes_the_pool(members, workers):
    members.update(Pool("m", ("a",), "p"))
    with pytest.raises(EngineError, match="another profile than before"):
        members.update(Pool("m", ("b",), "q"))
    assert "another numerics profile" in members._pool.closed


def test_workers_that_all_failed_are_an_error_at_once(members, workers):
    members.update(Pool("m", ("a",), "p"))
    workers["a"].answer.set_exception(unavailable())
    with pytest.raises(EngineError, match="the workers of model 'micro' do not answer"):
        members.wait(60)


def test_a_model_that_nobody_serves_is_an_error_and_one_that_is_served_is_found_once(tmp_path, workers):
    board: dict[str, Pool] = {}
    models = Models(lambda: board, workers.get, 5.0)
    directory = make_model_dir(tmp_path / "model")
    with pytest.raises(EngineError, match="no model worker serves 'micro' yet"):
        models.serving(directory)
    from pipeline.models.card import load_card

    fingerprint = load_card(directory).fingerprint
    workers["a"].answer.set_result("p")
    board[fingerprint] = Pool(str(directory), ("a",), "p")
    serving = models.serving(directory)
    assert serving.numerics == "p" and models.serving(directory) is serving
    workers["b"].answer.set_result("q")
    board[fingerprint] = Pool(str(directory), ("b",), "q")
    models.update()
    assert models.serving(directory).numerics == "q", "the old pool is closed, the next run gets another"
