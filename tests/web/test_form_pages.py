"""Forms as pages: every question is a labelled component, errors lead to it, and nothing typed is ever lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import html5lib
import pytest
from flask import Flask, render_template_string, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader, StrictUndefined
from lxml import etree
from werkzeug.datastructures import MultiDict

from service.core.errors import FormRefused, Problem
from service.core.forms import submit
from service.web import formdata, formlayout
from tree import ROOT

GARDEN = json.loads((Path(__file__).parents[1] / "core" / "data" / "garden_visit.json").read_text())
CLUBS = {"clubs": [{"id": "north", "name": "Northern Club"}, {"id": "south", "name": "Southern <b>Club"}]}
NOON = datetime(2013, 6, 29, 12, 0, tzinfo=UTC)
KNOWN = {"visit_from": datetime(2013, 1, 1, tzinfo=UTC)}
GOOD = {
    "reference": "AB1234", "planted_on-day": "29", "planted_on-month": "5", "planted_on-year": "2013", "state": "good",
    "agreed": "true", "trees-rows": "1", "trees-0-name": "Oak",
}  # fmt: skip
PAGE = """<!DOCTYPE html><html lang="en"><head><title>A form</title></head><body>
{% from "forms/fields.html" import render_form, error_list %}
{{ error_list(errors, form, typed) }}<form method="post">{{ render_form(form, typed, errors, lists) }}</form>
</body></html>"""


@pytest.fixture(scope="module")
def app():
    app = Flask(__name__)
    library = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    app.jinja_loader = ChoiceLoader([FileSystemLoader(ROOT / "service" / "templates"), library])
    formlayout.register(app)

    @app.post("/")
    def post():
        reading = formdata.read(GARDEN, request.form)
        errors: tuple[Problem, ...] = reading.appeared
        if reading.action == "save" and not errors:
            try:
                submit(GARDEN, reading.raw, at=NOON, variables=KNOWN, directories=CLUBS)
            except FormRefused as refusal:
                errors = refusal.problems
            else:
                return "saved"
        return page(reading.typed, errors), 422 if errors else 200

    return app


def page(typed, errors=(), form=GARDEN) -> str:
    return render_template_string(PAGE, form=form, typed=typed, errors=errors, lists=CLUBS)


def parsed(html: str) -> etree._Element:
    """Read the page as a browser does, refusing what HTML does not allow, and check what every page must keep."""
    root = html5lib.HTMLParser(html5lib.getTreeBuilder("lxml"), strict=True, namespaceHTMLElements=False).parse(html)
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
    for field in root.xpath("//input[not(@type='hidden')] | //select | //textarea"):
        assert root.xpath(f"//label[@for='{field.get('id')}']"), field.get("name")
    for told in " ".join(root.xpath("//@aria-describedby")).split():
        assert told in ids, told
    for group in root.xpath("//fieldset"):
        assert "".join(group.xpath("./legend//text()")).strip()
    for link in root.xpath("//a/@href"):
        assert link.removeprefix("#") in ids, link
    return root


@pytest.fixture
def show(app):
    with app.test_request_context():
        yield lambda *given, **more: parsed(page(*given, **more))


@pytest.fixture
def post(app):
    def send(data, **fields):
        answer = app.test_client().post("/", data=MultiDict({**data, **fields}))
        return answer.status_code, answer.text

    return send


def sent_back(root) -> MultiDict[str, str]:
    """Collect what a browser would send if the page were posted again unchanged, without any button."""
    found: MultiDict[str, str] = MultiDict()
    for field in root.xpath("//input | //textarea | //select"):
        if field.tag == "select":
            found.add(field.get("name"), (field.xpath("./option[@selected]/@value") or [""])[0])
        elif field.tag == "textarea":
            found.add(field.get("name"), field.text or "")
        elif field.get("type") not in ("radio", "checkbox") or field.get("checked") is not None:
            found.add(field.get("name"), field.get("value"))
    return found


def text(root, path) -> str:
    return " ".join("".join(root.xpath(path)[0].itertext()).split())


def names(root) -> set[str]:
    return set(root.xpath("//form//*[self::input[not(@type='hidden')] or self::textarea or self::select]/@name"))


def test_every_kind_of_question_is_a_labelled_component(show):
    root = show({})
    assert names(root) == {
        "reference", "planted_on-day", "planted_on-month", "planted_on-year", "seen_at-day", "seen_at-month",
        "seen_at-year", "seen_at-time", "beds", "state", "helper", "tools", "trees-0-name", "trees-0-height",
        "trees-0-ill", "agreed", "photographs",
    }  # fmt: skip
    assert text(root, "//label[@for='reference']") == "Visit reference"
    assert text(root, "//label[@for='beds']") == "Number of beds (optional)"
    assert text(root, "//*[@id='reference-hint']") == "Two letters and four digits"
    assert text(root, "//*[@id='planted_on-hint']") == "For example, 27 3 2013"
    assert text(root, "//label[@for='agreed']") == "The gardener agrees"
    assert root.xpath("//select[@id='helper']/option/text()") == ["Choose one", "Northern Club", "Southern <b>Club"]
    assert text(root, "//h2[@class='govuk-heading-m']") == "Before you begin"
    assert root.xpath("//form//li/text()") == ["a pencil", "a ruler"]


def test_a_choice_is_a_group_with_a_legend(show):
    root = show({})
    for name, legend in (("state", "What state are they in?"), ("tools", "Tools needed (optional)")):
        assert text(root, f"//input[@id='{name}']/ancestor::fieldset[1]/legend") == legend


def test_enter_saves_although_rows_have_buttons(show):
    buttons = show({"trees": [{}, {}]}).xpath("//button")
    assert (buttons[0].get("name"), buttons[0].get("value")) == ("_action", "save")
    assert buttons[0].get("tabindex") == "-1"
    assert [b.get("value") for b in buttons[1:]] == ["remove:trees:0", "remove:trees:1", "add:trees", "refresh"]
    assert all(b.get("formnovalidate") is not None for b in buttons[1:])
    assert text(buttons[2], ".") == "Remove tree 2"


def test_good_answers_are_saved(post):
    assert post(GOOD) == (200, "saved")


def test_wrong_answers_come_back_with_errors_that_lead_to_the_questions(post):
    wrong = {
        "reference": "wrong", "planted_on-day": "31", "planted_on-month": "2", "planted_on-year": "2026",
        "beds": "many", "trees-rows": "2", "trees-0-height": "3", "trees-1-name": "Oak", "helper": "north",
        "tools": "rake",
    }  # fmt: skip
    status, html = post(wrong)
    root = parsed(html)
    assert status == 422
    assert [(a.get("href"), a.text) for a in root.xpath("//a")] == [
        ("#reference", "Visit reference must be two letters and four digits"),
        ("#planted_on-day", "Date of planting must be a real date, like 27 3 2013"),
        ("#beds", "Number of beds must be a whole number, like 15"),
        ("#state", "Select an answer to “What state are they in?”"),
        ("#trees-0-name", "Enter the kind of tree (tree 1)"),
        ("#agreed", "Tick “The gardener agrees” to continue"),
    ]
    assert "Enter the kind of tree (tree 1)" in text(root, "//*[@id='trees-0-name-error']")
    assert "must be a real date" in text(root, "//*[@id='planted_on-error']")
    assert wrong.items() <= sent_back(root).to_dict().items()


@pytest.mark.parametrize(
    "typed",
    [
        {"planted_on-day": "31", "planted_on-month": "Febtober", "planted_on-year": "20x6"},
        {"planted_on-day": "1-2", "planted_on-month": "T", "planted_on-year": "T"},
        {"planted_on-day": "２９", "seen_at-time": "half past nine"},
        {"reference": '"><script>alert(1)</script>', "beds": "&amp; <b>"},
        {"trees-0-illness": "kept although it is not shown", "trees-rows": "1"},
        {"state": "good", "work": "kept although it is not shown"},
        {"state": "poor", "work": "a\n  b\n\tc"},
    ],
)
def test_nothing_typed_is_lost(post, typed):
    status, html = post(typed)
    assert status == 422
    assert typed.items() <= sent_back(parsed(html)).to_dict().items()
    status, html = post(sent_back(parsed(html)))
    assert typed.items() <= sent_back(parsed(html)).to_dict().items()


def test_rows_are_added_and_removed_without_losing_the_others(post):
    rows = {"trees-rows": "2", "trees-0-name": "Oak", "trees-1-name": "Ash", "trees-1-ill": "yes", "reference": "wrong"}
    status, html = post(rows, _action="add:trees")
    assert status == 200
    root = parsed(html)
    assert [f.get("value") or "" for f in root.xpath("//input[contains(@name, '-name')]")] == ["Oak", "Ash", ""]
    assert sent_back(root)["reference"] == "wrong"
    _, html = post(sent_back(root), _action="remove:trees:0")
    again = sent_back(parsed(html))
    assert (again["trees-rows"], again["trees-0-name"], again["trees-0-ill"]) == ("2", "Ash", "yes")


def test_all_rows_may_be_removed(post):
    _, html = post({"trees-rows": "1", "trees-0-name": "Oak"}, _action="remove:trees:0")
    assert sent_back(parsed(html))["trees-rows"] == "0"
    assert "trees-0-name" not in html


@pytest.mark.parametrize(
    "action",
    [
        "add:nothing",
        "add:state",
        "remove:trees:99",
        "remove:trees",
        "add:trees-9-x",
        "add:",
        "drop tables",
        "add:trees-0",
    ],
)
def test_a_button_that_does_not_exist_saves_nothing(post, action):
    status, html = post(GOOD, _action=action)
    assert status == 200
    assert GOOD.items() <= sent_back(parsed(html)).to_dict().items()


def test_a_question_appears_when_its_condition_holds(post):
    _, html = post({"state": "poor"}, _action="refresh")
    root = parsed(html)
    assert "work" in names(root)
    assert "There is a problem" not in html
    _, html = post({**sent_back(root), "state": "good", "work": "Dig"}, _action="refresh")
    root = parsed(html)
    assert "work" not in names(root)
    assert sent_back(root)["work"] == "Dig"


def test_a_condition_inside_a_row_looks_at_that_row(post):
    data = {"trees-rows": "2", "trees-0-name": "Oak", "trees-1-name": "Ash", "trees-1-ill": "yes"}
    root = parsed(post(data, _action="refresh")[1])
    assert {name for name in names(root) if "illness" in name} == {"trees-1-illness"}


def test_an_answer_that_is_not_shown_is_not_judged(post):
    assert post(GOOD, work="This was typed before the state was changed", spade_size="big") == (200, "saved")


def test_saving_brings_back_a_required_question_that_has_just_appeared(post, show):
    asked = sent_back(show({}))["_asked"]
    status, html = post(GOOD, state="poor", _asked=asked)
    root = parsed(html)
    assert status == 422
    assert [(a.get("href"), a.text) for a in root.xpath("//a")] == [("#work", "Enter the work to be done")]
    status, html = post(GOOD, state="poor", work="Dig it all over", _asked=f"{asked} work")
    assert (status, html) == (200, "saved")


def test_saving_shows_an_optional_question_that_has_just_appeared(post, show):
    asked = sent_back(show({}))["_asked"]
    status, html = post(GOOD, tools="spade", _asked=asked)
    root = parsed(html)
    assert status == 422
    assert [a.get("href") for a in root.xpath("//a")] == ["#spade_size"]
    assert post(sent_back(root)) == (200, "saved")


@pytest.mark.parametrize(
    ("month", "time", "instant"),
    [
        ("5", "14:30", "2013-05-09T14:30"),
        ("May", "2.30pm", "2013-05-09T14:30"),
        ("sept", "1430", "2013-09-09T14:30"),
        ("12", "9am", "2013-12-09T09:00"),
        ("12", "12am", "2013-12-09T00:00"),
        ("12", "12:15 PM", "2013-12-09T12:15"),
        ("12", "midday", "2013-12-09T12:00"),
        ("12", "9", "2013-12-09T9"),
        ("ma", "13pm", "2013-ma-09T13pm"),
    ],
)
def test_dates_and_times_are_read_as_people_write_them(month, time, instant):
    sent = {"seen_at-day": " 9 ", "seen_at-month": month, "seen_at-year": "2013", "seen_at-time": time}
    assert formdata.read(GARDEN, MultiDict(sent)).raw["seen_at"] == instant


def test_an_error_summary_leads_nowhere_for_what_is_not_on_the_page(app):
    with app.test_request_context():
        problems = (Problem("work", "About work"), Problem("nothing", "About nothing"), Problem("", "All of it"))
        assert formlayout.error_links(problems, GARDEN, {}) == [
            {"text": "About work"}, {"text": "About nothing"}, {"text": "All of it"},
        ]  # fmt: skip
        assert formlayout.error_links({"work": "About work", "trees": "About trees"}, GARDEN) == [
            {"text": "About work", "href": "#work"}, {"text": "About trees", "href": "#trees-add"},
        ]  # fmt: skip


def test_an_error_of_a_list_stands_at_the_list(show):
    root = show({"trees": []}, (Problem("trees", "Add a tree"),))
    assert "Add a tree" in text(root, "//*[@id='trees-error']")
    assert root.xpath("//a/@href") == ["#trees-add"]


def test_rows_stop_at_a_limit(post):
    status, html = post(GOOD, **{"trees-rows": "9999"})
    assert status == 422
    assert '<a href="#trees-add">Trees may have 200 entries at most</a>' in html
    assert 'name="trees-rows" value="201"' in html


def test_words_of_a_form_are_text_and_never_markup(show):
    bold = "<b>100%</b> {{ 7 }}"
    inner = {"type": "textarea", "key": "a", "label": bold, "description": bold, "validate": {"maxLength": 9}}
    rows = {"type": "dynamiclist", "path": "x", "label": bold, "components": [inner]}
    root = show({}, (Problem("x-0-a", bold),), {"components": [{"type": "text", "text": f"# {bold}"}, rows]})
    assert root.xpath("//b") == []
    assert text(root, "//button[@id='x-add']") == f"Add another: {bold}"
    assert text(root, "//button[@value='remove:x:0']") == f"Remove {bold} 1"
    assert text(root, "//h2[@class='govuk-heading-m']") == bold


def test_templates_use_nothing_that_is_not_there(app):
    with app.test_request_context():
        strict = app.jinja_env.overlay(undefined=StrictUndefined)
        strict.get_template("forms/fields.html")


FIELDS = [*GOOD, "work", "tools", "seen_at-time", "trees-9-name", "trees-1-ill", "_action", "_asked", "spade_size", "x"]
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8) | st.sampled_from(
    ["poor", "spade", "true", "yes", "add:trees", "remove:trees:0", "save", "state work", "³", "99999"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=12))
def test_whatever_is_posted_gives_a_page(app, data):
    answer = app.test_client().post("/", data=MultiDict([*GOOD.items(), *data]))
    assert answer.status_code in (200, 422)
    assert answer.text == "saved" or parsed(answer.text) is not None
