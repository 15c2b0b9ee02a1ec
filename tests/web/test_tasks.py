"""Doing a task: lists, answers, warnings, two clicks, two people."""

import pytest
from sqlalchemy import text


def task_of(visitor, title="Check the application"):
    return visitor.get("/tasks?list=groups").link(title)


def test_the_lists_show_what_waits_and_where_it_belongs(site):
    code = site.started().heading
    clerk = site.visit("clerk")
    page = clerk.get("/tasks")
    assert page.heading == "Tasks: my groups"
    for words in ("Check the application", code, "Clerk", "Due in 7 days", "Local rule: five working days"):
        assert words in page.text
    assert "You have taken no task" in clerk.get("/tasks?list=mine").text
    assert "You have not done a task yet" in clerk.get("/tasks?list=done").text
    clerk.get("/tasks?list=everything", status=404)


def test_a_person_without_any_task_is_not_sent_to_look_for_one(site):
    told = site.visit("clerk").get("/tasks").text
    assert "You have no task, and none waits for your groups." in told
    assert "Look in" not in told


def test_an_overdue_task_says_so(site):
    site.started()
    site.clock.to("2013-06-08T09:00")
    assert "3 days overdue" in site.visit("clerk").get("/tasks").text


def test_a_task_is_seen_by_its_group_only(site):
    site.started()
    task = task_of(site.visit("clerk"))
    officer = site.visit("officer")
    assert "Check the application" not in officer.get("/tasks").text
    officer.get(task, status=404)
    officer.get("/tasks/nosuchtask", status=404)


def test_a_task_tells_everything_needed_to_do_it(site):
    site.started()
    clerk = site.visit("clerk")
    page = clerk.get(task_of(clerk))
    assert page.heading == "Check the application"
    for words in (
        "Read what the applicant sent.",
        "the work that is asked for",
        "What a good answer looks like",
        "The plan shows the oak at the gate",
        "Receiving an application",
        "The tree team",
        "About 10 minutes",
        "What happens next A tree officer decides the application.",
        "Local rule: five working days",
    ):
        assert words in page.text, words


def test_completing_a_task_leads_on_and_says_what_happened(site):
    page = site.checked()
    assert page.path.startswith("/cases/")
    assert "“Check the application” is done" in page.text
    clerk = site.visit("clerk")
    assert "Check the application" in clerk.get("/tasks?list=done").text


def test_completing_leads_to_the_next_task_of_the_same_person(site):
    site.checked()
    site.clock.to("2013-06-30T09:00")
    site.service.sweeper.sweep()
    officer = site.visit("officer")
    task = task_of(officer, "Say why the decision is late")
    page = officer.send(officer.get(task), task, reason="Short of staff.")
    assert page.heading == "Decide the application"
    assert "Your next task is below" in page.text


def test_wrong_input_gives_the_same_page_with_everything_kept(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.send(clerk.get(task), task, notes="Half <b>done</b>", status=422)
    assert page.title.startswith("Error: Check the application")
    assert "There is a problem" in page.text
    assert page.value("notes") == "Half <b>done</b>"
    assert "<b>done</b>" not in page.html
    page = clerk.send(page, task, complete="yes", notes=page.value("notes"))
    assert "is done" in page.text


def test_a_warning_must_be_confirmed(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.send(clerk.get(task), task, complete="no", notes="No plan.", status=422)
    assert "An incomplete application still goes to a decision" in page.text
    assert "Nothing has been saved yet" in page.text
    assert page.value("notes") == "No plan."
    assert "is done" in clerk.send(page, task, complete="no", notes="No plan.").text


def test_a_confirmation_is_for_the_answers_it_was_shown_for(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.send(clerk.get(task), task, complete="no", notes="No plan.", status=422)
    page = clerk.send(page, task, complete="no", notes="No plan, no fee.", status=422)
    assert "is done" in clerk.send(page, task, complete="no", notes="No plan, no fee.").text


@pytest.mark.parametrize("answers", [{"complete": "yes", "notes": "Fine."}, {"complete": "no", "notes": "No plan."}])
def test_two_clicks_are_one_effect(site, answers):
    code = site.started().heading
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.get(task)
    if answers["complete"] == "no":
        page = clerk.send(page, task, **answers, status=422)
    first = clerk.send(page, task, **answers)
    again = clerk.send(page, task, **answers)
    assert first.path == again.path == f"/cases/{code}"
    assert again.text.count("Check the application Clerk, 29 May 2013") == 1


def test_a_key_used_for_other_answers_is_refused(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.get(task)
    clerk.send(page, task, complete="yes", notes="Fine.")
    answer = clerk.send(page, task, complete="yes", notes="Something else.", status=422)
    assert answer.heading == "You have already sent this page"


def test_of_two_people_one_wins_and_one_is_told_by_whom_and_when(site):
    site.checked()
    first, second = site.visit("officer"), site.visit("second_officer")
    task = task_of(first, "Decide the application")
    pages = first.get(task), second.get(task)
    site.clock.pass_by(minutes=15)
    first.send(pages[0], task, decision="grant", reasons="Unsafe.")
    page = second.send(pages[1], task, decision="refuse", reasons="A fine tree.", status=409)
    assert "was completed by Tree officer on 29 May 2013, 10:15am" in page.text
    assert "Nothing you sent was saved" in page.text
    assert "A fine tree." in page.text
    assert "was completed by Tree officer" in second.get(task).text


def test_taking_a_task_and_giving_it_back(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.send(clerk.get(task), f"{task}/claim")
    assert "This task is now yours" in page.text
    assert "Check the application" in clerk.get("/tasks?list=mine").text
    page = clerk.send(clerk.get(task), f"{task}/release")
    assert page.heading == "Tasks: my groups"
    assert "waits for your group again" in page.text


def test_a_task_is_done_by_its_pages_methods_only(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    answer = clerk.client.put(task, headers={"X-CSRFToken": clerk.get(task).form(task)["csrf_token"]})
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    clerk.get(f"{task}/claim", status=405)


def test_a_body_that_is_too_large_is_refused_in_words(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.send(clerk.get(task), task, notes="x" * 5_000_000, status=413)
    assert page.heading == "What you sent is too large"


def test_a_lapsed_session_says_that_nothing_was_saved_and_leads_back(site):
    site.started()
    clerk = site.visit("clerk")
    task = task_of(clerk)
    page = clerk.get(task)
    site.clock.pass_by(minutes=31)
    page = clerk.send(page, task, complete="yes", notes="Long and careful.")
    assert page.heading == "Sign in"
    assert "What you sent was not saved" in page.text
    assert page.form("/sign-in")["next"] == task


def test_a_step_that_cannot_be_finished_is_kept_as_an_incident_and_nothing_else(site):
    """The stored state is damaged behind the service's back: the person gets a reference, the case needs attention."""
    page = site.started()
    clerk = site.visit("clerk")
    task = clerk.get(page.link("Check the application"))
    with site.service.store.writers.connect() as db:
        db.execute(text("UPDATE process_instance SET state = '{}'"))
        db.commit()
    failed = clerk.send(task, page.link("Check the application"), complete="yes", notes="All there.", status=500)
    assert "through no fault of yours" in failed.text
    assert "Your answers are kept for you" in failed.text
    assert failed.value("notes") == "All there."
    with site.service.read() as db:
        (reference,) = db.execute(text("SELECT id FROM incident")).scalars()
    assert reference in failed.text
