"""Departing on the pages: asked for reasons without a script, kept, shown to who may read, approved by another."""

import pytest
from sqlalchemy import text

from departing import SHORT, TWICE, WHY, files
from service.core.access import Actor
from service.runtime import recordcheck
from service.store import instances, people, queries

APPLICATION = {"address": "1 Oak Road", "work": "felling"}
INSTEAD = "It was looked at from the road."
ASKED = "This departs from the guidance (clause 1)"


def said(rule="unseen", reasons=WHY, effect=INSTEAD, until=("", "", "")) -> dict[str, str]:
    parts = zip(("day", "month", "year"), until, strict=True)
    dates = {f"departure.{rule}.until-{part}": value for part, value in parts}
    return {f"departure.{rule}.reasons": reasons, f"departure.{rule}.effect": effect, **dates}


def a_day(name: str, day: int, month: int, year: int) -> dict[str, str]:
    return {f"{name}-day": str(day), f"{name}-month": str(month), f"{name}-year": str(year)}


def a_task(site):
    """The clerk at the task of checking a new application: the browser, the page and its address."""
    site.started()
    clerk = site.visit("clerk")
    task = clerk.get("/tasks?list=groups").link("Check the application")
    return clerk, clerk.get(task), task


def departed(site):
    """A case in which the clerk has departed; its page as the clerk sees it."""
    clerk, page, task = a_task(site)
    asked = clerk.send(page, task, status=422, **SHORT)
    return clerk.send(asked, task, **SHORT, **said())


def code_of(site) -> str:
    with site.service.read() as db:
        return db.execute(text("SELECT code FROM process_instance ORDER BY started_at DESC")).scalars().first()


def rows(site, table="departure"):
    with site.service.read() as db:
        return [row._asdict() for row in db.execute(text(f"SELECT * FROM {table}"))]


# --- asking --------------------------------------------------------------------------------------------------------


def test_the_page_comes_again_with_three_questions_and_everything_typed(departing):
    clerk, page, task = a_task(departing)
    assert ASKED not in page.text, "nothing is asked before it is needed"
    asked = clerk.send(page, task, status=422, **SHORT)
    assert asked.title.startswith("Error: ")
    for words in (
        "A check says what was seen on the spot.",
        ASKED,
        "If this is meant, give your reasons for departing from clause 1",
        "Your reasons for departing from clause 1",
        "What is done instead of what clause 1 asks",
        "Until when this departure from clause 1 lasts (optional)",
    ):
        assert words in asked.text, words
    assert asked.value("notes") == "Fine"
    assert asked.link("A check says what was seen") == "#notes"
    assert asked.link("If this is meant") == "#departure.unseen.reasons"
    assert rows(departing) == []


def test_with_reasons_it_is_sent_and_kept_with_the_record(departing):
    page = departed(departing)
    assert "Done" in page.text
    (row,) = rows(departing)
    assert (row["number"], row["rule"], row["clause"], row["made_by"], row["role"], row["became"]) == (
        1, "unseen", "1", "clerk", "clerk", "made",
    )  # fmt: skip
    with departing.service.read() as db:
        case = queries.case(db, actor(db, "clerk", departing), code_of(departing))
        steps, records = instances.steps_of(db, case.id), recordcheck.rows(db, case.id)
        assert list(recordcheck.examine(records, steps, departing.service.definitions.get)) == []
        state = queries.state(db, case.id)
    assert any(WHY in record["answers"] for record in records)
    assert WHY not in "".join(str(step) for step in steps) + state.decode(), "words are in the record alone"


def actor(db, name, site) -> Actor:
    found = people.actor(db, name, site.clock())
    assert found is not None
    return found


def test_reasons_that_are_too_short_are_told_and_nothing_typed_is_lost(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    again = clerk.send(asked, task, status=422, **SHORT, **said(reasons="Away.", until=("1", "5", "2013")))
    assert "Your reasons for departing from clause 1 must be 30 characters or more" in again.text
    assert "Until when this departure from clause 1 lasts must be today or in the future" not in again.text
    assert again.link("must be 30 characters") == "#departure.unseen.reasons"
    assert again.value("departure.unseen.reasons") == "Away."
    assert again.value("departure.unseen.effect") == INSTEAD
    assert again.value("departure.unseen.until-year") == "2013"
    last = clerk.send(again, task, status=422, **SHORT, **said(until=("1", "5", "2013")))
    assert last.link("must be today or in the future") == "#departure.unseen.until-day"


def test_two_rules_are_asked_about_one_by_one_and_both_at_once(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **TWICE)
    assert "(clause 1)" in asked.text
    assert "(clauses 1 and 2)" in asked.text
    half = clerk.send(asked, task, status=422, **TWICE, **said(), **said("unasked", "", ""))
    assert "Enter your reasons for departing from clauses 1 and 2" in half.text
    assert "If this is meant" not in half.text
    clerk.send(half, task, **TWICE, **said(), **said("unasked"))
    assert [(r["number"], r["rule"]) for r in rows(departing)] == [(1, "unseen"), (2, "unasked")]


def test_answers_that_no_longer_depart_say_so_once_and_show_what_was_written(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    whole = {"complete": "yes", "notes": "All there, and seen."}
    again = clerk.send(asked, task, status=422, **whole, **said())
    assert "These answers do not depart from clause 1, so reasons for it cannot be kept with them" in again.text
    assert "Copy it if you still need it" in again.text
    assert WHY in again.text
    assert ASKED not in again.text
    clerk.send(again, task, **whole)
    assert rows(departing) == []


def test_questions_left_empty_do_not_stop_answers_that_no_longer_depart(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    clerk.send(asked, task, complete="yes", notes="All there.", **said(reasons=" ", effect=""))
    assert rows(departing) == []


@pytest.mark.parametrize(
    "stray",
    [
        {"departure.made_up.reasons": WHY},
        {"departure.unseen.because": WHY},
        {"departure.unseen.effect": WHY},
        {"departure..reasons": WHY},
    ],
)
def test_a_departure_that_no_page_asks_about_is_refused_and_not_dropped(departing, stray):
    clerk, page, task = a_task(departing)
    again = clerk.send(page, task, status=422, complete="yes", notes="All there.", **stray)
    assert "something that it does not ask for" in again.text


def test_reasons_sent_for_a_rule_that_does_not_hold_are_refused(departing):
    clerk, page, task = a_task(departing)
    clerk.send(page, task, status=422, complete="yes", notes="All there.", **said())
    assert rows(departing) == []


@pytest.mark.parametrize("bad", ["x" * 100_000, WHY + "\x07", WHY + "\u202e", WHY + "\x00"])
def test_hostile_reasons_are_told_and_nothing_is_kept(departing, bad):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    again = clerk.client.post(task, data={**asked.form(task), **SHORT, **said(reasons=bad)})
    assert again.status_code == 422
    assert 'href="#departure.unseen.reasons"' in again.text
    assert rows(departing) == []


def test_markup_in_reasons_is_text(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    shown = clerk.send(asked, task, **SHORT, **said(reasons="<script>alert(1)</script> and thirty letters"))
    assert "<script>alert(1)" not in shown.html
    assert "<script>alert(1)</script> and thirty letters" in clerk.get(f"/cases/{code_of(departing)}").text


def test_half_written_reasons_are_kept_as_a_draft(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    clerk.send(asked, task, _action="draft", **SHORT, **said(reasons="The owner", until=("1", "", "")))
    again = clerk.get(task)
    assert ASKED in again.text
    assert again.value("departure.unseen.reasons") == "The owner"
    assert again.value("departure.unseen.until-day") == "1"
    clerk.send(again, task, **SHORT, **said())
    assert len(rows(departing)) == 1


def test_starting_a_case_and_telling_it_something_may_depart_too(departing):
    clerk = departing.visit("clerk")
    start = "/cases/start/application_received"
    unknown = {**APPLICATION, "address": "unknown", **a_day("received_on", 29, 5, 2013)}
    asked = clerk.send(clerk.get(start), start, status=422, **unknown)
    assert "An application names its tree." in asked.text
    case = clerk.send(asked, start, **unknown, **said("unnamed"))
    assert "Departure 1 from clause 1" in case.text
    task = clerk.get("/tasks?list=groups").link("Check the application")
    clerk.send(clerk.get(task), task, complete="yes", notes="All there.")
    officer = departing.visit("officer")
    tell = officer.get(f"/cases/{code_of(departing)}").link("Allow more time")
    later = {"reason": "Ill.", **a_day("extended_to", 10, 7, 2013)}
    asked = officer.send(officer.get(tell), tell, status=422, **later)
    assert "More time waits for approvals." in asked.text
    officer.send(asked, tell, **later, **said("unapproved"))
    assert [(r["number"], r["element_id"], r["made_by"]) for r in rows(departing)] == [
        (1, "received", "clerk"), (2, "more_time", "officer"),
    ]  # fmt: skip


def test_a_second_click_makes_no_second_departure(departing):
    clerk, page, task = a_task(departing)
    asked = clerk.send(page, task, status=422, **SHORT)
    for _ in range(2):
        clerk.send(asked, task, **SHORT, **said())
    assert len(rows(departing)) == 1
    clerk.send(asked, task, status=422, **SHORT, **said(effect="Something else altogether."))


# --- showing -------------------------------------------------------------------------------------------------------


def test_the_case_page_tells_of_a_departure_and_its_reasons_to_who_may_read_the_record(departing):
    departed(departing)
    code = code_of(departing)
    clerk = departing.visit("clerk").get(f"/cases/{code}")
    for words in (
        "Departures from the guidance Departure 1 from clause 1 Not approved yet",
        "Departs from A check says what was seen on the spot.",
        "Clause 1 Receiving an application",
        "Made 29 May 2013, 10am at “Check the application”, by Clerk (Clerk)",
        f"Reasons {WHY}",
        f"Done instead {INSTEAD}",
        "Until No date was given",
    ):
        assert words in clerk.text, words
    assert "Approve it or object" not in clerk.text
    watcher = departing.visit("watcher").get(f"/cases/{code}").text
    assert "A check says what was seen on the spot." in watcher
    assert WHY not in watcher
    assert INSTEAD not in watcher
    assert "Reasons You may not read these." in watcher


def test_the_history_and_the_auditors_page_tell_of_it(departing):
    departed(departing)
    auditor = departing.visit("auditor").get(f"/cases/{code_of(departing)}/history")
    assert "Departure 1 from the guidance (clause 1): A check says what was seen on the spot." in auditor.text
    assert "1 departure from the guidance, 1 not approved" in auditor.text
    assert WHY in auditor.text
    assert "Checked: nothing differs" in auditor.text


def test_the_record_shows_what_was_written_with_it(departing):
    departed(departing)
    clerk = departing.visit("clerk")
    record = clerk.get(clerk.get(f"/cases/{code_of(departing)}").link("Check the application"))
    assert "Departures from the guidance" in record.text
    assert WHY in record.text


# --- a second person -----------------------------------------------------------------------------------------------


def judging(site, role="officer"):
    page = departed(site)
    code = code_of(site)
    visitor = site.visit(role)
    assert page.status == 200
    return visitor, code, f"/cases/{code}/departures/1"


def test_somebody_else_approves_with_a_reason_and_then_there_is_nothing_more_to_say(departing):
    officer, code, address = judging(departing)
    link = officer.get(f"/cases/{code}").link("Approve it or object to it")
    assert link == address
    done = officer.send(officer.get(address), address, what="approve", reason="The road is near enough.")
    for words in ("Approved", "by Tree officer (Tree officer)", "Departure 1 of"):
        assert words in done.text, words
    assert "Approve it or object" not in done.text
    assert "Why" not in officer.get(address).text.partition("What do you say?")[2]
    (row,) = rows(departing)
    assert (row["became"], row["judged_by"], row["judged_role"]) == ("approved", "officer", "officer")
    history = departing.visit("auditor").get(f"/cases/{code}/history").text
    assert "Approved a departure" in history
    assert "Departure 1 was approved by Tree officer." in history
    assert "The road is near enough." in history, "auditors read the class of reasons"


def test_an_objection_leaves_it_open_for_who_approves_later(departing):
    officer, code, address = judging(departing)
    done = officer.send(officer.get(address), address, what="object", reason="From the road nothing is seen.")
    assert "Objected to" in done.text
    second = departing.visit("second_officer")
    second.send(second.get(address), address, what="approve", reason="I went there.")
    assert rows(departing)[0]["judged_by"] == "second_officer"
    assert "Tree officer objected to departure 1." in departing.visit("auditor").get(f"/cases/{code}/history").text


def test_nobody_judges_their_own_departure(departing):
    clerk = departing.visit("clerk")
    departing.checked()
    code = code_of(departing)
    officer = departing.visit("officer")
    tell = officer.get(f"/cases/{code}").link("Allow more time")
    later = {"reason": "Ill.", **a_day("extended_to", 10, 7, 2013)}
    officer.send(officer.get(tell), tell, **later)
    assert rows(departing) == [], "nothing was open, so nothing departed"
    assert clerk.get(f"/cases/{code}").text.count("Departures from the guidance") == 0


def test_who_made_a_departure_is_told_that_somebody_else_has_to_look(departing):
    clerk = departing.visit("clerk")
    start = "/cases/start/application_received"
    unknown = {**APPLICATION, "address": "unknown", **a_day("received_on", 29, 5, 2013)}
    asked = clerk.send(clerk.get(start), start, status=422, **unknown)
    clerk.send(asked, start, **unknown, **said("unnamed"))
    task = clerk.get("/tasks?list=groups").link("Check the application")
    clerk.send(clerk.get(task), task, complete="yes", notes="All there.")
    officer, code = departing.visit("officer"), code_of(departing)
    tell = officer.get(f"/cases/{code}").link("Allow more time")
    later = {"reason": "Ill.", **a_day("extended_to", 10, 7, 2013)}
    officer.send(officer.send(officer.get(tell), tell, status=422, **later), tell, **later, **said("unapproved"))
    page = officer.get(f"/cases/{code}")
    assert "You made this departure yourself" in page.text
    own = officer.get(f"/cases/{code}/departures/2")
    assert own.all("textarea") == []
    other = officer.get(f"/cases/{code}/departures/1")
    stolen = other.form(f"/cases/{code}/departures/1")
    officer.post(f"/cases/{code}/departures/2", {**stolen, "what": "approve", "reason": "Mine."}, status=403)
    assert [r["became"] for r in rows(departing)] == ["made", "made"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"what": "", "reason": "x"}, "Select whether you approve of it or object to it"),
        ({"what": "forgive", "reason": "x"}, "Select whether you approve of it or object to it"),
        ({"what": "approve", "reason": " "}, "Give a reason"),
        ({"what": "object", "reason": "x" * 3000}, "2,000 characters or fewer"),
    ],
)
def test_what_is_missing_of_a_judgement_is_told(departing, answers, words):
    officer, _, address = judging(departing)
    again = officer.send(officer.get(address), address, status=422, **answers)
    assert words in again.text
    assert rows(departing)[0]["became"] == "made"


def test_those_whose_role_does_not_approve_and_strangers_cannot(departing):
    clerk, code, address = judging(departing, "clerk")
    own = clerk.get(address)
    assert own.all("textarea") == []
    stolen = departing.visit("officer").get(address).form(address)
    del stolen["csrf_token"]
    token = clerk.get("/cases/start/application_received").form("/cases/start/application_received")["csrf_token"]
    clerk.post(address, {**stolen, "csrf_token": token, "what": "approve", "reason": "x"}, status=403)
    for number in ("2", "0", "-1", "9" * 5000, "one", "1%00"):
        clerk.get(f"/cases/{code}/departures/{number}", status=404)
    assert rows(departing)[0]["became"] == "made"


def test_who_judges_reads_the_reasons_even_of_a_record_they_may_not_read(departing):
    found = files()
    roles = found["processes/roles.json"].replace('"reads": ["application", "decision"]', '"reads": ["decision"]')
    departing.service.deployments.deploy(None, {**found, "processes/roles.json": roles}, "Reads less")
    officer, code, address = judging(departing)
    page = officer.get(f"/cases/{code}")
    assert f"Reasons {WHY}" in page.text
    assert not any("/records/" in link.get("href", "") for link in page.all("a")), "the record itself stays shut"
    officer.send(officer.get(address), address, what="approve", reason="The road is near enough.")
    assert rows(departing)[0]["became"] == "approved"


def test_a_case_on_hold_or_ended_takes_no_judgement(departing):
    officer, code, address = judging(departing)
    form = officer.get(address).form(address)
    clerk = departing.visit("clerk")
    hold = f"/cases/{code}/hold"
    clerk.send(clerk.get(hold), hold, what="suspend", reason="Wait.")
    assert officer.get(address).all("textarea") == []
    officer.post(address, {**form, "what": "approve", "reason": "Late."}, status=409)
    clerk.send(clerk.get(hold), hold, what="cancel", reason="Withdrawn.")
    officer.post(address, {**form, "what": "approve", "reason": "Late."}, status=409)
