import inspect

import pytest
import redis.exceptions

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
