import pytest

from pipeline.clock import SystemClock
from pipeline.errors import StoreVersion
from pipeline.timeline.server import check_schema, check_version, server_info


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


class Ahead(SystemClock):
    """A machine whose clock is five minutes early."""

    def wall_s(self) -> float:
        return super().wall_s() + 300


def test_a_server_tells_how_it_is(store):
    info = store.server_info()
    assert info.version.startswith(("6.", "7.", "8.")) and info.policy == "noeviction"
    assert info.used_bytes > 100_000 and info.limit_bytes == 0
    assert info.append_only == (store.client.config_get("appendonly")["appendonly"] == "yes")
    assert info.ping_s > 0 and abs(info.clock_skew_s) < info.ping_s + 0.001, "both have the clock of this machine"


def test_a_clock_that_is_minutes_off_is_told_with_its_sign(store):
    assert server_info(store.client, Ahead()).clock_skew_s == pytest.approx(-300, abs=30)
