"""A process owner's work without JavaScript: drafts, checks, differences, deployment."""

import json
import re

import pytest

from pages_site import a_site, close
from service.store import people

DIAGRAM = "processes/application.bpmn"
REMINDER = 'name="remind" value="7 1"'


@pytest.fixture
def site(sqlite_url, tmp_path, clock):
    site = a_site(sqlite_url, tmp_path / "var", clock)
    yield site
    close(site)


@pytest.fixture
def owner(site):
    return site.browser("una")


@pytest.fixture
def draft(site, owner):
    """The address of a new draft."""
    owner.get("/processes")
    return owner.post("/drafts", based_on=versions(site)[0].hash, name="Later reminders").location


def versions(site):
    with site.service.read() as db:
        return people.definitions(db)


def files(site, draft):
    with site.service.read() as db:
        return people.draft_by_id(db, draft.split("/")[-1]).files


def text(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def with_reminder(site, draft, days):
    return files(site, draft)[DIAGRAM].replace(REMINDER, f'name="remind" value="{days}"')


def test_the_list_says_which_versions_there_are_and_why(owner):
    said = text(owner.get("/processes"))
    assert "Version 1 (newest)" in said
    assert "First version" in said


def test_a_diagram_is_shown_in_words_too(site, owner):
    said = text(owner.get(f"/processes/{versions(site)[0].hash}/application"))
    assert "Due date 5 working days after it opens" in said
    assert "Reminder 7 and 1 days before" in said


def test_only_process_owners_may_draft_and_deploy(site, owner, draft):
    ann = site.browser("ann")
    ann.get("/tasks")
    for address in ("/processes", draft, f"{draft}/application", f"{draft}/deploy", f"{draft}/file?path={DIAGRAM}"):
        assert ann.get(address).status_code == 403
    assert ann.post("/drafts", based_on=versions(site)[0].hash).status_code == 403
    assert ann.post(f"{draft}/deploy", note="Mine", version="1").status_code == 403
    assert ann.send(f"{draft}/save", path=DIAGRAM, text="", version=1).status_code == 403
    assert len(versions(site)) == 1


def test_a_changed_reminder_is_saved_told_and_deployed(site, owner, draft):
    owner.get(f"{draft}/deploy")
    saved = owner.send(f"{draft}/save", path=DIAGRAM, text=with_reminder(site, draft, "10"), version=1)
    assert saved.json["version"] == 2
    review = owner.get(f"{draft}/deploy")
    assert "The reminder of “Decision is late” changes from 7 and 1 days before to 10 days before." in text(review)
    done = owner.post(f"{draft}/deploy", note="One reminder is enough", version="2")
    assert (done.status_code, done.location) == (303, "/processes")
    assert [version.note for version in versions(site)] == ["One reminder is enough", "First version"]
    assert "Running ones stay on the version they started with." in text(owner.get("/processes"))


def test_a_running_case_stays_on_its_version(site, owner, draft):
    code = site.start()
    before = site.browser("ann").get(f"/cases/{code}/diagram/application.bpmn").text
    owner.send(f"{draft}/save", path=DIAGRAM, text=with_reminder(site, draft, "10"), version=1)
    owner.post(f"{draft}/deploy", note="One reminder is enough", version="2")
    assert len(versions(site)) == 2
    assert site.browser("ann").get(f"/cases/{code}/diagram/application.bpmn").text == before


def test_two_people_never_overwrite_each_other(site, owner, draft):
    owner.get(draft)
    first = with_reminder(site, draft, "10")
    assert owner.send(f"{draft}/save", path=DIAGRAM, text=first, version=1).status_code == 200
    second = owner.send(f"{draft}/save", path=DIAGRAM, text=first.replace("10", "12"), version=1)
    assert second.status_code == 409
    assert "saved this draft meanwhile" in second.json["message"]
    assert files(site, draft)[DIAGRAM] == first
    third = owner.post(f"{draft}/file", path="forms/check.json", text="mine", version="1", action="save")
    assert third.status_code == 409
    assert "mine</textarea>" in third.text
    assert owner.post(f"{draft}/deploy", note="Mine", version="1").status_code == 409


def test_a_save_that_does_not_say_where_it_began_is_refused(owner, draft):
    owner.get(draft)
    assert owner.send(f"{draft}/save", path=DIAGRAM, text="").status_code == 409
    assert owner.send(f"{draft}/save", path=DIAGRAM, text="", version="newest").status_code == 409


def test_checks_find_what_is_wrong_and_save_nothing(site, owner, draft):
    owner.get(draft)
    broken = files(site, draft)[DIAGRAM].replace('name="form" value="check"', 'name="form" value="no_such_form"')
    findings = owner.send(f"{draft}/check", path=DIAGRAM, text=broken).json["findings"]
    assert [(f["element"], f["level"]) for f in findings if "no_such_form" in f["message"]] == [("check", "error")]
    assert all(f["message"] and f["mend"] for f in findings)
    assert "no_such_form" not in files(site, draft)[DIAGRAM]


def test_a_draft_with_an_error_is_saved_but_not_deployed(site, owner, draft):
    owner.get(draft)
    broken = files(site, draft)[DIAGRAM].replace('name="form" value="check"', 'name="form" value="no_such_form"')
    assert owner.send(f"{draft}/save", path=DIAGRAM, text=broken, version=1).status_code == 200
    review = owner.get(f"{draft}/deploy")
    assert "cannot be deployed until" in text(review)
    assert f"{draft}/application#element=check" in review.text
    assert owner.post(f"{draft}/deploy", note="Try", version="2").status_code == 422
    assert len(versions(site)) == 1


def test_a_deployment_needs_a_note(site, owner, draft):
    owner.get(f"{draft}/deploy")
    refused = owner.post(f"{draft}/deploy", note="  ", version="1")
    assert refused.status_code == 422
    assert "Error: Deploy Later reminders" in text(refused)
    assert len(versions(site)) == 1


def test_a_draft_that_changes_nothing_is_not_deployed(owner, draft):
    owner.get(draft)
    refused = owner.post(f"{draft}/deploy", note="Nothing", version="1")
    assert refused.status_code == 422
    assert "exactly the version" in text(refused)


def test_any_file_can_be_edited_as_text(site, owner, draft):
    page = owner.get(f"{draft}/file?path=forms/check.json")
    assert "Is the application complete?" in page.text
    changed = files(site, draft)["forms/check.json"].replace("Is the application complete?", "Is anything missing?")
    as_sent = changed.replace("\n", "\r\n")
    saved = owner.post(f"{draft}/file", path="forms/check.json", text=as_sent, version="1", action="save")
    assert saved.status_code == 303
    assert files(site, draft)["forms/check.json"] == changed
    assert "changes from “Is the application complete?” to “Is anything missing?”" in text(owner.get(draft))


def test_checking_a_text_keeps_what_was_typed(site, owner, draft):
    owner.get(draft)
    page = owner.post(f"{draft}/file", path="forms/check.json", text="{ not json", version="1", action="check")
    assert page.status_code == 200
    assert "{ not json</textarea>" in page.text
    assert "not readable JSON" in text(page)
    assert "not json" not in files(site, draft)["forms/check.json"]


def test_a_draft_that_cannot_be_read_still_opens(site, owner, draft):
    owner.get(draft)
    for version, path in enumerate((DIAGRAM, "processes/roles.json", "forms/check.json"), 1):
        owner.send(f"{draft}/save", path=path, text="{ broken <", version=version)
    for address in (draft, f"{draft}/application", f"{draft}/deploy", f"{draft}/file?path={DIAGRAM}"):
        assert owner.get(address).status_code == 200


def test_an_overtaken_draft_says_so(site, owner, draft):
    owner.get("/processes")
    other = owner.post("/drafts", based_on=versions(site)[0].hash, name="Other").location
    owner.send(f"{other}/save", path=DIAGRAM, text=with_reminder(site, other, "10"), version=1)
    owner.post(f"{other}/deploy", note="First", version="2")
    assert "Another version was deployed after this draft was begun" in text(owner.get(f"{draft}/deploy"))


def test_files_and_drafts_that_are_not_there_are_404(owner, draft):
    owner.get(draft)
    for address in ("/drafts/none", f"{draft}/none", f"{draft}/file?path=../settings.py", "/processes/none"):
        assert owner.get(address).status_code == 404
    assert owner.send(f"{draft}/save", path="forms/new.json", text="{}", version=1).status_code == 404
    told = {"X-CSRFToken": owner.token}
    assert owner.client.post(f"{draft}/save", data="[]", headers=told).status_code == 415
    assert owner.client.post(f"{draft}/save", json=[], headers=told).status_code == 400


def test_style_attributes_are_allowed_on_the_editor_alone(owner, draft):
    for address in (draft, f"{draft}/deploy", "/processes"):
        assert "unsafe-inline" not in owner.get(address).headers["Content-Security-Policy"]
    assert "style-src-attr 'unsafe-inline'" in owner.get(f"{draft}/application").headers["Content-Security-Policy"]


def test_the_panel_is_told_what_it_may_offer(owner, draft):
    page = owner.get(f"{draft}/application").text
    choices = re.search(r"data-choices>(.*?)</script>", page)[1]
    assert '{"label": "Check the application", "value": "check"}' in choices
    assert '{"label": "Tree officer", "value": "officer"}' in choices


def test_a_version_lists_its_local_rules_as_the_organisation_s_own(site, owner):
    rule = {"id": "wait", "value": 2, "unit": "weeks", "name": "Silence means yes", "about": "A wait & see."}
    first = site.service.definitions.get(versions(site)[0].hash)
    with_rules = dict(first.files) | {"processes/local_rules.json": json.dumps([rule])}
    found = site.service.deployments.deploy(None, with_rules, "With a local rule")
    said = text(owner.get(f"/processes/{found.hash}"))
    assert "Local rules Set by this organisation, not by law Rule Value What it is about" in said
    assert "Silence means yes local.wait 2 weeks A wait &amp; see." in said
    assert "Local rules" not in text(owner.get(f"/processes/{first.hash}"))
