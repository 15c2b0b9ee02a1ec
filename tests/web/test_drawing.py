"""Diagrams in Chromium: what the editor saves, what the panel changes, what the slider shows.

A test fails on a script error and on anything the content security policy stopped.
"""

import json
import os
import re
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert
from werkzeug.serving import make_server

from pages_site import a_site, close
from service.core import diagram_reading
from service.core.diagram_differences import diagram_sentences
from service.runtime.bundles import read_folder
from service.store import people
from service.store.tables import draft
from service.store.transaction import transaction
from tree import ROOT, SERVICE

pytestmark = pytest.mark.browser

AXE = SERVICE / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PATH = "processes/application.bpmn"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture
def site(sqlite_url, tmp_path, clock):
    site = a_site(sqlite_url, tmp_path / "var", clock)
    yield site
    close(site)


@pytest.fixture
def address(site):
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def window(browser, site, address):
    """Open a page of one person: ``window("una", "/processes", width=320)``."""
    problems, contexts = [], []

    def opened(name, path, **size):
        contexts.append(browser.new_context(base_url=address, viewport={"width": 1280, "height": 900, **size}))
        cookie = site.browser(name).client.get_cookie("signed_in")
        contexts[-1].add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
        page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def new_draft(site):
    """Put a draft with some files into the store and return its address."""

    def made(files):
        with transaction(site.service.store) as db:
            row = {"id": f"d{len(files)}", "name": "Draft", "based_on": people.current_definition(db).hash}
            changed = {"version": 1, "updated_by": "una", "updated_at": site.clock()}
            db.execute(insert(draft).values(files=json.dumps(files), **row, **changed))
        return f"/drafts/{row['id']}"

    return made


@pytest.fixture
def small(new_draft):
    return new_draft(read_folder(Path(__file__).parents[1] / "data" / "mini"))


def saved(site, address, path=PATH):
    with site.service.read() as db:
        return people.draft_by_id(db, address.rsplit("/", 1)[-1]).files[path]


def editor(window, address, process="application"):
    page = window("una", f"{address}/{process}")
    ready(page)
    return page


def ready(page):
    page.locator(".djs-element").first.wait_for()
    page.locator("[data-diagram-buttons] button").first.wait_for()


def save(page):
    page.get_by_role("button", name="Save draft").click()
    page.get_by_text(re.compile("^Saved ")).wait_for()


def choose(page, name):
    """Choose an element by the list below the diagram, as somebody without a mouse does."""
    page.get_by_text("All elements of this diagram").click()
    page.locator("[data-outline]").get_by_role("button", name=name, exact=True).click()


def axe(page):
    page.evaluate(AXE.read_text() + ";0")  # goes through the debugger, which a strict policy does not stop
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", WCAG)
    return [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in found["violations"]]


def overflow(page):
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_opening_and_saving_a_diagram_loses_nothing(site, window, new_draft):
    """Every diagram of this repository, unchanged by a person, says the same after the editor wrote it."""
    files = read_folder(ROOT)
    address = new_draft(files)
    page = window("una", address)
    for path in [path for path in files if path.endswith(".bpmn")]:
        page.goto(f"{address}/{Path(path).stem}")
        ready(page)
        save(page)
        before, after = files[path], saved(site, address, path)
        assert list(diagram_sentences(diagram_reading.read(before), diagram_reading.read(after), {})) == [], path
        assert diagram_reading.same_but_for_the_drawing(before, after), path


def test_the_panel_changes_exactly_what_was_typed(site, window, small):
    page = editor(window, small)
    before = saved(site, small)
    choose(page, "Decision is late")
    page.get_by_label("Remind", exact=True).fill("10")
    choose_again = page.locator("[data-outline]").get_by_role("button", name="Check the application", exact=True)
    choose_again.click()
    page.get_by_label("Responsible role").select_option(label="Tree officer")
    page.get_by_label("Guidance").fill("Read it.\n\nThen say so.")
    save(page)
    said = list(diagram_sentences(diagram_reading.read(before), diagram_reading.read(saved(site, small)), {}))
    assert said == [
        ("check", "The guidance of “Check the application” is reworded."),
        ("check", "The responsible role of “Check the application” is now officer; there was none."),
        ("decision_clock", "The reminder of “Decision is late” changes from 7 and 1 days before to 10 days before."),
    ]  # fmt: skip


def test_a_finding_leads_to_its_element(window, small):
    page = editor(window, small)
    choose(page, "Check the application")
    page.get_by_label("Due", exact=True).fill("no_such_name + 1")
    page.get_by_role("button", name="Check", exact=True).click()
    finding = page.locator("[data-findings]").get_by_role("button", name="check", exact=True).first
    finding.wait_for()
    page.locator("[data-outline]").get_by_role("button", name="Decide the application", exact=True).click()
    finding.click()
    assert page.get_by_label("Due", exact=True).input_value() == "no_such_name + 1"


def test_a_conflict_takes_nothing_from_the_screen(site, window, small):
    page, other = editor(window, small), editor(window, small)
    save(other)
    choose(page, "Check the application")
    page.get_by_label("Who asked").fill("Somebody else")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_text("saved this draft meanwhile").wait_for()
    assert page.get_by_role("link", name="Download your diagram as a file").is_visible()
    assert page.get_by_label("Who asked").input_value() == "Somebody else"
    assert "Somebody else" not in saved(site, small)


def test_a_diagram_the_editor_would_damage_is_only_shown(window, new_draft):
    files = read_folder(Path(__file__).parents[1] / "data" / "mini")
    unknown = files[PATH].replace("<bpmn:userTask ", '<bpmn:userTask dc:unknown="x" ', 1)
    address = new_draft(files | {PATH: unknown.replace('targetRef="decide"', 'targetRef="gone"')})
    page = window("una", f"{address}/application")
    page.get_by_text("can only be looked at here").wait_for()
    assert page.get_by_role("button", name="Save draft").is_disabled()


@pytest.mark.parametrize("width", [1280, 320])
def test_the_editor_is_accessible(window, small, width):
    page = window("una", f"{small}/application", width=width)
    page.locator("[data-diagram-buttons] button").first.wait_for()
    choose(page, "Decision is late")
    assert axe(page) == []
    assert overflow(page) <= 0


@pytest.fixture
def late_case(site, clock):
    code = site.start()
    clock.to("2013-05-30T09:00")
    site.complete("ann", "check", complete="yes", notes="All there.")
    clock.to("2013-07-11T15:00")
    site.service.sweeper.sweep()
    return code


def marked(page, marker):
    return sorted(set(page.locator(f".djs-shape.{marker}").evaluate_all("all => all.map(e => e.dataset.elementId)")))


def replay(window, code, **size):
    page = window("aud", f"/cases/{code}/history", **size)
    page.locator(".djs-shape.current").first.wait_for()
    return page


def test_the_slider_moves_diagram_list_and_sentence_together(window, late_case):
    page = replay(window, late_case)
    slider = page.get_by_role("slider", name="Step")
    slider.press("Home")
    page.get_by_text("Step 1 of 3: Application received").wait_for()
    assert marked(page, "current") == ["check"]
    slider.press("ArrowRight")
    page.get_by_text("Waiting: Decide the application.").wait_for()
    assert marked(page, "current") == ["decide"]
    page.get_by_role("link", name="Last").click()
    page.get_by_text("Overdue: Decide the application").wait_for()
    assert marked(page, "overdue") == ["decide", "late_reason"]
    assert page.locator("[aria-current=step]").get_attribute("data-step") == "3"
    assert page.url.endswith("#step=3")


def test_a_link_to_a_step_opens_there(window, late_case):
    page = window("aud", f"/cases/{late_case}/history#step=2")
    page.get_by_text("Step 2 of 3: Check the application").wait_for()
    assert page.locator("[aria-current=step]").get_attribute("data-step") == "2"


def test_the_token_runs_along_what_was_taken_and_not_for_those_who_want_no_motion(window, late_case):
    page = replay(window, late_case)
    page.get_by_role("link", name="First").click()
    page.get_by_role("link", name="Next").click()
    page.locator(".app-token").wait_for()
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("link", name="First").click()
    page.get_by_role("link", name="Next").click()
    page.get_by_text("Waiting: Decide the application.").wait_for()
    assert page.locator(".app-token").count() == 0


@pytest.mark.parametrize("width", [1280, 320])
def test_the_history_is_accessible(window, late_case, width):
    page = replay(window, late_case, width=width)
    assert axe(page) == []
    assert overflow(page) <= 0


def test_the_mark_of_the_drawing_library_is_never_covered(window, late_case, small):
    for page in (replay(window, late_case), editor(window, small)):
        mark = page.locator(".bjs-powered-by")
        assert mark.is_visible()
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        on_top = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.bjs-powered-by'))"
        assert page.evaluate(on_top, middle)
