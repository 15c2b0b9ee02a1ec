"""Texts with places on pages: filled from the case, harmless whatever the case holds, and the same when sent back."""

import json

import pytest

from build import MINI

FILES = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
RULES = [{"id": "days", "value": 3, "unit": "working days", "name": "Checked within", "about": "From receipt."}]
EVIL = "<b>bold</b> {local.days} & more"


def replaced(path: str, *pairs: tuple[str, str]) -> dict[str, str]:
    text = FILES[path]
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return {path: text}


@pytest.fixture
def worded(site):
    """The site with a version whose texts have places."""
    people = {
        "type": "dynamiclist", "path": "people", "label": "Who lives there?",
        "properties": {"variable": "people", "idFrom": "name"},
        "components": [{"type": "textfield", "key": "name", "label": "Name"}],
    }  # fmt: skip
    application = json.loads(FILES["forms/application.json"])
    application["title"] = "Record {word|an application}"
    application["components"][0]["properties"] = {"variable": "address"}
    application["components"].append(people)
    check = json.loads(FILES["forms/check.json"])
    check["title"] = "Check {address}"
    check["components"].append(
        {"type": "select", "key": "whom", "label": "Who was asked?", "valuesKey": {"from": "variable:people"}}
    )
    files = FILES | {
        "processes/local_rules.json": json.dumps(RULES), "forms/application.json": json.dumps(application),
        "forms/check.json": json.dumps(check),
    } | replaced(
        "processes/application.bpmn", ("Read what the applicant sent.", "Read about {address} of {received_on}."),
        ("local rule: five working days", "local rule: {local.days.words}"),
        ("A tree officer decides the application.", "The work ({work}) is decided: {decision|not yet}."),
    )  # fmt: skip
    files["processes/application.bpmn"] = files["processes/application.bpmn"].replace(
        "extended_to = None", "extended_to = None\nword = None"
    )
    site.service.deployments.deploy(None, files, "With places")
    return site


def started(site):
    clerk = site.visit("clerk")
    page = clerk.get("/cases/start")
    assert "Record an application" in page.text
    return clerk, clerk.send(
        page, "/cases/start/application_received", address=EVIL, work="felling",
        **{"received_on-day": "29", "received_on-month": "5", "received_on-year": "2013", "people-0-name": "Ann <i>"},
    )  # fmt: skip


def test_a_task_is_shown_in_the_words_of_its_case_and_takes_the_answers(worded):
    clerk, _ = started(worded)
    tasks = clerk.get("/tasks?list=groups")
    assert f"Check {EVIL}" in tasks.text
    assert "Local rule: 3 working days" in tasks.text
    address = tasks.link("Check ")
    page = clerk.get(address)
    assert f"Read about {EVIL} of 29 May 2013." in page.text
    assert "The work (Felling) is decided: not yet." in page.text
    assert "<b>bold" not in page.html
    assert [o.text for o in page.all("option")][-1] == "Ann <i>"
    clerk.send(page, address, status=422, complete="yes", notes="All there.", whom="somebody")
    done = clerk.send(page, address, complete="yes", notes="All there.", whom="ann-i")
    assert f"“Check {EVIL}” is done" in done.text
    assert "The work (Felling) is decided: not yet." in done.text


def test_a_record_is_titled_and_read_in_the_words_of_its_case(worded):
    clerk, _ = started(worded)
    address = clerk.get("/tasks?list=groups").link("Check ")
    case = clerk.send(clerk.get(address), address, complete="yes", notes="All there.", whom="ann-i")
    record = clerk.get(case.link("Check "))
    assert record.heading == f"Check {EVIL}"
    assert "Who was asked? Ann <i>" in record.text
