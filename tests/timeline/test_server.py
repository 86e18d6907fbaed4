import pytest

from pipeline.errors import StoreVersion, UsageError
from pipeline.timeline.server import check_schema, check_version, connect


@pytest.mark.parametrize("version", ["6.0.0", "6.2.14", "7.0.15", "7.2.4", "8.0", "10.1.0"])
def test_redis_6_and_newer_are_accepted(version):
    check_version(version, "here")


@pytest.mark.parametrize("version", ["5.0.14", "2.8", "0", "", "4.rc1.0"])
def test_an_older_redis_is_refused_with_both_versions_named(version):
    with pytest.raises(StoreVersion, match=r"6\.0 or newer"):
        check_version(version, "here")


def test_data_of_another_schema_are_refused():
    check_schema(b"1", "here")
    with pytest.raises(StoreVersion, match="schema 2, this longtake reads 1"):
        check_schema(b"2", "here")


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://host", "redis://host:port"])
def test_a_url_that_is_none_of_a_redis_server_is_wrong_usage(url):
    with pytest.raises(UsageError):
        connect(url, 1.0)


def test_a_wrong_url_does_not_show_its_password():
    with pytest.raises(UsageError) as caught:
        connect("redis://:hunter2@host:port", 1.0)
    assert "hunter2" not in str(caught.value)
