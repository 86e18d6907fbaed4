"""Dividing examples so that no group is on both sides."""

import random
from dataclasses import dataclass, replace

from pipeline.errors import UsageError
from pipeline.training.data.table import Table


@dataclass(frozen=True, slots=True)
class Fold:
    """One group held out, the others to learn from."""

    held_out: str
    train: Table
    test: Table


def leave_one_out(table: Table) -> list[Fold]:
    """A fold for every group, in the order of their names.

    Raises:
        UsageError: there is one group only.
    """
    if len(table.groups) < 2:
        raise UsageError(f"all examples are of one group ({table.groups[0]}): nothing can be held out")
    return [Fold(group, *_parted(table, {group})) for group in table.groups]


def hold_out(table: Table, share: float, seed: int) -> tuple[Table, Table]:
    """Take whole groups, drawn by `seed`, until about `share` of the examples are held out; returns (rest, held out).

    Raises:
        UsageError: there is one group only.
    """
    groups = list(table.groups)
    if len(groups) < 2:
        raise UsageError(f"all examples are of one group ({groups[0]}): nothing can be held out")
    random.Random(seed).shuffle(groups)
    taken: set[str] = set()
    for group in groups[:-1]:
        if taken and sum(one.group in taken for one in table.examples) >= share * len(table.examples):
            break
        taken.add(group)
    return _parted(table, taken)


def _parted(table: Table, held_out: set[str]) -> tuple[Table, Table]:
    """Both know all labels, so that a class has the same index on both sides."""
    inside = tuple(one for one in table.examples if one.group in held_out)
    outside = tuple(one for one in table.examples if one.group not in held_out)
    return replace(table, examples=outside), replace(table, examples=inside)
