"""The time limits of a case on its page: overdue ones first, those of items under one heading, each explained."""

import pytest

from build import each, end, flow, timer, user
from conftest import MINI

PATH = "processes/application.bpmn"
SECURING = (
    f'<bpmn:subProcess id="securing" name="Ask each service">{each("services", "service")}<bpmn:startEvent id="ss"/>'
    + user("answer", form="check", role="officer") + end("se")
    + timer("answer_late", "answer", "timeDate", "working_days_after(received_on, 2)", clock="answered",
            name="Answer", kind="local rule", **{"from": "received_on"})
    + f'{end("sl")}{flow("ss", "answer", "se")}{flow("answer_late", "sl")}</bpmn:subProcess>'
    + timer("ask_again", "check", "timeCycle", '"R6/P28D"', clock="checking", name="Waiting for the check",
            kind="counter")
    + end("asked") + flow("ask_again", "asked")
)  # fmt: skip
LISTS = (
    "extended_to = None\nservices = [{'id': 'parks'}, {'id': 'highways'}]\n"
    "holds = [{'from': '2013-06-03', 'to': '2013-06-10'}]"
)


def with_items() -> dict[str, str]:
    """The small definition with a task that is asked of each service first, a counter, and holds of its limit."""
    files = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
    text = files[PATH].replace("extended_to = None", LISTS)
    text = text.replace('<bpmn:sequenceFlow id="f2" sourceRef="prepare" targetRef="check"/>',
                        f'{SECURING}{flow("prepare", "fork", "check")}{flow("fork", "securing", "sent")}'
                        '<bpmn:parallelGateway id="fork"/><bpmn:endEvent id="sent"/>')  # fmt: skip
    files[PATH] = text.replace('name="clause" value="2"/>\n          <spiffworkflow:property name="kind"',
                               'name="clause" value="2"/><spiffworkflow:property name="held" value="holds"/>'
                               '<spiffworkflow:property name="kind"')  # fmt: skip
    files.pop("processes/scenarios/late.yaml")
    return files


@pytest.fixture
def many(site):
    site.service.deployments.deploy(None, with_items(), "With items")
    return site


def at(site, text: str) -> None:
    site.clock.to(text)
    site.service.sweeper.sweep()


def test_the_limits_of_items_stand_under_one_heading_and_what_is_overdue_comes_first(many):
    code = many.started().heading
    officer = many.visit("officer")
    task = officer.get("/tasks").link("Parks service")
    officer.send(officer.get(task), task, complete="yes", notes="All kept.")
    at(many, "2013-06-05T09:00")
    page = many.visit("officer").get(f"/cases/{code}")
    words = page.text
    assert "Answer 1 of 2 met, 1 overdue" in words
    assert words.index("Missed") < words.index("Met in time") < words.index("Waiting for the check")
    assert "29 May 2013 + 2 working days = 31 May 2013, a Friday." in words
    assert "Passed on 31 May 2013, 5 days ago, and not met." in words
    assert "Waiting for the check No limit: counted since 29 May 2013 No limit, only counted" in words
    assert "5 working days so far" in words
    assert all(name in words for name in ("Parks service", "Highways service"))


def test_a_limit_shows_its_holds_and_its_three_numbers(many):
    code = many.checked().heading
    at(many, "2013-07-10T09:00")
    page = many.visit("officer").get(f"/cases/{code}")
    assert "Elapsed 42 days, of them 30 working days Elapsed less holds 35 days, of them 25 working days" in page.text
    assert "Over the original date 11 days" in page.text
    assert "Held Held from 3 June 2013 to 10 June 2013." in page.text
    assert "Waiting for the check" in page.text
    assert "Ended on 29 May 2013." in page.text


def test_the_history_says_how_each_limit_stood_at_a_step(many):
    code = many.checked().heading
    at(many, "2013-07-10T09:00")
    page = many.visit("auditor").get(f"/cases/{code}/history?step=2")
    assert "Time limits at this step" in page.text
    assert "Answer: Parks service: Runs until 31 May 2013." in page.text
    assert "Waiting for the check: Ended on 29 May 2013." in page.text
