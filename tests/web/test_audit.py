"""The history of a case as an auditor and as staff see it, without JavaScript."""

import re

import pytest

from pages_site import a_site, close
from tampering import change


@pytest.fixture
def site(sqlite_url, tmp_path, clock):
    site = a_site(sqlite_url, tmp_path / "var", clock)
    yield site
    close(site)


@pytest.fixture
def late_case(site, clock):
    """A case whose decision is overdue: started, checked, then the month passes. Three steps."""
    code = site.start()
    clock.to("2013-05-30T09:00")
    site.complete("ann", "check", complete="yes", notes="All there.")
    clock.to("2013-07-11T15:00")
    site.service.sweeper.sweep()
    return code


def text(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_the_verdict_is_said_in_words(site, late_case):
    page = site.browser("aud").get(f"/cases/{late_case}/history")
    assert page.status_code == 200
    assert "The chain of 3 steps is intact, and running them again gives the same result at every step." in text(page)


def test_each_step_tells_who_was_asked_and_what_was_answered(site, late_case):
    told = text(site.browser("aud").get(f"/cases/{late_case}/history"))
    assert "1. Application received 29 May 2013, 10am, Ann" in told
    assert "Clerk was asked: “Check the application”, due 5 June 2013, 11:59pm (local rule: five working days)." in told
    assert "What work is asked for? Felling" in told
    assert "The time limit “Decision” (statutory, clause 2) counts from 29 May 2013" in told
    assert "and is due 29 June 2013, 11:59pm." in told


def test_a_late_sweep_shows_the_due_and_the_true_time(site, late_case):
    told = text(site.browser("aud").get(f"/cases/{late_case}/history"))
    assert (
        "The timer “Decision is late” went off at its time, 29 June 2013, 11:59pm;"
        " it was carried out 11 July 2013, 4pm, 11 days later." in told
    )
    assert "The time limit “Decision” passed unmet: it was due 29 June 2013, 11:59pm." in told


def test_a_step_can_be_chosen_without_javascript(site, late_case):
    browser = site.browser("aud")
    second = text(browser.get(f"/cases/{late_case}/history?step=2"))
    assert "Step 2 of 3: Check the application" in second
    assert "Waiting: Decide the application." in second
    assert "Time limits at this step Decision: Runs until 29 June 2013." in second
    third = text(browser.get(f"/cases/{late_case}/history?step=3"))
    assert "Overdue: Decide the application" in third
    assert "Time limits at this step Decision: Passed on 29 June 2013," in third


@pytest.mark.parametrize(("asked", "shown"), [("0", 1), ("99", 3), ("x", 3), ("-1", 3), ("", 3)])
def test_a_step_that_is_not_there_leads_to_the_nearest(site, late_case, asked, shown):
    assert f"Step {shown} of 3" in text(site.browser("aud").get(f"/cases/{late_case}/history?step={asked}"))


def test_frames_hold_markers_of_each_step_and_nothing_anybody_answered(site, late_case):
    answer = site.browser("aud").get(f"/cases/{late_case}/history.json")
    frames = answer.json["frames"]
    assert [frame["markers"]["application"]["current"] for frame in frames] == [
        ["check"], ["decide"], ["decide", "late_reason"],
    ]  # fmt: skip
    assert frames[2]["markers"]["application"]["overdue"] == ["decide", "late_reason"]
    assert frames[0]["limits"] == []
    assert frames[1]["limits"] == ["Decision: Runs until 29 June 2013."]
    assert frames[2]["limits"][0].startswith("Decision: Passed on 29 June 2013,")
    assert [frame["title"] for frame in frames][-1] == "Time limit passed: Decision"
    assert answer.json["diagrams"][0]["source"] == f"/cases/{late_case}/diagram/application.bpmn"
    assert "felling" not in answer.text


def test_the_diagram_is_the_one_the_case_runs(site, late_case):
    answer = site.browser("aud").get(f"/cases/{late_case}/diagram/application.bpmn")
    assert answer.mimetype == "application/xml"
    definition = site.service.definitions.get(next(iter(site.service.definitions._kept)))
    assert answer.text == definition.diagram("application")


def test_a_diagram_or_case_that_is_not_there_is_404(site, late_case):
    browser = site.browser("aud")
    for address in (f"/cases/{late_case}/diagram/other.bpmn", "/cases/TREE-1999-001/history"):
        assert browser.get(address).status_code == 404


def test_a_changed_step_is_named_and_the_rest_is_still_listed(site, late_case):
    change(site.service.store, 2, actor="eve")
    page = site.browser("aud").get(f"/cases/{late_case}/history")
    assert "The chain is broken at step 2." in text(page)
    assert "app-verdict--broken" in page.text
    assert "3. Time limit passed: Decision" in text(page)


def test_a_history_that_cannot_be_run_again_shows_how_far_it_can(site, late_case):
    change(site.service.store, 3, state_hash="0" * 64)
    page = site.browser("aud").get(f"/cases/{late_case}/history")
    assert page.status_code == 200
    assert "Step 2 of 2" in text(page)


def test_answers_are_shown_only_to_those_who_may_read_them(site, late_case, clock):
    clock.pass_by(days=1)
    site.complete("ben", "decide", decision="grant", reasons="The tree is unsafe.")
    answered = "What do you decide? Grant it"
    assert answered in text(site.browser("aud").get(f"/cases/{late_case}/history"))
    assert answered in text(site.browser("ben").get(f"/cases/{late_case}/history"))
    assert answered not in text(site.browser("ann").get(f"/cases/{late_case}/history"))


def test_nobody_sees_a_case_they_may_not_know_of(site, late_case):
    browser = site.browser("eve")
    for address in ("history", "history.json", "diagram/application.bpmn"):
        assert browser.get(f"/cases/{late_case}/{address}").status_code == 404


def test_the_list_of_histories_is_for_auditors(site, late_case):
    assert late_case in site.browser("aud").get("/history").text
    assert site.browser("ann").get("/history").status_code == 403
    assert site.app.test_client().get("/history").status_code == 303
