"""Dividing examples so that no group is on both sides."""

import random
from dataclasses import dataclass, replace

from pipeline.errors import UsageError
from pipeline.training.data.examples import Split, Table

TEST_SHARE = 0.25


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


def fold_for_test(table: Table, seed: int) -> Fold:
    """The fold whose test is what is meant for one, else a quarter of the examples.

    Raises:
        UsageError: see `hold_out`.
    """
    return Fold("test", *hold_out(table, "test", TEST_SHARE, seed))


def to_learn_from(table: Table) -> Table:
    """Without the examples that are meant for a test."""
    return replace(table, examples=tuple(one for one in table.examples if one.split != "test"))


def to_be_judged_by(table: Table) -> Table:
    """The examples that are meant for a test; all where none are."""
    meant = tuple(one for one in table.examples if one.split == "test")
    return replace(table, examples=meant or table.examples)


def hold_out(table: Table, side: Split, share: float, seed: int) -> tuple[Table, Table]:
    """Divide a table into (rest, held out).

    Held out are the groups of the examples that are meant for `side`; where there are none, whole groups drawn by
    `seed` until they are about `share` of the examples.

    Raises:
        UsageError: there is one group only, or no example for the rest.
    """
    if meant := {example.group for example in table.examples if example.split == side}:
        rest, held_out = _parted(table, meant)
        if not rest.examples:
            raise UsageError(f"all examples are meant for {side}: nothing is left to learn from")
        return rest, held_out
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
