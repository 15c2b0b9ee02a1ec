"""A register's page: what the reader may read, searched, and carried away without a formula."""

import csv
import io
import json

import pytest

from departing import files
from service.web.registers import plain

HOSTILE = ('=HYPERLINK("http://x.invalid")', "+1", "-1+1", "@SUM(A1)", "\t=1", " =1", "\uff1d1", "<b>bold</b>")
COLUMNS = ["notes", "complete", "@written_by"]


@pytest.fixture
def register(departing):
    """A case whose register of checks holds one row, and whose notes a test chooses."""
    found = files()
    form = {**json.loads(found["forms/check.json"]), "register": {"title": "Checks made", "columns": COLUMNS}}
    departing.service.deployments.deploy(None, {**found, "forms/check.json": json.dumps(form)}, "A register")
    departing.started()
    clerk = departing.visit("clerk")

    def of(notes: str) -> str:
        task = clerk.get("/tasks?list=groups").link("Check the application")
        clerk.send(clerk.get(task), task, complete="yes", notes=notes)
        return clerk.get(clerk.get("/cases").link("TREE-2013-001")).link("Checks made")

    return of


def test_a_register_is_listed_searched_and_printed_by_who_may_read_it(departing, register):
    address = register("Seen from the road; the <b>oak</b> leans.")
    clerk = departing.visit("clerk")
    shown = clerk.get(address)
    assert shown.heading == "Checks made"
    assert [" ".join("".join(cell.itertext()).split()) for cell in shown.all("td")] == [
        "Seen from the road; the <b>oak</b> leans.", "Yes", "Clerk",
    ]  # fmt: skip
    assert "1 of 1 row" in clerk.get(f"{address}?q=OAK+road").text
    none = clerk.get(f"{address}?q=willow")
    assert "No row holds all of these words." in none.text
    assert none.all("td") == []
    assert none.value("q") == "willow"
    watcher = departing.visit("watcher")
    hidden = watcher.get(address)
    assert "1 record of this application is not shown: your roles do not read it." in hidden.text
    assert "oak" not in hidden.text
    assert "Registers" not in watcher.get("/cases/TREE-2013-001").text
    for wrong in ("more_time", "no_such_form", "check.xls", "..%2fcheck", "x" * 500):
        clerk.get(f"/cases/TREE-2013-001/registers/{wrong}", status=404)
        clerk.get(f"/cases/TREE-2013-001/registers/{wrong}.csv", status=404)
    clerk.get("/cases/TREE-2013-999/registers/check", status=404)
    for long in ("x" * 5000, "%00", "%ED%A0%80"):
        clerk.get(f"{address}?q={long}")


def test_it_is_carried_away_as_csv_in_which_nothing_is_a_formula(departing, register):
    address = register(HOSTILE[0])
    clerk = departing.visit("clerk")
    answer = clerk.client.get(clerk.get(address).link("Download all rows (CSV)"))
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="TREE-2013-001-check.csv"'
    read = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert read == [
        ["What did you find?", "Is the application complete?", "Written by"], [f"'{HOSTILE[0]}", "Yes", "Clerk"],
    ]  # fmt: skip
    assert len(list(csv.reader(io.StringIO(clerk.client.get(f"{address}.csv?q=willow").text)))) == 1
    owner = departing.visit("process_owner")
    assert HOSTILE[0][1:] not in owner.client.get(f"{address}.csv").text


@pytest.mark.parametrize("cell", HOSTILE[:-1])
def test_what_begins_like_a_formula_is_made_plain(cell):
    assert plain(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [HOSTILE[-1], "", "12", "-5", "29 May 2013", "a=b", "Oak – leaning"])
def test_what_is_no_formula_stays_as_it_is(cell):
    assert plain(cell) == cell
