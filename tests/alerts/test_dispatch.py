"""From a commit to its targets, with everything real: store, event log, threads, HTTP."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.alerts.dispatch import alerting
from pipeline.alerts.hooks import AlertHooks
from pipeline.alerts.outbox import AlertOutbox, Counts
from pipeline.alerts.settings import AlertSettings
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import Camera, segment, settings
from tests.alerts.mosquitto import Listener, Mosquitto
from tests.alerts.receiver import Received, Receiver
from tests.timeline.servers import Cluster, TcpServer, wait_for


def outbox(store: TimelineStore) -> AlertOutbox:
    return AlertOutbox(store, 100, 100)


def leads(store: TimelineStore) -> bool:
    return outbox(store).mark() is not None


@contextlib.contextmanager
def running(store: TimelineStore, *urls: str, hooks: AlertHooks | None = None) -> Iterator[None]:
    """Alerts go to every URL; it has begun to watch."""
    names = [f"desk{number}" for number in range(len(urls))]
    webhooks = {name: {"url": url, "timeout_s": 5} for name, url in zip(names, urls, strict=True)}
    using = settings(rule={"targets": names}, webhooks=webhooks, retry_s=0.01, retry_cap_s=0.05)
    with alerting(store, using, {}, hooks):
        wait_for(lambda: leads(store), "somebody watches")
        yield


def ids(*received: Received) -> list[str]:
    return [one.document["segment"]["id"] for one in received]


def test_what_is_committed_arrives_once(store, receiver):
    camera = Camera(store)
    with running(store, receiver.url):
        camera.opens(segment("s1"))
        got = receiver.next()
        assert (got.document["kind"], got.document["rule"], ids(got)) == ("opened", "walks", ["s1"])
        assert got.document["id"] == got.headers["Idempotency-Key"]
        camera.opens(segment("s2", 1.0))
        assert ids(receiver.next()) == ["s2"]
        wait_for(lambda: outbox(store).counts("desk0") == Counts(delivered=2), "both are noted")
    assert receiver.received.empty()


def test_what_failed_is_sent_again_under_the_same_id(store, receiver):
    receiver.answers = [503, 500]
    camera = Camera(store)
    with running(store, receiver.url):
        camera.opens(segment("s1"))
        assert len({receiver.next().document["id"] for _ in range(3)}) == 1


def test_one_target_that_hangs_delays_no_other(store, receiver):
    camera = Camera(store)
    with Receiver() as stuck, running(store, stuck.url, receiver.url):
        stuck.answers = ["hang"]
        for number in range(5):
            camera.opens(segment(f"s{number}", number))
        assert ids(*(receiver.next() for _ in range(5))) == [f"s{number}" for number in range(5)]
        assert not stuck.release.is_set() and outbox(store).counts("desk0").waiting == 5
        stuck.release.set()


def test_what_was_not_delivered_before_the_end_is_delivered_after_the_start(store, receiver):
    camera = Camera(store)
    receiver.answers = [503] * 100_000
    with running(store, receiver.url):
        camera.opens(segment("s1"))
        receiver.next()
    camera.opens(segment("s2", 1.0))
    receiver.answers.clear()
    receiver.bodies()
    with running(store, receiver.url):
        assert ids(receiver.next(), receiver.next()) == ["s1", "s2"]


def test_one_process_delivers_and_another_takes_its_place_when_it_leaves(store, receiver):
    camera = Camera(store)
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    with first, second:
        first.enter_context(running(store, receiver.url))
        second.enter_context(running(store, receiver.url))
        camera.opens(segment("s1"))
        assert ids(receiver.next()) == ["s1"]
        first.close()
        camera.opens(segment("s2", 1.0))
        assert ids(receiver.next()) == ["s2"]
    assert receiver.received.empty()


def test_without_targets_nothing_is_begun(store):
    with alerting(store, AlertSettings(), {}):
        assert not leads(store)


OTHER = """
import json, sys
from pathlib import Path
from pipeline.alerts.dispatch import alerting
from pipeline.timeline.store import TimelineStore
from tests.alerts.make import settings

with TimelineStore.open(sys.argv[1], Path()) as store, alerting(store, settings(sys.argv[2]), {}):
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_redis_cluster_does_as_well(tmp_path, receiver):
    cluster = Cluster(tmp_path)
    try:
        with TimelineStore.open(cluster.url, tmp_path) as store, running(store, receiver.url):
            camera = Camera(store)
            for number in range(3):
                camera.opens(segment(f"s{number}", number))
                assert ids(receiver.next()) == [f"s{number}"]
    finally:
        cluster.kill()


def test_a_broker_that_was_killed_gets_what_it_missed(store, tmp_path):
    mosquitto, camera = Mosquitto(tmp_path), Camera(store)
    house = {"house": {"url": mosquitto.url, "home_assistant": True, "timeout_s": 5}}
    using = settings(rule={"targets": ["house"]}, mqtt=house, retry_s=0.01, retry_cap_s=0.05)
    try:
        with alerting(store, using, {}):
            wait_for(lambda: leads(store), "somebody watches")
            camera.opens(segment("s1"))
            wait_for(lambda: outbox(store).counts("house").delivered == 2, "the alert and the state")
            mosquitto.kill()
            camera.closes(segment("s1", end=0.8))
            camera.opens(segment("s2", 1.0))
            mosquitto.start()
            wait_for(lambda: outbox(store).counts("house") == Counts(delivered=5), "what came meanwhile")
        listening = Listener(mosquitto)
        kept = {topic: payload for topic, payload, _, _ in (listening.next() for _ in range(2))}
        listening.close()
        assert kept["longtake/cam1/walk/state"] == "ON"
    finally:
        mosquitto.kill()


@pytest.mark.slow
def test_one_that_is_killed_loses_nothing(tmp_path, receiver):
    server = TcpServer(tmp_path)
    command = [sys.executable, "-c", OTHER, server.url, receiver.url]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    try:
        with TimelineStore.open(server.url, tmp_path) as store:
            camera, sent, got = Camera(store), [], set()
            for round_ in range(2):
                with subprocess.Popen(command, stdin=subprocess.PIPE, env=environ) as process:
                    wait_for(lambda: leads(store), "it watches")
                    for number in range(40):
                        sent.append(f"s{round_}-{number}")
                        camera.opens(segment(sent[-1], float(len(sent))))
                        if number == 20:  # some are delivered, some wait, some are not even read
                            got |= set(ids(receiver.next()))
                            process.kill()
            with alerting(store, settings(receiver.url), {}):
                while not got >= set(sent):
                    got |= set(ids(receiver.next()))
    finally:
        server.kill()


class Away(AlertHooks):
    def __init__(self) -> None:
        self.errors: list[str] = []

    def store_away(self, error: str) -> None:
        self.errors.append(error)


@pytest.mark.slow
def test_a_store_that_dies_and_comes_back_loses_nothing(tmp_path, receiver):
    server, hooks = TcpServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always"), Away()
    try:
        with TimelineStore.open(server.url, tmp_path) as store:
            camera = Camera(store)
            with running(store, receiver.url, hooks=hooks):
                camera.opens(segment("s1"))
                assert ids(receiver.next()) == ["s1"]
                wait_for(lambda: outbox(store).counts("desk0").delivered == 1, "it is noted")
                server.kill()
                wait_for(lambda: hooks.errors, "its loss is noticed")
                server.start()
                camera.opens(segment("s2", 1.0))
                assert ids(receiver.next()) == ["s2"]
            assert len(hooks.errors) == 1 and str(server.port) in hooks.errors[0]
    finally:
        server.kill()
