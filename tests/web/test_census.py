"""Every address, every kind of visitor: who gets in is what ``census.csv`` says, cell by cell, on both databases.

A cell says what the visitor meets at the address of a case of their own partnership: ``yes`` (may), ``in`` (is led to
sign in), ``no`` (403), ``none`` (404: may not even know), ``late`` (409). At the same address of a case of another
partnership it must be ``none``, but where the page is shut to the role whatever it is about. What those send who
may not must change nothing. After a change that is meant: ``CENSUS=write pytest tests/web/test_census.py``; look at
the difference.
"""

import csv
import io
import os
from pathlib import Path

from sqlalchemy import select

from service.store import tables
from service.store.transaction import reading
from streets import OF_A_CASE, VISITORS, Streets

TABLE = Path(__file__).with_name("census.csv")


def table() -> dict[str, dict[str, str]]:
    if not TABLE.exists():
        return {}
    return {row.pop("address"): row for row in csv.DictReader(io.StringIO(TABLE.read_text()))}


def kept(streets: Streets) -> dict[str, list[str]]:
    """Everything that is kept, but for when somebody was last seen, and what they read."""
    with reading(streets.site.service.store) as db:
        return {
            name: sorted(map(repr, db.execute(select(one))))
            for name, one in tables.metadata.tables.items()
            if name not in {"session", "read_log"}
        }


def test_everybody_meets_what_the_census_says(streets):
    told, found, before = table(), {}, kept(streets)
    for name, method, pattern, named in sorted(streets.addresses()):
        row = found[name] = {}
        for who in VISITORS:
            said = told.get(name, {}).get(who, "")
            if method == "POST" and said == "yes":
                row[who] = "yes"  # who may is looked at by the tests of what it does
                continue
            row[who] = streets.meets(who, method, streets.address(pattern, streets.here))
            if OF_A_CASE & named and who not in {"foreign", "nobody", "disabled"}:
                elsewhere = streets.meets(who, method, streets.address(pattern, streets.there))
                shut = row[who] if row[who] == "no" and streets.rule(name) != "signed in" else "none"
                assert elsewhere == shut, f"{name}, {who}, of another partnership"
    if os.environ.get("CENSUS") == "write":
        lines = [",".join(("address", *VISITORS)), *(",".join((n, *row.values())) for n, row in found.items())]
        TABLE.write_text("\n".join(lines) + "\n")
        return
    assert found == told
    now = kept(streets)
    assert {name for name in now if now[name] != before[name]} == set(), "who may not changed something"
