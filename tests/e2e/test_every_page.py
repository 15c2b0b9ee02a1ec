"""Every page, seen by those it is for: axe-core finds nothing, and at 320 pixels nothing has to be pushed sideways."""

import re
from urllib.parse import urlsplit

import pytest

from e2e.conftest import axe, overflows
from e2e.filling import press

PEOPLE = {
    "nobody": None,
    "coordinator": "Coordinator",
    "chair": "SSP Chair",
    "agency": "Police force staff",
    "owner": "Process owner",
    "auditor": "Auditor",
}
BEGIN = {
    "nobody": ["/", "/sign-in", "/tasks", "/nothing-here"],
    "coordinator": [
        "/tasks?list=mine",
        "/tasks?list=groups",
        "/tasks?list=done",
        "/cases",
        "/cases/start",
        "/practice/date",
    ],
    "chair": ["/tasks?list=groups", "/cases"],
    "agency": ["/tasks?list=groups", "/cases"],
    "owner": ["/processes"],
    "auditor": ["/history", "/cases"],
}
KINDS = (
    (r"^/tasks/[^/]+$", 4),
    (r"^/cases/start/[^/]+$", 3),
    (r"^/cases/[^/]+$", 2),
    (r"^/cases/[^/]+/(history|tell/[^/]+|records/[^/]+)$", 3),
    (r"^/cases/[^/]+/(departures|registers)/[^/.]+$", 2),
    (r"^/processes/[^/]+$", 1),
    (r"^/processes/[^/]+/[^/.]+$", 2),
    (r"^/drafts/[^/]+(/[^.]+)?$", 4),
)


def worth_a_visit(links, seen):
    """Choose from the links of a page a few of each kind that nobody has looked at yet."""
    for link in links:
        address = urlsplit(link)
        path = address.path
        for kind, most in KINDS:
            if re.match(kind, path) and path not in seen and sum(bool(re.match(kind, p)) for p in seen) < most:
                seen.add(path)
                yield f"{path}?{address.query}" if address.query else path  # which of several it is about


@pytest.mark.parametrize("who", list(BEGIN))
@pytest.mark.timeout(600)
def test_every_page_is_fit_to_read(server, open_browser, who):
    page = open_browser()
    if PEOPLE[who]:
        page.goto("/sign-in")
        press(page, page.get_by_role("button", name=f"Sign in as {PEOPLE[who]}", exact=True))
    if who == "owner":
        page.goto("/processes")
        press(page, page.get_by_role("button", name=re.compile("draft", re.IGNORECASE)).first)
        BEGIN["owner"].append(urlsplit(page.url).path)
    queue, seen, wrong = list(BEGIN[who]), set(), []
    while queue:
        path = queue.pop(0)
        page.set_viewport_size({"width": 1280, "height": 900})
        answered = page.goto(path).status
        assert answered == (404 if path == "/nothing-here" else 200), f"{path} was answered with {answered}"
        wrong += [f"{path}: {found}" for found in axe(page)]
        queue += worth_a_visit(page.eval_on_selector_all("main a[href]", "links => links.map(a => a.href)"), seen)
        page.set_viewport_size({"width": 320, "height": 640})
        if over := overflows(page):
            wrong.append(f"{path}: {over} pixels too wide at 320")
    assert wrong == []
    assert len(seen) + len(BEGIN[who]) >= 4
