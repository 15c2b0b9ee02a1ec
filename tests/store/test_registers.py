"""Registers: rows in order and in words, each by its own version, what the reader may read, the newest of a kind."""

import json
from dataclasses import replace

import pytest

from build import MINI
from service.core import registers
from service.core.access import Membership
from service.core.forms_check import check_form
from service.core.registers import Declared, Source
from service.runtime.bundles import read_folder
from service.runtime.service import Service, join
from service.settings import Settings
from service.store import people
from service.store.registers import declared_in, rows_of
from story import APPLICATION, COMPLETE, inhabit, key

VISITS = {
    "type": "dynamiclist", "path": "visits", "label": "Visits", "components": [
        {"type": "datetime", "subtype": "date", "key": "on", "label": "Day"},
        {"type": "radio", "key": "by", "label": "Who went?", "values": [{"label": "The clerk", "value": "clerk"}]},
        {"type": "checkbox", "key": "seen", "label": "Seen"},
        {"type": "dynamiclist", "path": "trees", "label": "Trees", "components": [
            {"type": "textfield", "key": "kind", "label": "Kind"},
            {"type": "number", "key": "age", "label": "How old?"},
        ]},
    ],
}  # fmt: skip
FIRST = {"on": "2013-05-29", "by": "clerk", "seen": True, "trees": [{"kind": "Oak", "age": "90"}, {"kind": "Ash"}]}
SECOND = {"on": "2013-05-30"}


@pytest.fixture
def service(store, database_url, clock, tmp_path):
    store.writers.dispose()
    made = join(Settings(database_url=database_url, data_folder=tmp_path / "var", secret_key="s" * 40), clock, print)
    inhabit(made)
    made.deployments.deploy(None, files(register={"list": "visits"}), "with a register")
    yield made
    made.store.writers.dispose()
    made.store.readers.dispose()


def files(*, register=None, label="Visits") -> dict[str, str]:
    found = read_folder(MINI)
    form = json.loads(found["forms/more_time.json"])
    form["components"].append({**VISITS, "label": label})
    found["forms/more_time.json"] = json.dumps({**form, "register": register} if register is not None else form)
    return found


def actor(service: Service, name: str):
    with service.read() as db:
        return people.actor(db, name, service.clock())


def case_with(service: Service, *visits) -> str:
    """A case that waits for its decision, and was given more time once for each list of visits."""
    ann, ben = actor(service, "ann"), actor(service, "ben")
    done = service.handler.start(ann, "application_received", APPLICATION, key())
    service.handler.complete(ann, done.opened[0], COMPLETE, key())
    for number, rows in enumerate(visits, 1):
        raw = {"extended_to": f"2013-07-0{number}", "reason": f"Reason {number}", "visits": list(rows)}
        service.handler.send(ben, done.instance_id, "more_time_allowed", raw, key())
    return done.instance_id


def read(service: Service, instance: str, name: str = "ben", form: str = "more_time", **how):
    with service.read() as db:
        return rows_of(db, service.definitions.get, actor(service, name), instance, form, **how)


def test_rows_stand_in_the_order_they_were_written_and_in_words(service):
    found = read(service, case_with(service, [FIRST, SECOND], [SECOND]))
    assert [column.label for column in found.columns] == ["Day", "Who went?", "Seen", "Trees"]
    assert [row.cells for row in found.rows] == [
        ("29 May 2013", "The clerk", "Yes", "Kind: Oak; How old? 90\nKind: Ash; How old? Not given"),
        ("30 May 2013", "Not given", "No", "Not given"),
        ("30 May 2013", "Not given", "No", "Not given"),
    ]
    assert [row.source.seq for row in found.rows] == [3, 3, 4]
    assert found.rows[0].values["by"] == "clerk"
    assert found.withheld == 0


def test_a_form_without_a_list_gives_a_row_for_each_record(service):
    case = case_with(service, [], [])
    found = read(service, case, form="check", columns=["@written_by", "complete", "@written_on", "@agency", "nothing"])
    assert [c.label for c in found.columns] == [
        "Written by", "Is the application complete?", "Written", "Agency", "nothing"
    ]  # fmt: skip
    assert [row.cells for row in found.rows] == [("Ann", "Yes", "29 May 2013, 10am", "", "")]


def test_columns_may_name_the_form_around_the_list(service):
    found = read(service, case_with(service, [FIRST], [SECOND, SECOND]), columns=["extended_to", "on", "reason"])
    assert [row.cells for row in found.rows] == [
        ("1 July 2013", "29 May 2013", "Reason 1"),
        ("2 July 2013", "30 May 2013", "Reason 2"),
        ("2 July 2013", "30 May 2013", "Reason 2"),
    ]


def test_what_a_later_record_has_taken_the_place_of_is_left_out_only_where_that_is_asked(service):
    case = case_with(service, [FIRST], [SECOND])
    assert len(read(service, case).rows) == 2
    assert [row.cells[0] for row in read(service, case, latest=True).rows] == ["30 May 2013"]


def test_items_supersede_only_themselves():
    places = {"a": ("write", "north"), "b": ("write", "south"), "c": ("write", "north"), "d": ("check", "north")}
    assert registers.in_force(places) == {"b", "c", "d"}


def test_a_reader_sees_the_rows_of_the_records_they_may_read_and_how_many_are_withheld(service):
    case = case_with(service, [FIRST], [SECOND])
    assert len(read(service, case, "aud").rows) == 2
    clerk = read(service, case, "ann")
    assert (clerk.rows, clerk.withheld) == ((), 2), "the clerk reads no decisions"
    elsewhere = replace(actor(service, "aud"), memberships=(Membership("auditor", None, "another"),))
    with service.read() as db:
        assert rows_of(db, service.definitions.get, elsewhere, case, "more_time").rows == ()


def test_only_registers_with_something_to_read_are_listed(service):
    case = case_with(service, [FIRST])

    def listed(name):
        with service.read() as db:
            return declared_in(db, service.definitions.current(db), actor(service, name), case)

    assert listed("ben") == [("more_time", "Allow more time")]
    assert listed("ann") == []


def test_an_old_record_is_worded_by_its_own_version_under_todays_columns(service):
    case = case_with(service, [FIRST])
    found = files(register={"list": "visits", "columns": ["by", "fee"]})
    form = json.loads(found["forms/more_time.json"])
    inner = form["components"][-1]["components"]
    inner[1] = {**inner[1], "values": [{"label": "Somebody else", "value": "clerk"}]}
    inner.append({"type": "textfield", "key": "fee", "label": "Fee"})
    newer = service.deployments.deploy(None, {**found, "forms/more_time.json": json.dumps(form)}, "renamed")
    una = actor(service, "una")
    (moved,) = service.migrations.execute(una, newer, {}, ["TREE-2013-001"], "A fee is asked now.", key())
    assert moved.done
    raw = {"extended_to": "2013-07-05", "reason": "More", "visits": [{**SECOND, "by": "clerk", "fee": "7"}]}
    service.handler.send(actor(service, "ben"), case, "more_time_allowed", raw, key())
    shown = read(service, case)
    assert [c.label for c in shown.columns] == ["Who went?", "Fee"]
    assert [row.cells for row in shown.rows] == [("The clerk", ""), ("Somebody else", "7")]


def test_texts_and_choices_are_filled_from_the_case(service):
    found = files(register={"title": "Time for {work}", "columns": ["extended_to", "who"]})
    form = json.loads(found["forms/more_time.json"])
    form["components"].append(
        {"type": "select", "key": "who", "label": "Who asks about {work}?", "valuesKey": {"from": "variable:people"}}
    )
    main = found["processes/application.bpmn"]
    listed = "extended_to = None\npeople = [{'id': 'a', 'name': 'The applicant'}]"
    found |= {
        "forms/more_time.json": json.dumps(form),
        "processes/application.bpmn": main.replace(">extended_to = None<", f">{listed}<"),
    }
    service.deployments.deploy(None, found, "filled")
    case = case_with(service)
    raw = {"extended_to": "2013-07-01", "reason": "More", "visits": [], "who": "a"}
    service.handler.send(actor(service, "ben"), case, "more_time_allowed", raw, key())
    shown = read(service, case)
    assert (shown.title, [c.label for c in shown.columns]) == (
        "Time for Felling", ["New last day", "Who asks about Felling?"],
    )  # fmt: skip
    assert [row.cells for row in shown.rows] == [("1 July 2013", "The applicant")]


def test_a_form_nobody_knows_gives_an_empty_register(service):
    found = read(service, case_with(service), form="no_such_form")
    assert (found.title, found.columns, found.rows) == ("no_such_form", (), ())


def test_rows_are_found_by_every_word_whatever_its_case(service):
    rows = read(service, case_with(service, [FIRST, SECOND])).rows
    assert len(registers.containing(rows, "OAK clerk")) == 1
    assert len(registers.containing(rows, "may")) == 2
    assert registers.containing(rows, "oak willow") == []
    assert len(registers.containing(rows, "  ")) == 2


def test_answers_that_an_older_form_allowed_are_shown_as_they_are():
    form = {"title": "T", "components": [VISITS]}
    source = Source("r", 1, None, "Ann", None, None, {"visits": [{"on": "whenever", "by": "nobody"}, "no row", 7]})
    rows = registers.rows_of(form, Declared("visits"), source, {}, ["on", "by", "trees"])
    assert [row.cells for row in rows] == [("whenever", "nobody", "")]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"list": "visits", "columns": ["on", "extended_to", "@written_by"], "latest": True}, None),
        ({}, None),
        ({"title": "Visits made"}, None),
        ({"title": 7}, "must be text"),
        ([], "must be an object"),
        ({"rows": "visits"}, "must be an object"),
        ({"columns": "on"}, "must be an object"),
        ({"latest": "yes"}, "true or false"),
        ({"list": "reason"}, "does not ask for"),
        ({"list": ["visits"]}, "does not ask for"),
        ({"list": "visits", "columns": ["fee"]}, "does not ask"),
        ({"columns": ["on"]}, "does not ask"),
        ({"columns": [{"key": "on"}]}, "does not ask"),
    ],
)
def test_a_register_that_names_what_is_not_asked_is_told_at_the_gate(said, problem):
    found = [p.message for p in check_form(json.loads(files(register=said)["forms/more_time.json"]))]
    assert found == [] if problem is None else problem in found[0]
