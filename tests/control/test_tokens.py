"""Tokens and sessions: digests in the store, secrets nowhere."""

from collections.abc import Iterator

import pytest

from pipeline.control.tokens import SESSION_S, Token, Tokens, digest_of, matches, of_digest
from pipeline.errors import UsageError
from pipeline.timeline.keys import session_key
from pipeline.timeline.store import TimelineStore


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokens]:
    with TimelineStore.open(None, tmp_path_factory.mktemp("tokens")) as store:
        yield Tokens(store)


@pytest.fixture(autouse=True)
def none_yet(tokens: Tokens) -> None:
    for token in tokens.all():
        tokens.remove(token.name)


def test_a_token_is_found_by_its_secret_and_no_other(tokens: Tokens) -> None:
    secret = tokens.add("ward", "viewer", ["ward-*", "hall"], 1000.0)
    other = tokens.add("dock", "operator", ["*"], 2000.0)
    assert tokens.all() == [
        Token("dock", "operator", ("*",), digest_of(other), 2000.0),
        Token("ward", "viewer", ("ward-*", "hall"), digest_of(secret), 1000.0),
    ]
    found = of_digest(tokens.all(), digest_of(secret))
    assert found is not None and found.name == "ward"
    assert of_digest(tokens.all(), digest_of(secret + "x")) is None


def test_secrets_are_long_random_and_stand_nowhere_in_the_store(tokens: Tokens) -> None:
    secrets = [tokens.add(name, "viewer", ["*"], 0.0) for name in ("a", "b")]
    sessions = [tokens.begin_session(token) for token in tokens.all()]
    assert len(set(secrets + sessions)) == 4 and all(len(secret) >= 43 for secret in secrets + sessions)
    client = tokens._client
    kept = b"".join(key + (client.dump(key) or b"") for key in client.scan_iter())
    assert not any(secret.encode() in kept for secret in secrets + sessions)
    assert all(secret not in repr(tokens.all()) for secret in secrets)


def test_a_session_stands_for_its_token_until_it_ends(tokens: Tokens) -> None:
    tokens.add("ward", "viewer", ["*"], 0.0)
    (token,) = tokens.all()
    session = tokens.begin_session(token)
    assert tokens.session(session) == token.digest
    assert 0 < tokens._client.ttl(session_key(digest_of(session))) <= SESSION_S
    tokens.end_session(session)
    assert tokens.session(session) is None
    tokens.end_session(session)


@pytest.mark.parametrize(
    ("name", "role", "streams", "sentence"),
    [
        ("a b", "viewer", ["*"], "cannot name a token"),
        ("a", "admin", ["*"], "choose one of viewer, operator"),
        ("a", "viewer", [], "at least one stream"),
        ("a", "viewer", [""], "at least one stream"),
    ],
)
def test_what_is_no_token_is_refused(tokens: Tokens, name: str, role: str, streams: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        tokens.add(name, role, streams, 0.0)  # type: ignore[arg-type]
    assert tokens.all() == []


def test_a_name_is_given_once_and_an_unknown_one_cannot_be_removed(tokens: Tokens) -> None:
    tokens.add("ward", "viewer", ["*"], 0.0)
    with pytest.raises(UsageError, match="there is a token 'ward' already"):
        tokens.add("ward", "operator", ["*"], 0.0)
    with pytest.raises(UsageError, match="no token 'dock'; there are: ward"):
        tokens.remove("dock")


def test_patterns_are_those_of_file_names_and_mind_the_case() -> None:
    assert matches("dock-1", ["ward", "dock-*"]) and matches("a", ["[ab]"]) and matches("x", ["?"])
    assert not matches("dock", ["dock-*"]) and not matches("Dock-1", ["dock-*"]) and not matches("a", [])
