"""The door every diagram and table comes through: bytes in, a tree out, or the reason why not.

Promises: nothing is fetched, no entity is resolved, no document type is accepted, only UTF-8 is read, and a file that
is too large, too deep or too crowded is turned away with a line number. Never raises on any bytes.
"""

import re
from dataclasses import dataclass

from lxml import etree

from service.core.gate.finding import Finding, error

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
NS = {"bpmn": BPMN, "spiff": SPIFF}
MAX_BYTES = 2 * 1024 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 64
MAX_ATTRIBUTES = 256
MAX_ALL_ATTRIBUTES = 100_000

_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"+/v")
_UNPACK = ("This is an archive, not a diagram.", "Unpack it and send the files")
_EXPORT = "Export it as BPMN 2.0 (or DMN) from the editor, not as a picture or a page"
_OTHER_KINDS = (
    (b"pk\x03\x04", *_UNPACK),
    (b"pk\x05\x06", *_UNPACK),
    (b"\x1f\x8b", *_UNPACK),
    (b"%pdf", "This is a PDF, not a diagram.", _EXPORT),
    (b"\x89png", "This is a picture, not a diagram.", _EXPORT),
    (b"\xff\xd8\xff", "This is a picture, not a diagram.", _EXPORT),
    (b"<svg", "This is a picture, not a diagram.", _EXPORT),
    (b"<!doctype html", "This is a web page, not a diagram.", _EXPORT),
    (b"<html", "This is a web page, not a diagram.", _EXPORT),
    (b"{", "This is JSON, not a diagram.", "Send a form with the ending .json, and diagrams as XML"),
)
_PROLOG = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]*)[\"']")


@dataclass(frozen=True, slots=True)
class Document:
    """A file that came through the door: its path and the root of its tree."""

    path: str
    root: etree._Element


def parser() -> etree.XMLParser:
    """A parser of our own, never the process-wide one: resolves nothing, fetches nothing, repairs nothing."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True,
        encoding="utf-8",
    )  # fmt: skip


def read(path: str, content: str | bytes) -> Document | Finding:
    """Return the document in ``content``, or the finding that refuses it."""
    try:
        data = content.encode() if isinstance(content, str) else bytes(content)
    except UnicodeEncodeError:
        return _refused(path, None, "encoding", "This file holds characters that no text may hold.", "Save it as UTF-8")
    refusal = _before_parsing(path, data)
    if refusal is not None:
        return refusal
    try:
        root = etree.fromstring(data, parser())
    except etree.XMLSyntaxError as wrong:
        return _unreadable(path, wrong)
    except (ValueError, LookupError, RecursionError) as wrong:
        return _refused(path, None, "not-xml", f"This file cannot be read as XML: {wrong}.", "Export it again")
    return _after_parsing(path, root) or Document(path, root)


def _before_parsing(path: str, data: bytes) -> Finding | None:
    if not data.strip():
        return _refused(path, None, "empty-file", "This file is empty.", "Export the diagram again")
    if len(data) > MAX_BYTES:
        return _refused(
            path, None, "too-large", "This file is larger than 2 MB, which no diagram needs.", "Split the diagram"
        )
    for mark, message, mend in _OTHER_KINDS:
        if data.lstrip()[:64].lower().startswith(mark):
            return _refused(path, None, "not-bpmn", message, mend)
    return _encoding(path, data) or _document_type(path, data)


def _encoding(path: str, data: bytes) -> Finding | None:
    wrong = "This file is not written in UTF-8, the only encoding that is read."
    mend = 'Save it as UTF-8, with encoding="UTF-8" in its first line'
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf"))
    if data.startswith(_OTHER_MARKS) or (declared and declared[1].upper() not in {b"UTF-8", b"UTF8"}):
        return _refused(path, 1, "encoding", wrong, mend)
    try:
        data.decode()
    except UnicodeDecodeError as where:
        return _refused(path, data.count(b"\n", 0, where.start) + 1, "encoding", wrong, mend)
    nothing = data.find(b"\0")
    if nothing >= 0:  # no XML holds one, but UTF-16 does, which a parser would recognise without any mark
        return _refused(path, data.count(b"\n", 0, nothing) + 1, "encoding", wrong, mend)
    return None


def _document_type(path: str, data: bytes) -> Finding | None:
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while step := _PROLOG.match(data, at):
        at = step.end()
    if data[at : at + 9].upper() == b"<!DOCTYPE":
        line = data.count(b"\n", 0, at) + 1
        message = "This file declares a document type (DOCTYPE), which can make a reader fetch or expand other files."
        return _refused(path, line, "doctype", message, "Take the DOCTYPE out; no diagram needs one")
    return None


def _after_parsing(path: str, root: etree._Element) -> Finding | None:
    if root.getroottree().docinfo.internalDTD is not None:
        return _refused(path, 1, "doctype", "This file declares a document type (DOCTYPE).", "Take the DOCTYPE out")
    attributes = 0
    for nodes, node in enumerate(root.iter(), 1):
        attributes += len(node.attrib)
        if nodes > MAX_NODES or attributes > MAX_ALL_ATTRIBUTES or len(node.attrib) > MAX_ATTRIBUTES:
            message = f"This file is too crowded: no more than {MAX_NODES:,} elements are read, and {MAX_ATTRIBUTES}"
            message += " attributes of each."
            return error(path, node, "too-crowded", message, "Split the diagram into several processes.")
    deep = _too_deep(root)
    if deep is not None:
        message = f"This file nests elements more than {MAX_DEPTH} deep."
        return error(path, deep, "too-deep", message, "Move inner sub-processes into processes of their own.")
    return None


def _too_deep(root: etree._Element) -> etree._Element | None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node]
        if not level:
            return None
    return level[0]


def _unreadable(path: str, wrong: etree.XMLSyntaxError) -> Finding:
    if "Excessive depth" in str(wrong.msg):
        message = f"This file nests elements more than {MAX_DEPTH} deep."
        mend = "Move inner sub-processes into processes of their own"
        return _refused(path, wrong.lineno, "too-deep", message, mend)
    line = wrong.lineno or None
    message = f"This file is not well-formed XML: {wrong.msg or 'it cannot be read'}."
    return _refused(path, line, "not-xml", message, "Open it in a diagram editor and export it again")


def _refused(path: str, line: int | None, rule: str, message: str, mend: str) -> Finding:
    return Finding(path, line or 1, None, "error", rule, message, mend.removesuffix(".") + ".")
