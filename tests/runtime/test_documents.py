"""Documents read from a database for one person: who may take what, the same bytes, PDF without files or network."""

import io
import json
import re
import subprocess
import sys
import zipfile
import zlib

import pytest
import typst

from documented import a_document, a_table, a_text, files
from service import cli
from service.core.access import Actor
from service.core.documents.as_text import text_of
from service.core.errors import NotAllowed
from service.core.values import sha256
from service.runtime import documents, packing, typesetting
from service.runtime.documents import Source
from service.runtime.typesetting_room import TEMPLATE
from service.store import queries
from story import APPLICATION, COMPLETE, GRANT, key

PLACES = ("heading", "paragraph", "cell", "column", "title")
MARKUP = '#read("/etc/passwd") #import "@preview/cetz:0.3.1" *b* _i_ $x$ = H\n= H\n- l \\ [x] <l> @r // c /* d {e} `f`'


@pytest.fixture
def case(service, who, clock):
    """A case whose decision came three days late, on a version with documents."""
    service.deployments.deploy(None, files(), "With documents")
    done = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    checked = service.handler.complete(who("ann"), done.opened[0], COMPLETE, key())
    clock.to("2013-07-01T09:00")
    service.handler.fire_timers(checked.instance_id)
    for name, element, answers in (("ben", "late_reason", {"reason": MARKUP[:90]}), ("ben", "decide", GRANT)):
        with service.read() as db:
            task = next(t for t in queries.case_tasks(db, who(name), done.instance_id) if t.element_id == element)
        service.handler.complete(who(name), task.id, answers, key())
    with service.read() as db:
        return queries.case(db, who("ann"), done.code)


def take(service, actor: Actor, case, document="statement"):
    with service.read() as db:
        return Source(db, service.definitions, actor).package(case, document)


class TestWhoTakesWhat:
    def test_records_are_those_the_person_may_read(self, service, who, case):
        _, (officers,) = take(service, who("ben"), case)
        _, (clerks,) = take(service, who("ann"), case)
        assert MARKUP[:20] in text_of(officers)
        assert MARKUP[:20] not in text_of(clerks)
        assert "1 record is not shown to you." in text_of(clerks)

    def test_other_roles_are_refused(self, service, who, case):
        for name in ("aud", "una", "opa"):
            with pytest.raises(NotAllowed):
                take(service, who(name), case)

    def test_what_may_not_be_read_does_not_leave_the_store(self, service, who, case):
        facts, _ = take(service, who("ann"), case)
        assert [r.answers for r in facts.records if not r.readable] == [{}, {}]
        assert "decision" in facts.closed
        assert "work" not in facts.closed

    def test_returns_are_over_cases_of_ones_own_partnership(self, service, who, case):
        definition = service.definitions.get(case.definition_hash)
        strangers = Actor("x", "X", "", tuple(m.__class__("clerk", None, "q") for m in who("ann").memberships))
        only_one = Actor("x", "X", "", tuple(m.__class__("clerk", None, "p", "other") for m in who("ann").memberships))
        with service.read() as db:
            found = {
                name: text_of(Source(db, service.definitions, actor).annual(definition, "figures", 2013, service.now()))
                for name, actor in (("ann", who("ann")), ("stranger", strangers))
            }
            with pytest.raises(NotAllowed):
                Source(db, service.definitions, only_one).annual(definition, "figures", 2013, service.now())
        assert f"{case.code} | Grant it | 33 days" in found["ann"]
        assert "Granted | 1" in found["ann"]
        assert case.code not in found["stranger"]

    def test_the_log_says_who_and_what_and_nothing_of_it(self, service, who, case, caplog):
        caplog.set_level("INFO", "service.runtime.documents")
        take(service, who("ben"), case)
        (line,) = caplog.records
        assert (line.action, line.document, line.case, line.account) == ("document_made", "statement", case.code, "ben")
        assert MARKUP[:10] not in str(vars(line))


class TestPackage:
    @pytest.fixture
    def database_url(self, sqlite_url):
        return sqlite_url

    def test_the_manifest_proves_every_file_and_names_the_step(self, service, who, case):
        facts, found = take(service, who("ben"), case, "papers")
        made = documents.packed(facts, found)
        with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
            kept = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(kept.pop(packing.MANIFEST))
        assert {f["name"]: f["sha256"] for f in manifest["files"]} == {n: sha256(data) for n, data in kept.items()}
        assert (manifest["case"], manifest["step"], manifest["head_hash"]) == (case.code, facts.case.step, facts.head)
        assert re.fullmatch("[0-9a-f]{64}", facts.head)
        assert [n for n in kept if n.endswith(".pdf")] == ["00-papers.pdf", "01-statement.pdf"]
        assert {"02-answers.html", "02-answers-1.csv"} <= set(kept)

    def test_the_same_step_gives_the_same_bytes(self, service, who, case):
        first, second = (documents.packed(*take(service, who("ben"), case, "papers")) for _ in range(2))
        assert first == second

    def test_it_is_refused_to_whom_one_of_its_papers_is(self, service, who, case):
        with pytest.raises(NotAllowed):
            take(service, who("ann"), case, "papers")


class TestTheVerb:
    @pytest.fixture
    def database_url(self, sqlite_url):
        return sqlite_url

    @pytest.fixture
    def run(self, service, monkeypatch, capsys, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CASEWORK_DATABASE_URL", service.settings.url)
        monkeypatch.setenv("CASEWORK_DATA_FOLDER", str(service.settings.data_folder))
        monkeypatch.setenv("CASEWORK_SECRET_KEY", "s" * 40)

        def call(*words):
            monkeypatch.setattr("sys.argv", ["service", "document", *words])
            try:
                cli.main()
            except SystemExit as ended:
                return ended.code, capsys.readouterr().out
            return 0, capsys.readouterr().out

        return call

    def test_prints_or_writes_what_the_person_may_take(self, run, case, tmp_path):
        ben, ann = ("--by", "ben@example.invalid"), ("--by", "ann@example.invalid")
        assert "Granted" in run("statement", case.code, *ben)[1]
        assert "1 record is not shown to you." in run("statement", case.code, *ann)[1]
        for name, begins in (("a.pdf", b"%PDF"), ("a.html", b"<!DOCTYPE"), ("a.csv", b"\xef\xbb\xbfWhy is")):
            assert run("statement", case.code, name, *ben)[0] == 0
            assert (tmp_path / name).read_bytes().startswith(begins)
        assert run("papers", case.code, "a.zip", *ben)[0] == 0
        assert zipfile.is_zipfile(tmp_path / "a.zip")
        assert "Figures for 2013" in run("figures", "2013", *ann)[1]

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("statement", "NONE"), "There is no case NONE"), (("figures", "x"), "a year"),
            (("statement", "CODE", "a.doc"), "can be had as: html, pdf, csv"),
            (("papers", "CODE"), "not one that your role"),
        ],
    )  # fmt: skip
    def test_refuses_in_a_sentence(self, run, case, words, told):
        code, said = run(*(case.code if w == "CODE" else w for w in words), "--by", "ann@example.invalid")
        assert code == 2
        assert told in " ".join(said.split())


class TestPdf:
    def test_the_same_document_gives_the_same_bytes_tagged(self):
        document = a_document(a_text(MARKUP), a_table((MARKUP, 3), hidden=1), title=MARKUP, heading=MARKUP)
        first = typesetting.pdf_of(document)
        assert first == typesetting.pdf_of(document)
        assert b"/StructTreeRoot" in everything(first)
        assert b"pdfuaid:part" in everything(first)

    @pytest.mark.parametrize("place", PLACES)
    def test_what_people_wrote_is_shown_and_never_read_as_a_template(self, place):
        given = {name: MARKUP if name == place else "plain" for name in PLACES}
        document = a_document(
            a_text(given["paragraph"]), a_table((given["cell"], 3), columns=(given["column"], "B")),
            title=given["title"], heading=given["heading"],
        )  # fmt: skip
        sent = {"document": json.dumps({**typesetting.data_of(document), "lacking": ""})}
        asked = {"selector": "heading", "ignore_system_fonts": True, "sys_inputs": sent}
        (heading,) = json.loads(typst.query(TEMPLATE, **asked))
        assert heading["body"] == {"func": "text", "text": given["heading"]}
        for kind in ("strong", "emph", "math.equation", "list", "ref", "raw", "link", "image"):
            assert json.loads(typst.query(TEMPLATE, **asked | {"selector": kind})) == []

    def test_characters_no_typeface_has_are_told_and_do_not_fail(self):
        assert typesetting.pdf_of(a_document(a_text("日本"))).startswith(b"%PDF")

    def test_the_room_can_open_no_file_and_no_connection(self):
        told = subprocess.run(
            [sys.executable, "-c", ROOM], capture_output=True, text=True, timeout=60, check=True
        ).stdout.split()
        assert told == ["OSError", "OSError", "TypstError", "TypstError", "True"]

    def test_a_failing_room_is_a_sentence(self, monkeypatch):
        monkeypatch.setattr(typesetting, "ROOM", (sys.executable, "-c", "raise SystemExit(1)"))
        with pytest.raises(typesetting.NotTypeset, match="web page"):
            typesetting.pdf_of(a_document())
        monkeypatch.setattr(typesetting, "ROOM", ("/nothing/is/here",))
        with pytest.raises(typesetting.NotTypeset):
            typesetting.pdf_of(a_document())


ROOM = """
import socket, typst
from service.runtime import typesetting_room as room
compiler = room._ready()
room._give_up()
def tried(act):
    try:
        act()
    except Exception as failed:
        print("OSError" if isinstance(failed, OSError) else type(failed).__name__)
    else:
        print("done")
tried(lambda: open("/etc/hostname"))
tried(lambda: socket.create_connection(("127.0.0.1", 9)))
tried(lambda: compiler.compile(b'#read("/etc/hostname")'))
tried(lambda: compiler.compile(b'#import "@preview/cetz:0.3.1"'))
print(compiler.compile(b"Hello", format="pdf").startswith(b"%PDF"))
"""


def everything(pdf):
    """The PDF with its compressed parts opened."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return pdf + b"".join(opened(part) for part in parts)


def opened(part):
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""
