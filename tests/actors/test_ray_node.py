"""What a machine tells Ray when it becomes a node, and what it must have before."""

import os
import socket

import pytest

from actors.ray_node import NodePlan, require_free, split_address, use_token, versions
from pipeline.errors import EngineError, UsageError


def words(plan: NodePlan) -> list[str]:
    return plan.command()[4:]


def test_a_head_does_no_work_and_says_so_in_its_labels():
    said = words(NodePlan(":6380", "head"))
    assert {"--head", "--port=6380", "--num-cpus=0"} <= set(said)
    (labels,) = (word for word in said if word.startswith("--labels="))
    assert "longtake-role=head" in labels and f"longtake-longtake-version={versions()['longtake']}" in labels


def test_a_node_without_a_role_is_for_everything():
    said = words(NodePlan("head:6380", None, cpus=3))
    assert {"--address=head:6380", "--num-cpus=3"} <= set(said) and "--head" not in said
    assert not any("longtake-role" in word for word in said)


@pytest.mark.parametrize(
    ("given", "host", "port"), [("a:1", "a", 1), ("a", "a", 6380), (":7", "", 7), ("10.0.0.1:6380", "10.0.0.1", 6380)]
)
def test_an_address_is_a_host_and_a_port(given, host, port):
    assert split_address(given) == (host, port)


@pytest.mark.parametrize("given", ["a:", "a:b", "a:0", "a:70000"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(UsageError, match="HOST:PORT"):
        split_address(given)


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        with pytest.raises(EngineError, match=f"port {taken.getsockname()[1]} cannot be used"):
            require_free(taken.getsockname()[1])


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that the test's changes are undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_who_has_no_token_is_told_how_to_make_one(nowhere):
    use_token(required=False)
    with pytest.raises(UsageError, match="ray get-auth-token --generate"):
        use_token(required=True)


def test_a_token_of_the_user_is_used(nowhere, monkeypatch):
    (nowhere / ".ray").mkdir()
    (nowhere / ".ray" / "auth_token").write_text("secret")
    use_token(required=True)
    assert os.environ.pop("RAY_AUTH_MODE") == "token"


def test_what_was_said_of_tokens_stays(nowhere, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    use_token(required=True)
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
