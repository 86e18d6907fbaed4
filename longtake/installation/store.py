"""Is the timeline store there, and will it keep what it is given?"""

from collections.abc import Callable

from longtake.installation.clocks import agreement
from longtake.installation.finding import Finding, broken, doubtful, fine
from longtake.wording import size
from pipeline.timeline.records import ServerInfo
from pipeline.timeline.store import TimelineStore

_FAR_S = 0.05
_FULL, _NEARLY_FULL = 0.97, 0.8


def look(open_store: Callable[[], TimelineStore], where: str, believed_s: float) -> list[Finding]:
    """Open the store and judge it; `believed_s` as in `agreement`.

    Raises:
        StoreError: it cannot be opened.
    """
    with open_store() as store:
        info = store.server_info()
    return [
        reached(info, where),
        persistence(info),
        memory(info),
        agreement("store clock", "the store's clock", info.clock_skew_s, info.ping_s, believed_s),
    ]


def reached(info: ServerInfo, where: str) -> Finding:
    """It answers, and quickly."""
    found = f"Redis {info.version} at {where}, answers in {1000 * info.ping_s:.1f} ms"
    if info.ping_s > _FAR_S:
        return doubtful("store", found, "every commit waits so long: put Redis nearer, or see what keeps it busy")
    return fine("store", found)


def persistence(info: ServerInfo) -> Finding:
    """What is committed survives a restart of Redis."""
    if info.append_only:
        return fine("persistence", "append-only file")
    advice = "timelines may die with the Redis process: set appendonly yes and appendfsync everysec in its redis.conf"
    return doubtful("persistence", "no append-only file", advice)


def memory(info: ServerInfo) -> Finding:
    """There is room, and a full server refuses instead of forgetting."""
    if not info.limit_bytes:
        return fine("store memory", f"{size(info.used_bytes)} used, no limit")
    share = info.used_bytes / info.limit_bytes
    found = f"{size(info.used_bytes)} of {size(info.limit_bytes)} used ({share:.0%}), policy {info.policy}"
    room = "raise its maxmemory, or move old segments to files: longtake archive --older-than 7d --to FOLDER"
    if info.policy != "noeviction":
        return broken("store memory", found, "it throws timelines away when it is full: maxmemory-policy noeviction")
    if share >= _FULL:
        return broken("store memory", found, room)
    return doubtful("store memory", found, room) if share >= _NEARLY_FULL else fine("store memory", found)
