"""Who reads what, as the table ``tests/processes/visibility.csv`` says it: one row for a class, one column for a role.

A cell is ``-``, ``read`` or ``own`` (its own agency's alone), and ``after`` a user task that has to be done before.
"""

import csv
from pathlib import Path

TABLE = Path(__file__).parent / "processes" / "visibility.csv"


def cells() -> dict[tuple[str, str], str]:
    """The cells of the table by class and role."""
    with TABLE.open(encoding="utf-8") as lines:
        return {(row["class"], role): row[role] for row in csv.DictReader(lines) for role in row if role != "class"}


def allows(
    cell: str, *, of_agency: bool, mine: str | None, owner: str | None, passed: frozenset[tuple[str, str | None]]
) -> bool:
    """Whether a cell lets a person of the agency ``mine`` read what belongs to the agency ``owner``."""
    how, _, after = cell.partition(" after ")
    if how == "-" or (of_agency and owner is not None and owner != mine) or (how == "own" and owner != mine):
        return False
    return not after or (after, None) in passed or (after, owner) in passed
