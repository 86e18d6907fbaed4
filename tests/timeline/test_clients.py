"""Connections of a cluster's client are nobody else's while they are used."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import ConnectionError as NotConnected

from pipeline.timeline.clients import connect
from tests.timeline.servers import free_port


@pytest.fixture
def pool(three_masters):
    client = connect(three_masters.url, 5.0)
    yield client.get_primaries()[0].redis_connection.connection_pool
    client.close()


def test_a_connection_given_back_twice_stays_with_the_thread_that_took_it_meanwhile(pool):
    stale = pool.get_connection()
    pool.release(stale)
    with ThreadPoolExecutor(1) as other:
        used = other.submit(pool.get_connection).result()
        assert used is stale
        pool.release(stale)
        third = pool.get_connection()
        assert third is not used
        pool.release(third)
        other.submit(pool.release, used).result()
    assert {pool.get_connection(), pool.get_connection()} == {used, third}, "both came back, once each"


def test_a_connection_that_could_not_be_made_goes_back(pool):
    pool.disconnect()
    pool.connection_kwargs["port"] = free_port()
    pool.reset()
    for _ in range(3):
        with pytest.raises(NotConnected):
            pool.get_connection()
    assert pool._created_connections == 1
