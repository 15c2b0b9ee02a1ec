"""Pages of those who share out work and tend cases: who does a task, drafts, holds, values, incidents."""

import pytest
from click.testing import CliRunner

from service.cli import cli, console
from service.store.transaction import transaction


def open_task(site) -> str:
    return site.visit("clerk").get("/tasks?list=groups").link("Check the application")


def code_of(site) -> str:
    return site.visit("clerk").get("/cases").link("TREE-").rsplit("/", 1)[1]


def give(site, role: str, task: str, *, status: int = 200, **answers: str):
    visitor = site.visit(role)
    page = visitor.get(f"{task}/people")
    return visitor.send(page, f"{task}/people", status=status, **answers)


def test_a_task_is_given_out_with_a_reason_and_the_others_see_by_whom_it_is_done(site):
    site.checked()
    clerk = site.visit("clerk")
    case = clerk.get(f"/cases/{code_of(site)}")
    people = case.link("Say who does it")
    page = clerk.get(people)
    assert "Tree officer" in page.text
    refused = clerk.send(page, people, status=422, reason="Ben is away.")
    assert "Choose who does it." in refused.text
    assert refused.value("reason") == "Ben is away."
    refused = clerk.send(page, people, status=422, to="second_officer")
    assert "Give a reason" in refused.text
    assert refused.value("to") == "second_officer"
    done = clerk.send(refused, people, to="second_officer", reason="Ben is away.")
    assert "has been given out" in done.text
    task = people.removesuffix("/people")
    officer = site.visit("officer")
    assert "has taken this task" in officer.get(task).text
    officer.get(people, status=404)


def test_a_task_delegated_comes_back(site):
    site.checked()
    officer = site.visit("officer")
    task = officer.get("/tasks?list=groups").link("Decide the application")
    officer.send(officer.get(task), f"{task}/claim")
    page = officer.get(officer.get(task).link("Let somebody else do it"))
    officer.send(page, f"{task}/people", to="second_officer", reason="On leave.")
    assert "to whom you delegated it" in officer.get(task).text
    second = site.visit("second_officer")
    assert "for a colleague who delegated it" in second.get(task).text
    second.send(second.get(task), f"{task}/release")
    assert "Giving it back lets others in your group do it." in officer.get(task).text


def test_half_written_answers_are_kept_for_their_writer_until_sent_or_thrown_away(site):
    site.started()
    task, clerk = open_task(site), site.visit("clerk")
    saved = clerk.send(clerk.get(task), task, notes="Half a thou", _action="draft")
    assert "They have not been sent." in saved.text
    again = clerk.get(task)
    assert again.value("notes") == "Half a thou"
    assert "as you saved them" in again.text
    empty = clerk.send(again, f"{task}/draft/drop")
    assert empty.value("notes") == ""
    hidden = clerk.send(clerk.get(task), task, notes="a\u202eb", _action="draft", status=422)
    assert "hidden character" in hidden.text


def test_a_case_is_put_on_hold_goes_on_and_is_cancelled(site):
    site.started()
    code, clerk = code_of(site), site.visit("clerk")
    hold = f"/cases/{code}/hold"
    refused = clerk.send(clerk.get(hold), hold, status=422, reason="Wait.")
    assert "Choose what to do." in refused.text
    held = clerk.send(refused, hold, what="suspend", reason="The applicant asked us to wait.")
    assert "This is on hold" in held.text
    task = open_task(site)
    answer = clerk.send(clerk.get(task), task, complete="yes", notes="All there.", status=409)
    assert "This case is held still" in answer.text
    assert "Your answers are kept for you" in answer.text
    assert clerk.get(task).value("notes") == "All there.", "what was typed is kept as a draft"
    assert "goes on" in clerk.send(clerk.get(hold), hold, what="resume", reason="Work goes on.").text
    ended = clerk.send(clerk.get(hold), hold, what="cancel", reason="Withdrawn.")
    assert "Cancelled" in ended.text
    assert "nothing left to hold" in clerk.get(hold).text
    history = clerk.get(f"/cases/{code}/history").text
    assert "It was put on hold" in history
    assert "It was cancelled." in history


MET = [("officer", 403), ("auditor", 403), ("process_owner", 404), ("operator", 404)]


@pytest.mark.parametrize(("role", "status"), MET)
def test_only_who_holds_cases_may_hold_one_and_who_sees_none_does_not_find_it(site, role, status):
    site.started()
    site.visit(role).get(f"/cases/{code_of(site)}/hold", status=status)


def test_a_value_is_put_right_by_an_operator_only(site):
    site.started()
    code = code_of(site)
    values = f"/cases/{code}/values"
    site.visit("clerk").get(values, status=403)
    operator = site.visit("operator")
    page = operator.get(values)
    assert "2013-05-29" in page.text
    refused = operator.send(page, values, status=422, name="received_on", value="10 June", reason="Read wrongly.")
    assert "must be a date like" in refused.text
    assert refused.value("value") == "10 June"
    done = operator.send(refused, values, name="received_on", value="2013-06-10", reason="Read wrongly.")
    assert "2013-06-10" in done.text


def spoil(site, code: str) -> str:
    with transaction(site.service.store) as db:
        (whole,) = db.exec_driver_sql(f"SELECT state FROM process_instance WHERE code = '{code}'").one()
        db.exec_driver_sql(f"UPDATE process_instance SET state = '{{}}' WHERE code = '{code}'")
    return whole


def test_an_incident_is_shown_tried_again_and_resolved(site):
    site.checked()
    code, operator = code_of(site), site.visit("operator")
    assert "There is none open." in operator.get("/incidents").text
    whole = spoil(site, code)
    site.clock.to("2013-07-01T09:00")
    site.service.sweeper.sweep()
    operator = site.visit("operator")  # nobody's session lasts for a month
    page = operator.get("/incidents")
    assert code in page.text
    incident = operator.get(page.link(code))
    address = incident.path
    refused = operator.send(incident, f"{address}/retry", status=422)
    assert "Give a reason" in refused.text
    assert "It still fails" in operator.send(refused, f"{address}/retry", reason="Trying.").text
    with transaction(site.service.store) as db:
        db.exec_driver_sql("UPDATE process_instance SET state = ? WHERE code = ?", (whole, code))
    done = operator.send(operator.get("/incidents"), "/incidents/retry", reason="Restored from the backup.")
    assert "1 incident resolved, 0 still failing." in done.text
    assert "Over since" in operator.get(address).text
    site.visit("clerk").get("/incidents", status=403)
    operator.get("/incidents/000000000000", status=404)


@pytest.fixture
def verb(site, monkeypatch):
    monkeypatch.setattr(console, "create_service", lambda _settings: site.service)
    monkeypatch.setenv("CASEWORK_PRACTICE", "1")
    return lambda *words: CliRunner().invoke(cli, list(words), standalone_mode=False)


def test_the_same_on_the_command_line(site, verb):
    site.checked()
    code = code_of(site)
    who = {"clerk": ("--by", "clerk@practice.invalid"), "operator": ("--by", "operator@practice.invalid")}
    assert verb("suspend", code, *who["clerk"], "--reason", "Wait.").exception is None
    with site.service.read() as db:
        assert db.exec_driver_sql("SELECT status FROM process_instance").scalar_one() == "suspended"
    assert verb("resume", code, *who["clerk"], "--reason", "Go on.").exception is None
    assert verb("correct", code, *who["operator"]).exit_code == 0
    right = ("received_on=2013-06-10", *who["operator"], "--reason", "Read wrongly.")
    assert verb("correct", code, *right).exception is None
    assert "NAME=VALUE" in str(verb("correct", code, "received_on", *who["operator"], "--reason", "x").exception)
    whole = spoil(site, code)
    site.clock.to("2013-08-01T09:00")
    site.service.sweeper.sweep()
    assert verb("incidents", *who["operator"]).exit_code == 1
    assert verb("retry", "--all", *who["operator"], "--reason", "Trying.").exit_code == 1
    with transaction(site.service.store) as db:
        db.exec_driver_sql("UPDATE process_instance SET state = ? WHERE code = ?", (whole, code))
    assert verb("retry", "--all", *who["operator"], "--reason", "Restored.").exit_code == 0
    assert verb("incidents", *who["operator"]).exit_code == 0
    assert "Give one reference" in str(verb("retry", *who["operator"], "--reason", "x").exception)
    assert "Nobody who may sign in" in str(verb("cancel", code, "--by", "x@y.invalid", "--reason", "x").exception)
    assert "Only an operator" in str(verb("incidents", *who["clerk"]).exception)
    assert verb("cancel", code, *who["clerk"], "--reason", "Withdrawn.").exception is None
