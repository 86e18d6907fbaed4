"""Pages against the plain way of sorting everything there is."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.archive import Archive
from pipeline.archive.errors import FileMissing
from pipeline.errors import NotThere
from pipeline.timeline import walks
from pipeline.timeline.moves import move
from pipeline.timeline.pages import Item, Page, Position, Question, matching, place_of
from pipeline.timeline.reads import Span
from pipeline.timeline.records import StoreSettings
from pipeline.timeline.store import TimelineStore
from tests.timeline import make
from tests.timeline.several import LABELS, STEP_S, STREAMS, fill


@pytest.fixture(autouse=True)
def small_looks(monkeypatch):
    """So that pages of some values take several looks."""
    monkeypatch.setattr(walks, "_AT_ONCE", 12)
    monkeypatch.setattr(walks, "_LEAST", 1)


def pages(store: TimelineStore, question: Question, limit: int, newest_first: bool = False) -> Iterator[Page]:
    page = store.page(question, limit, None, newest_first)
    yield page
    while page.next:
        page = store.page(question, limit, page.next, newest_first)
        yield page


def items(found: Iterator[Page]) -> list[Item]:
    return [one for page in found for one in page.items]


edges = st.one_of(st.sampled_from([n * STEP_S for n in range(25)]), st.floats(-STEP_S, 30 * STEP_S))
ranges = st.one_of(
    st.just(Span()),
    st.tuples(edges, edges).filter(lambda two: two[0] != two[1]).map(lambda two: Span(*sorted(two))),
    edges.map(Span),
)
questions = st.builds(
    Question,
    streams=st.sets(st.sampled_from((*STREAMS, "gone"))).map(tuple),
    span=ranges,
    labels=st.one_of(st.none(), st.sets(st.sampled_from((*LABELS, "unheard of"))).map(tuple)),
    min_score=st.sampled_from([None, 0.5, 0.75]),
    in_progress=st.sampled_from([None, None, True, False]),
    segments=st.booleans() | st.just(True),
    gaps=st.booleans() | st.just(True),
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(question=questions, limit=st.sampled_from([3, 10, 40]), newest_first=st.booleans())
def test_the_pages_of_an_answer_are_the_whole_answer_for_every_limit(archived, question, limit, newest_first):
    expected = archived.expected(question)
    found = list(pages(archived.store, question, limit, newest_first))
    assert [one for page in found for one in page.items] == (expected[::-1] if newest_first else expected)
    assert all(len(page.items) == limit for page in found[:-1])
    assert [page.next for page in found] == [*(Position.of(page.items[-1]) for page in found[:-1]), None]


def test_many_values_with_one_start_are_told_apart(archived):
    together = [one for one in archived.items if one.start == 0.0]
    assert len(together) > 3
    found = items(pages(archived.store, Question(STREAMS, Span(0.0, 1.0)), 1))
    assert found == sorted(together, key=place_of)


def test_a_cluster_answers_as_one_server(three_masters, tmp_path):
    three_masters.flush()
    with TimelineStore.open(three_masters.url, tmp_path) as store:
        filled = fill(store)
        assert items(pages(store, Question(STREAMS), 7)) == filled.expected(Question(STREAMS))


def test_a_page_is_full_where_few_segments_are_good_enough(store):
    closed = [make.segment(f"{n:03}", 2.0 * n, 2.0 * n + 1, score=0.9 if n % 40 == 39 else 0.1) for n in range(200)]
    fingerprinted = tuple(replace(one, model="f" * 64) for one in closed)
    store.commit(make.claim(store), make.commit(closed=fingerprinted, until_s=400.0))
    question = Question((make.STREAM,), min_score=0.8)
    assert [len(page.items) for page in pages(store, question, 3)] == [3, 2]


def test_nothing_is_shown_twice_or_lost_while_segments_close_and_are_moved_between_pages(tmp_path):
    home = str(tmp_path / "archive")
    with TimelineStore.open(None, tmp_path, StoreSettings(archive=home)) as store:
        lease, found = make.claim(store), []
        store.commit(lease, make.busy_commit(0))
        page = store.page(Question((make.STREAM,)), 1)
        for step in range(1, 200):
            store.commit(lease, make.busy_commit(step))
            if step % 25 == 0:
                move(store, Archive(home), 0.0)
            if step % 5 == 0:
                found += page.items
                page = store.page(Question((make.STREAM,)), 1, Position.of(found[-1]))
        found += page.items
        found += items(pages_after(store, found[-1]))
        whole = store.page(Question((make.STREAM,)), 1000).items
        assert [place_of(one) for one in found] == [place_of(one) for one in whole]


def pages_after(store: TimelineStore, last: Item) -> Iterator[Page]:
    yield store.page(Question((make.STREAM,)), 1000, Position.of(last))


def test_what_is_moved_between_two_looks_is_shown_once(tmp_path, monkeypatch):
    home, looks = str(tmp_path / "archive"), []
    with TimelineStore.open(None, tmp_path, StoreSettings(archive=home)) as store:
        filled, look = fill(store), walks._look

        def move_before_the_second(*arguments: object) -> None:
            looks.append(arguments)
            if len(looks) == 2:
                assert move(store, Archive(home), 0.0).segments > 10
            look(*arguments)

        monkeypatch.setattr(walks, "_look", move_before_the_second)
        assert list(store.page(Question(STREAMS), 1000).items) == filled.expected(Question(STREAMS))
    assert len(looks) > 2


def test_labels_learned_since_they_were_read_are_asked_for_too(store, monkeypatch):
    store.commit(make.claim(store), make.commit(closed=(make.segment("a", 0.0, 1.0, "walk"),)))
    ask, asked = walks.Walk.ask, []

    def out_of_date(walk: walks.Walk, pipe: object, known: frozenset[str], count: int) -> None:
        asked.append(known)
        ask(walk, pipe, known - {"walk"} if len(asked) == 1 else known, count)

    monkeypatch.setattr(walks.Walk, "ask", out_of_date)
    assert [one.start for one in store.page(Question((make.STREAM,)), 10).items] == [0.0]


def test_an_archived_file_that_is_gone_is_an_error_only_where_it_would_be_read(tmp_path):
    home = tmp_path / "archive"
    with TimelineStore.open(None, tmp_path, StoreSettings(archive=str(home))) as store:
        filled = fill(store)
        move(store, Archive(str(home)), 0.0)
        home.rename(tmp_path / "elsewhere")
        with pytest.raises(FileMissing, match="is not in"):
            store.page(Question(STREAMS), 10)
        newest = filled.expected(Question(STREAMS))[::-1][:5]
        assert list(store.page(Question(STREAMS), 5, None, True).items) == newest


def test_a_page_costs_the_server_what_it_shows_not_what_there_is(tcp_server, tmp_path, monkeypatch):
    monkeypatch.undo()

    def cost(count: int) -> tuple[dict[str, int], int]:
        tcp_server.flush()
        segments = tuple(make.segment(f"{n:08}", 2.0 * n, 2.0 * n + 1) for n in range(count))
        with TimelineStore.open(tcp_server.url, tmp_path) as store:
            store.commit(make.claim(store), make.commit(closed=segments))
            store.page(Question((make.STREAM,)), 10)
            admin = tcp_server.client()
            admin.config_resetstat()
            assert len(store.page(Question((make.STREAM,)), 10, newest_first=True).items) == 10
        stats = admin.info("commandstats")
        calls = {name: one["calls"] for name, one in stats.items() if "config" not in name}
        return calls, admin.info("stats")["total_net_output_bytes"]

    (few_calls, few_bytes), (many_calls, many_bytes) = cost(100), cost(10_000)
    assert many_calls == few_calls
    assert abs(many_bytes - few_bytes) < 200


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), ("dock-1", "dock-2", "hall", "[x]")),
        (("dock-*",), ("dock-1", "dock-2")),
        (("hall", "dock-1", "hall"), ("dock-1", "hall")),
        (("[x]",), ("[x]",)),
        (("DOCK-*", "roof-?"), ()),
    ],
)
def test_patterns_mean_names_in_the_order_of_the_names(patterns, expected):
    assert matching(("dock-1", "dock-2", "hall", "[x]"), patterns) == expected


def test_a_name_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(NotThere, match=r"there is no stream 'dock1'; did you mean dock-1"):
        matching(("dock-1", "hall"), ("hall", "dock1"))
    with pytest.raises(NotThere, match=r"there is no label 'fall'; labels: sit, walk$"):
        matching(("sit", "walk"), ("fall",), "label")
    with pytest.raises(NotThere, match="streams: none yet"):
        matching((), ("hall",))
