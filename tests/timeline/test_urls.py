import pytest

from pipeline.errors import UsageError, redact
from pipeline.timeline.clients import connect
from pipeline.timeline.urls import parse

TLS = {"ssl": True}
URLS = [
    ("redis://", "server", (("localhost", 6379),), {}),
    ("redis://host", "server", (("host", 6379),), {}),
    ("redis://host:7000/3", "server", (("host", 7000),), {"db": 3}),
    ("redis://host?db=3", "server", (("host", 6379),), {"db": 3}),
    ("redis://:a%2Fb@host", "server", (("host", 6379),), {"password": "a/b"}),
    ("redis://joe@host", "server", (("host", 6379),), {"username": "joe"}),
    ("rediss://joe:x@[::1]:7000", "server", (("::1", 7000),), {"username": "joe", "password": "x", **TLS}),
    ("rediss://h?ssl_check_hostname=no&ssl_cert_reqs=none", "server", (("h", 6379),), {"ssl_cert_reqs": "none", **TLS}),
    ("unix:///run/redis.sock?db=2", "server", (), {"unix_socket_path": "/run/redis.sock", "db": 2}),
    ("unix://joe:x@/a%20b.sock", "server", (), {"unix_socket_path": "/a b.sock", "username": "joe", "password": "x"}),
    ("redis+cluster://a,b:7001,[::1]:7002", "cluster", (("a", 6379), ("b", 7001), ("::1", 7002)), {}),
    ("rediss+cluster://joe:x@a:1/0", "cluster", (("a", 1),), {"username": "joe", "password": "x", **TLS}),
    ("redis+sentinel://a,b:2/timelines", "sentinel", (("a", 26379), ("b", 2)), {}),
    ("rediss+sentinel://:x@a:1/timelines/4", "sentinel", (("a", 1),), {"password": "x", "db": 4, **TLS}),
]
WRONG = [
    ("", "allowed are redis://"),
    ("localhost:6379", "allowed are redis://"),
    ("http://host", "redis\\+sentinel://"),
    ("redis://host:port", "HOST:PORT"),
    ("redis://host:70000", "HOST:PORT"),
    ("redis://[::1", "cannot be read"),
    ("redis://a,b", "redis\\+cluster://"),
    ("redis://host/timelines", "number of a database"),
    ("redis://host/1/2", "number of a database"),
    ("redis://host?db=x", "number of a database"),
    ("redis+cluster://a/1", "has only 0"),
    ("redis+sentinel://a", "/SERVICE"),
    ("redis+sentinel://a/s/x", "number of a database"),
    ("redis://host?socket_timeout=5", "unknown option 'socket_timeout'.* allowed are db"),
    ("redis://host?ssl_check_hostname=true", "write rediss://"),
    ("rediss://host?ssl_check_hostname=maybe", "true or false, got 'maybe'"),
    ("rediss://host?ssl_cert_reqs=maybe", "one of required, optional, none"),
    ("rediss://host?ssl_ca_certs=/nowhere.pem", "no file '/nowhere.pem'"),
    ("rediss://host?ssl_ca_path=/nowhere", "no folder '/nowhere'"),
]
SECRETS = [
    "redis://:hunter2@host:port",
    "redis+cluster://joe:hunter2@a:1,b:port",
    "rediss+sentinel://:hunter2@a:1,b:2",
    "redis+sentinel://:a/hunter2@a:1/s",
    "redis+cluster://:a?hunter2@a:1",
    "redis://:a#hunter2@host",
    "redis://:a@hunter2@host:port",
    "rediss://host?ssl_password=hunter2&nothing=1",
    "ftp://:hunter2@host",
]


@pytest.mark.parametrize(("url", "kind", "nodes", "options"), URLS)
def test_a_url_says_where_the_store_is_and_how_it_is_reached(url, kind, nodes, options):
    found = parse(url)
    assert (found.kind, found.nodes) == (kind, nodes)
    assert {name: value for name, value in found.options.items() if name != "ssl_check_hostname"} == options


def test_sentinels_have_a_name_for_the_master_and_may_want_its_password():
    found = parse("redis+sentinel://:x@a/timelines")
    assert (found.service, found.sentinel_auth) == ("timelines", False)
    assert parse("redis+sentinel://:x@a/timelines?sentinel_auth=yes").sentinel_auth


def test_files_of_tls_are_looked_for_where_the_store_is_opened(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    found = parse(f"rediss+cluster://a?ssl_ca_certs={tmp_path / 'ca.pem'}&ssl_ca_path={tmp_path}")
    assert found.options == {"ssl_ca_certs": str(tmp_path / "ca.pem"), "ssl_ca_path": str(tmp_path), "ssl": True}


@pytest.mark.parametrize(("url", "said"), WRONG)
def test_a_wrong_url_is_wrong_usage_and_the_message_says_what_is_allowed(url, said):
    with pytest.raises(UsageError, match=said):
        connect(url, 1.0)


@pytest.mark.parametrize("url", SECRETS)
def test_a_wrong_url_does_not_show_its_password(url):
    with pytest.raises(UsageError) as caught:
        connect(url, 1.0)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "rediss+sentinel"])
def test_a_url_is_shown_without_its_password(scheme):
    for user in ("", "joe"):
        shown = redact(f"{scheme}://{user}:hunter2@a:1,b:2/s?ssl_password=hunter2")
        assert shown == f"{scheme}://***@a:1,b:2/s?ssl_password=***"
    assert "hunter2" not in repr(
        parse(f"{scheme}://:hunter2@a/s" if "sentinel" in scheme else f"{scheme}://:hunter2@/")
    )
