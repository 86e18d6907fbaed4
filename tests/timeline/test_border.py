import inspect

import pytest
import redis
import redis.exceptions
import redis.sentinel

from pipeline.errors import StoreDown, StoreError, StoreFull, StoreVersion
from pipeline.timeline.border import border

CLIENT_ERRORS = [
    error
    for _, error in inspect.getmembers(redis.exceptions, inspect.isclass)
    if issubclass(error, Exception) and error.__module__.startswith("redis")
]
SERVER_ERRORS = [
    ("OOM command not allowed when used memory > 'maxmemory'.", StoreFull),
    ("Error running script: @user_script:24: -OOM command not allowed when used memory > 'maxmemory'.", StoreFull),
    ("MISCONF Errors writing to the AOF file: No space left on device", StoreFull),
    ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", StoreFull),
    ("NOAUTH Authentication required.", StoreDown),
    ("WRONGPASS invalid username-password pair or user is disabled.", StoreDown),
    ("NOPERM this user has no permissions to run the 'evalsha' command", StoreDown),
    ("READONLY You can't write against a read only replica.", StoreDown),
    ("LOADING Redis is loading the dataset in memory", StoreDown),
    ("CLUSTERDOWN The cluster is down", StoreDown),
    ("unknown command `UNLINK`, with args beginning with: ", StoreVersion),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", StoreError),
]


@pytest.mark.parametrize("error", CLIENT_ERRORS)
def test_no_error_of_the_redis_client_passes_the_border(error):
    # Some of the client's errors want more arguments than a message; only their class matters here.
    with pytest.raises(StoreError), border("here"):
        raise error.__new__(error, "it failed")


@pytest.mark.parametrize(("text", "expected"), SERVER_ERRORS)
def test_an_error_of_the_server_becomes_the_error_that_says_what_to_do(text, expected):
    with pytest.raises(StoreError) as caught, border("here"):
        raise redis.exceptions.ResponseError(text)
    assert type(caught.value) is expected


def test_a_refused_password_is_said_and_never_shown():
    with pytest.raises(StoreDown, match="refused the password") as caught, border("redis://:hunter2@host:1"):
        raise redis.exceptions.AuthenticationError("invalid password")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("error", [redis.exceptions.ConnectionError("refused"), redis.exceptions.TimeoutError("slow")])
def test_no_answer_is_a_store_that_is_down(error):
    with pytest.raises(StoreDown, match="does not answer"), border("here"):
        raise error


def test_other_errors_pass_untouched():
    with pytest.raises(ZeroDivisionError), border("here"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "server", "expected", "said"),
    [
        (redis.exceptions.MovedError("1 a:7000"), "redis://a", StoreError, "name it redis\\+cluster://"),
        (redis.exceptions.MovedError("1 a:7000"), "redis+cluster://a", StoreDown, "takes no writes now"),
        (redis.exceptions.SlotNotCoveredError("Slot 1"), "redis+cluster://a", StoreDown, "takes no writes now"),
        (redis.sentinel.MasterNotFoundError("No master found"), "redis+sentinel://a/s", StoreDown, "name no master"),
        (redis.exceptions.RedisClusterException("All slots are not covered"), "redis+cluster://a", StoreDown, "now"),
    ],
)
def test_a_server_of_another_kind_and_one_that_is_failing_over_are_told_apart(error, server, expected, said):
    with pytest.raises(StoreError, match=said) as caught, border(server):
        raise error
    assert type(caught.value) is expected


def test_what_the_client_of_a_cluster_stumbles_over_is_a_store_that_is_down_and_our_own_mistakes_are_not():
    def stumble() -> None:
        redis.Redis.get_encoder(None)  # type: ignore[arg-type]

    with pytest.raises(StoreDown, match="is changing"), border("redis+cluster://a"):
        stumble()
    with pytest.raises(AttributeError), border("redis://a"):
        stumble()
    with pytest.raises(ValueError, match="mine"), border("redis+cluster://a"):
        raise ValueError("mine")
