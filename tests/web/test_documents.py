"""Documents on pages: listed for those who may take them, shown as pages, given as files, and nobody else's."""

import io
import shutil
import zipfile

import pytest

from conftest import SteppedClock
from documented import ALL, files
from web.conftest import close, open_site


@pytest.fixture(scope="module")
def site(inhabited, tmp_path_factory):
    """A site on a version with documents: nothing here changes the one case, so it is made once."""
    folder = tmp_path_factory.mktemp("documents")
    shutil.copy(inhabited, folder / "cases.db")
    site = open_site(f"sqlite:///{folder / 'cases.db'}", folder, SteppedClock())
    yield site
    close(site)


@pytest.fixture(scope="module")
def late(site):
    """A case whose decision came late; its address."""
    site.service.deployments.deploy(None, files(*ALL), "With documents")
    site.checked()
    site.clock.to("2013-07-01T09:00")
    site.service.sweeper.sweep()
    officer = site.visit("officer")
    for name, answers in (
        ("Say why the decision is late", {"reason": "=1+1 <b>Short</b>"}),
        ("Decide the application", {"decision": "grant", "reasons": "Unsafe."}),
    ):
        task = officer.get("/tasks?list=groups").link(name)
        officer.send(officer.get(task), task, **answers)
    return officer.get("/cases").link("TREE-2013-001")


def listed(page):
    return [a.get("href") for a in page.all("a") if "/documents/" in (a.get("href") or "")]


class TestOfACase:
    def test_are_listed_for_the_roles_that_may_take_them(self, site, late):
        officers, clerks = (listed(site.visit(role).get(late)) for role in ("officer", "clerk"))
        assert f"{late}/documents/papers" in officers
        assert f"{late}/documents/papers/zip" in officers
        assert clerks == [f"{late}/documents/statement", f"{late}/documents/statement/pdf"]
        assert listed(site.visit("auditor").get(late)) == []

    def test_are_pages_that_show_what_people_wrote_as_text(self, site, late):
        page = site.visit("officer").get(f"{late}/documents/statement")
        assert page.heading == "Statement"
        assert "=1+1 <b>Short</b>" in page.text
        assert "Decided on 1 July 2013, 2 days later." in page.text

    def test_say_how_many_records_are_left_out(self, site, late):
        page = site.visit("clerk").get(f"{late}/documents/statement")
        assert "1 record is not shown to you." in page.text
        assert "Short" not in page.text

    @pytest.mark.parametrize(
        ("form", "kind", "begins"), [("pdf", "application/pdf", b"%PDF"), ("html", "text/html", b"<!DOCTYPE html>")]
    )
    def test_are_files_with_a_name(self, site, late, form, kind, begins):
        answer = site.visit("officer").client.get(f"{late}/documents/statement/{form}")
        code = late.rsplit("/", 1)[-1]
        assert answer.data.startswith(begins)
        assert answer.mimetype == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{code}-statement.{form}"'
        assert answer.headers["Cache-Control"] == "no-store"

    def test_give_each_table_to_a_spreadsheet_without_formulas(self, site, late):
        officer = site.visit("officer")
        page = officer.get(f"{late}/documents/statement")
        answer = officer.client.get(page.link("“Reasons” as a table for a spreadsheet"))
        assert "'=1+1 <b>Short</b>,4" in answer.data.decode("utf-8-sig")
        assert officer.client.get(f"{late}/documents/statement/csv?table=9").status_code == 404
        assert officer.client.get(f"{late}/documents/statement/csv?table=x").status_code == 404

    def test_come_as_one_package(self, site, late):
        answer = site.visit("officer").client.get(f"{late}/documents/papers/zip")
        assert zipfile.ZipFile(io.BytesIO(answer.data)).namelist()[-1] == "manifest.json"

    @pytest.mark.parametrize(
        ("role", "path", "status"),
        [
            ("auditor", "statement", 403), ("auditor", "statement/pdf", 403), ("clerk", "papers", 403),
            ("officer", "nothing", 404), ("officer", "statement/zip", 404), ("officer", "statement/exe", 404),
            ("officer", "figures", 404), (None, "statement", 303),
        ],
    )  # fmt: skip
    def test_nobody_else_gets_them(self, site, late, role, path, status):
        assert site.visit(role).client.get(f"{late}/documents/{path}").status_code == status

    def test_of_cases_one_may_not_know_of_are_not_found(self, site, late):
        strange = late.replace("-001", "-999")
        assert site.visit("officer").client.get(f"{strange}/documents/statement").status_code == 404

    def test_that_are_not_ready_say_why(self, site):
        site.started()
        new = next(a.get("href") for a in site.visit("officer").get("/cases").all("a") if "-002" in a.get("href"))
        page = site.visit("officer").get(f"{new}/documents/papers", status=409)
        assert "Nothing was decided yet." in page.text


@pytest.mark.usefixtures("late")
class TestReturns:
    def test_are_chosen_by_year_and_shown(self, site):
        clerk = site.visit("clerk")
        chosen = clerk.get(clerk.get("/tasks").link("Returns"))
        assert [e.text for e in chosen.all("option")] == ["2013"]
        page = clerk.get("/returns/figures?year=2013")
        assert page.heading == "Figures for 2013"
        assert [a.get("href") for a in page.all("a") if a.get("aria-current") == "true"] == ["/returns"]
        assert "Granted1" in page.text
        assert b"TREE-2013-001,Grant it,33\r\n" in clerk.client.get("/returns/figures/csv?year=2013&table=2").data

    def test_are_for_their_roles_alone(self, site):
        officer = site.visit("officer")
        assert "Returns" not in [" ".join("".join(a.itertext()).split()) for a in officer.get("/tasks").all("a")]
        for path in ("/returns", "/returns/figures", "/returns/figures/csv"):
            assert officer.client.get(path).status_code == 403

    @pytest.mark.parametrize("year", ["0", "20133", "-1", "x", "²"])
    def test_strange_years_are_not_found(self, site, year):
        assert site.visit("clerk").client.get(f"/returns/figures?year={year}").status_code == 404
