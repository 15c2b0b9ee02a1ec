"""The short form of ``make torture``: the same driver and checks, a fixed seed, every kind of fault at least once."""

import pytest

from torture.databases import Database
from torture.run import Size, torture

SEED = 20260302
SHORT = Size(completions=100, faults=14, batch=12)


@pytest.mark.timeout(300)
def test_nothing_is_lost_doubled_or_half_done_whatever_fails(database_url, tmp_path):
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    tally = torture(Database(kind, database_url, tmp_path), SEED, SHORT)
    assert tally.violations == []
    assert tally.completions >= SHORT.completions
    assert tally.struck.total() >= SHORT.faults - 2, tally.struck
    assert len(tally.struck) >= 9, f"too few kinds of fault struck: {tally.struck}"
