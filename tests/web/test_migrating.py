"""A process owner moves running cases to a new version, without JavaScript: sees first, says why, reads what came."""

import re

import pytest

from build import MINI
from pages_site import a_site, close, key
from service.runtime.bundles import read_folder
from service.store import people

DIAGRAM = "processes/application.bpmn"


@pytest.fixture
def site(sqlite_url, tmp_path, clock):
    site = a_site(sqlite_url, tmp_path / "var", clock)
    yield site
    close(site)


def deploy(site, old: str, new: str) -> str:
    """Deploy the small definition with one change; the address of the page of its running cases."""
    files = read_folder(MINI)
    row = site.service.deployments.deploy(None, {**files, DIAGRAM: files[DIAGRAM].replace(old, new)}, "changed")
    return f"/processes/{row.hash}/running-cases"


def text(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def key_of(owner, page) -> str:
    return re.search(r'name="key" value="([^"]+)"', owner.get(page).text)[1]


def chosen(answer) -> set[str]:
    return set(re.findall(r'name="case" type="checkbox" value="([^"]+)"[^>]* checked', answer.text))


def version_of(site) -> set[int]:
    with site.service.read() as db:
        return {row.version for row in people.definitions(db) if row.cases}


def test_the_version_leads_to_its_running_cases_and_each_is_told(site):
    code = site.start()
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    owner = site.browser("una")
    assert page in owner.get(page.removesuffix("/running-cases")).text
    said = text(owner.get(page))
    assert f"{code}, on version 1 Moves unchanged." in said
    assert version_of(site) == {1}


def test_chosen_cases_are_moved_with_a_reason_and_the_history_says_so(site):
    code = site.start()
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    owner = site.browser("una")
    sent = {"case": code, "reason": "The law changed", "key": key_of(owner, page)}
    done = owner.post(page, **sent)
    assert (done.status_code, version_of(site)) == (200, {2})
    assert f"Moved {code} Unchanged." in text(done)
    assert f"Moved {code} Moved before, by this same request." in text(owner.post(page, **sent))
    assert "Nothing was left to do" in text(owner.post(page, **sent | {"key": key()}))
    assert owner.get(f"/cases/{code}").status_code == 404, "who moves a case does not see it"
    assert "is on this version" in text(owner.get(page))
    auditor = site.browser("aud")
    told = text(auditor.get(f"/cases/{code}/history"))
    assert "It moved from version 1 to version 2 of the process." in told
    assert "running them again gives the same result at every step" in told
    assert auditor.get(f"/cases/{code}/history?step=1").status_code == 200
    assert auditor.get(f"/cases/{code}/history.json").status_code == 200
    assert site.browser("ann").get(f"/cases/{code}").status_code == 200


def test_none_is_chosen_until_somebody_chooses_and_all_are_with_one_link(site):
    codes = {site.start(), site.start()}
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    owner = site.browser("una")
    first = owner.get(page)
    assert chosen(first) == set()
    assert "Choose all 2 of them" in text(first)
    every = owner.get(f"{page}?all=1&rename-application:old=check")
    assert chosen(every) == codes
    assert f'href="{page}?rename-application:old=check">Choose none of them' in every.text
    assert version_of(site) == {1}


def test_without_the_key_of_the_page_nothing_is_moved(site):
    code = site.start()
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    owner = site.browser("una")
    owner.get(page)
    assert (owner.post(page, case=code, reason="Because").status_code, version_of(site)) == (400, {1})


def test_without_a_reason_or_a_choice_nothing_is_moved_and_what_was_typed_stays(site):
    code = site.start()
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    owner = site.browser("una")
    owner.get(page)
    for fields, said in (({"case": code}, "Give a reason"), ({"reason": "Because"}, "Choose at least one")):
        refused = owner.post(page, key=key(), **fields)
        assert (refused.status_code, version_of(site)) == (422, {1})
        assert said in text(refused)
        assert "Error: Running" in text(refused)
    assert "Because</textarea>" in refused.text


def test_the_place_of_a_step_that_is_gone_is_asked_for(site):
    code = site.start()
    files = read_folder(MINI)
    diagram = re.sub(r'(id|sourceRef|targetRef|bpmnElement)="check"', r'\1="examine"', files[DIAGRAM])
    diagram = diagram.replace(">check<", ">examine<")
    row = site.service.deployments.deploy(None, {**files, DIAGRAM: diagram}, "renamed")
    page = f"/processes/{row.hash}/running-cases"
    owner = site.browser("una")
    first = owner.get(page)
    assert "Cannot move: “Check the application” is waiting, and the new version has no such step here." in text(first)
    assert "What takes the place of “Check the application”?" in text(first)
    assert '<option value="examine"' in first.text
    second = owner.get(f"{page}?rename-application:check=examine")
    assert "Cannot be moved" not in text(second)
    sent = {"case": code, "reason": "New words", "rename-application:check": "examine", "key": key()}
    assert owner.post(page, **sent).status_code == 200
    assert version_of(site) == {2}
    assert site.tasks("ann")["examine"].element_id == "examine"
    with_form = site.browser("ann").get(f"/tasks/{site.tasks('ann')['examine'].id}")
    assert with_form.status_code == 200


def test_only_process_owners_may_look_and_move(site):
    code = site.start()
    page = deploy(site, "months_after(received_on, 1)", "months_after(received_on, 2)")
    for name in ("ann", "aud"):
        browser = site.browser(name)
        browser.get("/tasks")
        assert browser.get(page).status_code == 403
        assert browser.post(page, case=code, reason="Mine", key=key()).status_code in {400, 403}
    assert version_of(site) == {1}
    assert site.browser("una").get("/processes/none/running-cases").status_code == 404
