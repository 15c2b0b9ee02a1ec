"""The XML door against hostile files: each answered with file, line and a sentence, nothing read or fetched for it."""

import gzip
import io
import json
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from gate_models import diagram, file, table
from measured import SECONDS_AT_THE_GATE
from service.core.gate import check

ROOT = Path(__file__).parents[2]
PLAIN = diagram("start start", "task a", "end end", arrows="start>a a>end")
BODY = PLAIN.split("\n", 1)[1]
TABLE = table(["n"], ["out"], ("-", "1"))
SECRET = "TOPSECRETLINE"
"""Stands in the file that hostile entities point at; FILE and PORT below are put in by the test that runs them."""


def doctype(text, body=BODY):
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n{body}'


def named(text):
    return PLAIN.replace('name="a"', f'name="{text}"')


def inside(text):
    return PLAIN.replace("</bpmn:process>", f"{text}</bpmn:process>")


def drawn(bounds):
    shape = f'<bpmndi:BPMNShape id="sh" bpmnElement="a"><dc:Bounds {bounds}/></bpmndi:BPMNShape>'
    plane = f'<bpmndi:BPMNPlane id="pl" bpmnElement="main">{shape}</bpmndi:BPMNPlane>'
    diagram_part = f'<bpmndi:BPMNDiagram id="dg">{plane}</bpmndi:BPMNDiagram></bpmn:definitions>'
    return PLAIN.replace("</bpmn:definitions>", diagram_part)


def archive():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as into:
        into.writestr("a.bpmn", PLAIN)
    return held.getvalue()


LAUGHS = "".join(f'<!ENTITY a{n} "{(f"&a{n - 1};" if n else "ha") * 10}">' for n in range(10))
DOCUMENT_TYPES = {
    "entity to a file": doctype('<!DOCTYPE x [<!ENTITY e SYSTEM "file://FILE">]>', named("&e;").split("\n", 1)[1]),
    "entity in a text": doctype('<!DOCTYPE x [<!ENTITY e SYSTEM "FILE">]>', inside("&e;").split("\n", 1)[1]),
    "entity to a server": doctype('<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:PORT/">]>', inside("&e;")),
    "outside DTD, server": doctype('<!DOCTYPE x SYSTEM "http://127.0.0.1:PORT/x.dtd">'),
    "outside DTD, file": doctype('<!DOCTYPE x SYSTEM "file://FILE">'),
    "public DTD": doctype('<!DOCTYPE x PUBLIC "-//X//Y" "http://127.0.0.1:PORT/x.dtd">'),
    "parameter entity, file": doctype('<!DOCTYPE x [<!ENTITY % p SYSTEM "file://FILE"> %p;]>'),
    "parameter entity, server": doctype('<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:PORT/"> %p;]>'),
    "inner entity": doctype('<!DOCTYPE x [<!ENTITY e "hello">]>', named("&e;").split("\n", 1)[1]),
    "billion laughs": doctype(f"<!DOCTYPE x [{LAUGHS}]>", named("&a9;").split("\n", 1)[1]),
    "quadratic": doctype(f'<!DOCTYPE x [<!ENTITY a "{"x" * 50_000}">]>', named("&a;" * 500).split("\n", 1)[1]),
    "empty doctype": doctype("<!DOCTYPE x>"),
    "doctype behind a comment": doctype("<!-- a --><?p q?>\n<!DOCTYPE x []>"),
    "doctype behind a mark": b"\xef\xbb\xbf" + doctype("<!DOCTYPE x []>").encode(),
    "default attributes": doctype('<!DOCTYPE x [<!ATTLIST bpmn:task name CDATA "x">]>'),
    "notation": doctype('<!DOCTYPE x [<!NOTATION n SYSTEM "file://FILE">]>'),
    "table with an entity": {"t.dmn": TABLE.replace("?>", '?><!DOCTYPE a [<!ENTITY e SYSTEM "file://FILE">]>')},
}
ENCODINGS = {
    "UTF-16": PLAIN.encode("utf-16"), "UTF-16 BE": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"), "UTF-16 BE without a mark": PLAIN.encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"), "UTF-7": PLAIN.replace("UTF-8", "UTF-7").encode(),
    "UTF-7 marked": b"+/v8-" + PLAIN.encode(), "declared latin-1": PLAIN.replace("UTF-8", "ISO-8859-1").encode(),
    "declared latin-1, in other quotes": PLAIN.replace('encoding="UTF-8"', "encoding = 'latin-1'").encode(),
    "latin-1 undeclared": named("é").encode("latin-1"), "EBCDIC": PLAIN.encode("cp037"),
    "unknown encoding": PLAIN.replace("UTF-8", "x-unknown").encode(),
    "overlong": named("@").encode().replace(b"@", b"\xc0\xaf"), "NUL": named("a\0b"),
    "half a character": named("\ud800"),
}  # fmt: skip


def many(attribute, count):
    """Attributes by the thousand, numbered."""
    return " ".join(attribute.replace("N", str(n)) for n in range(count))


SIZES = {
    "11 MB text": named("x" * 11_000_000), "3 MB comment": f"{PLAIN}<!--{'x' * 3_000_000}-->",
    "depth 300": inside("<bpmn:subProcess>" * 300 + "</bpmn:subProcess>" * 300), "depth 100,000": "<a>" * 100_000,
    "depth 70": inside("<bpmn:subProcess>" * 70 + "</bpmn:subProcess>" * 70),
    "100,000 attributes": "<a " + many('aN="x"', 100_000) + "/>",
    "300 attributes": PLAIN.replace('name="a"', many('aN="x"', 300)),
    "50,000 elements": f"<a>{'<b/>' * 50_000}</a>", "a name of a megabyte": f"<{'a' * 1_000_000}/>",
    "50,000 namespaces": "<a " + many('xmlns:aN="u"', 50_000) + "/>",
    "5,000 equal ids": inside('<bpmn:task id="q"/>' * 5_000),
}  # fmt: skip
NOT_DIAGRAMS = {
    "archive": archive(), "gzip": gzip.compress(PLAIN.encode()), "PDF": b"%PDF-1.4\n%\xe2\xe3",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "bytes": bytes(range(256)) * 50,
    "web page": "<!DOCTYPE html><html><body>hi<br></body></html>",
    "picture": '<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>', "JSON": '{"a": 1}', "empty": "", "blank": " \n ",
    "mark alone": b"\xef\xbb\xbf", "declaration alone": '<?xml version="1.0"?>', "text": "hello",
    "cut short": PLAIN[: len(PLAIN) // 2], "two roots": PLAIN + "<a/>", "blank first": "\n" + PLAIN,
    "ends do not fit": PLAIN.replace("</bpmn:process>", "</bpmn:prozess>"), "undefined entity": named("&nbsp;"),
    "control character": named("\x01"), "character 0": named("&#0;"), "half a character by number": named("&#xD800;"),
    "prefix unknown": "<bpmn:definitions/>", "no namespace": '<definitions><process id="a"/></definitions>',
    "another namespace": PLAIN.replace("http://www.omg.org/spec/BPMN/20100524/MODEL", "http://example.invalid/bpmn"),
    "XPDL": '<x:Package xmlns:x="http://www.wfmc.org/2009/XPDL2.2" Id="x"/>',
    "BPMN 1": '<BPMN xmlns="http://www.bpmi.org/bpmn/1.1"/>', "table named diagram": TABLE,
    "stylesheet": '<s:stylesheet xmlns:s="http://www.w3.org/1999/XSL/Transform" version="1.0"/>',
    "no process": file('<bpmn:message id="m" name="m"/>'),
    "included file": inside('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file://FILE" parse="text"/>'),
    "shape at NaN": drawn('x="NaN" y="1" width="1" height="1"'),
    "shape at abc": drawn('x="abc" y="1" width="1" height="1"'),
    "shape at 1e999": drawn('x="1e999" y="1" width="1" height="1"'),
}  # fmt: skip
HOSTILE = {**DOCUMENT_TYPES, **ENCODINGS, **SIZES, **NOT_DIAGRAMS}
HARMLESS = {
    "mark": b"\xef\xbb\xbf" + PLAIN.encode(), "no declaration": BODY, "small letters": PLAIN.replace("UTF-8", "utf-8"),
    "stylesheet mentioned": PLAIN.replace("?>", '?><?xml-stylesheet href="file://FILE"?>', 1),
    "schema mentioned": PLAIN.replace(
        "<bpmn:definitions ", '<bpmn:definitions xsi:schemaLocation="urn:a http://127.0.0.1:PORT/BPMN20.xsd" ', 1
    ),
    "import mentioned": PLAIN.replace(
        "<bpmn:process", '<bpmn:import namespace="u" location="file://FILE" importType="u"/><bpmn:process', 1
    ),
    "doctype in a comment": PLAIN.replace("<bpmn:process", "<!-- <!DOCTYPE x> --><bpmn:process", 1),
    "doctype in an attribute": named("&lt;!DOCTYPE x>"), "standard entities": named("a &amp; b &#8211;"),
    "letters of the world": named("Prüfung – 検査 🙂"), "CR LF": PLAIN.replace("\n", "\r\n"),
    "another prefix": PLAIN.replace("bpmn:", "bpmn2:").replace("xmlns:bpmn=", "xmlns:bpmn2="),
    "comment first": PLAIN.replace("?>", "?>\n<!-- drawn by hand -->", 1),
}  # fmt: skip


def files_of(hostile):
    return hostile if isinstance(hostile, dict) else {"x.bpmn": hostile}


def errors(hostile):
    return [f for f in check(files_of(hostile)) if f.level == "error"]


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 70


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_with_file_line_and_a_sentence(name):
    began = time.process_time()
    found = errors(HOSTILE[name])
    assert time.process_time() - began < SECONDS_AT_THE_GATE
    assert found, name
    for each in found:
        assert each.file in files_of(HOSTILE[name])
        assert each.line is not None
        assert each.message.endswith(".")
        assert each.mend.endswith(".")
        assert SECRET not in each.message


@pytest.mark.parametrize("name", [*DOCUMENT_TYPES])
def test_a_document_type_is_the_reason(name):
    assert [f.rule for f in errors(HOSTILE[name])] == ["doctype"]


@pytest.mark.parametrize("name", [*ENCODINGS])
def test_an_encoding_is_the_reason(name):
    assert [f.rule for f in errors(HOSTILE[name])] == ["encoding"]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_hostile_is_let_through(name):
    assert errors(HARMLESS[name]) == []


WATCHED = """
import json, sys
from lxml import etree
from service.core.gate import check
from service.runtime.check_room import SAMPLE
check(SAMPLE)
etree.set_default_parser(etree.XMLParser(resolve_entities=True, load_dtd=True, no_network=False, huge_tree=True))
seen, watching = [], False
def watch(event, arguments):
    if watching and event.startswith(("open", "socket", "subprocess", "os.", "urllib", "import", "exec", "compile")):
        if not (event == "compile" or str(arguments[:1]).startswith("('encodings")):
            seen.append([event, str(arguments[:1])])
sys.addaudithook(watch)
told = []
for files in json.load(sys.stdin):
    files = {path: bytes.fromhex(text) for path, text in files.items()}
    watching = True
    found = check(files)
    watching = False
    told.append([f"{f.rule} {f.message} {f.mend}" for f in found])
print(json.dumps([told, seen]))
"""


def test_nothing_is_opened_or_fetched_even_when_a_library_made_every_parser_permissive(tmp_path):
    """A child of its own, told by its audit hook; a server that nobody may call; a file that nobody may read."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    called = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        threading.Thread(target=lambda: called.append(server.accept()), daemon=True).start()
        sent = [
            {path: _bytes(text).replace(b"FILE", str(secret).encode()).replace(b"PORT", port.encode()).hex()
             for path, text in files_of(each).items()}
            for each in (*DOCUMENT_TYPES.values(), *ENCODINGS.values(), *NOT_DIAGRAMS.values(), *HARMLESS.values())
        ]  # fmt: skip
        answer = subprocess.run(
            [sys.executable, "-c", WATCHED], input=json.dumps(sent).encode(), capture_output=True, check=True, cwd=ROOT
        )
        assert called == []
    told, seen = json.loads(answer.stdout)
    assert seen == []
    assert len(told) == len(sent)
    assert all(told[: len(DOCUMENT_TYPES)])
    assert SECRET not in answer.stdout.decode()


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
