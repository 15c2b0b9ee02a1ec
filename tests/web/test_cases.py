"""Starting a case and seeing where it stands."""

from uuid import uuid4

from visitor import PREFIX


def test_who_may_start_does_and_others_are_told_why_not(site):
    assert site.visit("clerk").get("/cases").link("Start a new application") == "/cases/start"
    officer = site.visit("officer")
    assert "Start a new" not in officer.get("/cases").text
    assert "There is none you take part in yet" in officer.get("/cases").text
    assert officer.get("/cases/start", status=403).heading == "You cannot do this"
    officer.get("/cases/start/application_received", status=404)
    site.visit("clerk").get("/cases/start/nothing_known", status=404)


def test_a_started_case_says_where_it_stands(site):
    page = site.started()
    assert page.heading == "TREE-2013-001"
    assert "TREE-2013-001 has been started" in page.text
    assert "Waiting for Clerk: “Check the application”, due in 7 days." in page.text
    assert "What may come next Decide the application" in page.text
    assert page.link("Check the application").startswith("/tasks/")
    assert "TREE-2013-001" in site.visit("clerk").get("/cases").text


def test_the_list_says_what_each_case_waits_for_and_until_when(site):
    code = site.checked().heading
    site.clock.to("2013-06-30T09:00")
    site.service.sweeper.sweep()
    listed = site.visit("clerk").get("/cases").text
    assert f"{code} Waiting for “Decide the application” and 1 more 1 day overdue" in listed


def test_wrong_answers_start_nothing(site):
    clerk = site.visit("clerk")
    page = clerk.get("/cases/start")
    sent = {"received_on-day": "31", "received_on-month": "2", "received_on-year": "2013", "address": "1 Oak Road"}
    page = clerk.send(page, "/cases/start/application_received", **sent, status=422)
    assert page.value("received_on-day") == "31"
    assert page.value("address") == "1 Oak Road"
    assert "There is none" in clerk.get("/cases").text


def test_a_time_limit_says_how_it_was_computed(site):
    code = site.checked().heading
    page = site.visit("officer").get(f"/cases/{code}")
    assert "29 May 2013 + 1 calendar month = 29 June 2013, a Saturday. Act by Friday 28 June 2013." in page.text
    assert "Due 29 June 2013, 11:59pm; act by Friday 28 June 2013" in page.text
    assert "Law: clause 2, Deciding in time" in page.text
    assert "Elapsed 0 days, of them 0 working days Elapsed less holds 0 days, of them 0 working days" in page.text
    assert "What became of it Runs until 29 June 2013." in page.text


def test_a_missed_limit_stays_missed_and_a_moved_one_says_so(site):
    code = site.checked().heading
    site.clock.to("2013-06-30T09:00")
    site.service.sweeper.sweep()
    officer = site.visit("officer")
    page = officer.get(f"/cases/{code}")
    assert "Missed" in page.text
    form = f"/cases/{code}/tell/more_time_allowed"
    answers = {
        "extended_to-day": "31",
        "extended_to-month": "7",
        "extended_to-year": "2013",
        "reason": "A survey is needed.",
    }
    officer.send(officer.get(page.link("Allow more time")), form, **answers)
    page = officer.get(f"/cases/{code}")
    assert "On 30 June 2013 moved from 29 June 2013 to 31 July 2013, after it had passed. 31 July 2013, a" in page.text
    assert "Passed unmet 29 June 2013, 11:59pm" in page.text
    assert "Over the original date 1 day" in page.text


def test_a_limit_that_was_met_says_so(site):
    code = site.checked().heading
    officer = site.visit("officer")
    task = officer.get("/tasks").link("Decide the application")
    page = officer.send(officer.get(task), task, decision="grant", reasons="Unsafe.")
    assert page.heading == code
    assert "Met in time" in page.text
    assert "This ended on 29 May 2013: Granted." in page.text
    assert "Nothing: it has ended." in page.text


def test_records_are_read_by_those_whose_role_reads_them(site):
    code = site.checked().heading
    officer, watcher = site.visit("officer"), site.visit("watcher")
    page = officer.get(officer.get(f"/cases/{code}").link("Check the application"))
    assert "Is the application complete? Yes" in page.text
    assert "All there." in page.text
    assert "There are none" in watcher.get(f"/cases/{code}").text
    watcher.get(page.path, status=404)


def test_a_message_is_sent_by_its_role_only(site):
    code = site.checked().heading
    form = f"/cases/{code}/tell/more_time_allowed"
    clerk = site.visit("clerk")
    assert "Allow more time" not in clerk.get(f"/cases/{code}").text
    clerk.get(form, status=409)
    token = clerk.get(f"/cases/{code}").form("/sign-out")["csrf_token"]
    answers = {
        "csrf_token": token,
        "key": str(uuid4()),
        "extended_to-day": "1",
        "extended_to-month": "8",
        "extended_to-year": "2013",
        "reason": "x",
    }
    clerk.post(form, answers, status=403)


def test_an_unknown_case_is_not_found(site):
    clerk = site.visit("clerk")
    for path in (
        "/cases/TREE-1999-001",
        "/cases/TREE-1999-001/records/x",
        "/cases/TREE-1999-001/tell/more_time_allowed",
    ):
        page = clerk.get(path, status=404)
        assert page.heading == "Page not found"
        assert "give this reference" in page.text


def test_the_history_so_far_is_told_newest_first(site):
    code = site.checked().heading
    page = site.visit("officer").get(f"/cases/{code}")
    [history] = [e for e in page.all("ol") if "app-history" in (e.get("class") or "")]
    titles = ["".join(e.itertext()).split(",")[0] for e in history.iter(f"{PREFIX}li")]
    assert [
        t.startswith(s) for t, s in zip(titles, ("Check the application", "Application received"), strict=True)
    ] == [True, True]
