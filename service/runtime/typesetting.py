"""A document as PDF: typeset in a process of its own, which can open neither a file nor a connection.

Typst does it, by the wheel ``typst``: its typesetter and its typefaces come inside, so the same document gives the same
bytes on every machine, and the PDF is tagged for screen readers (PDF/UA-1). The template is ours and fixed; what people
wrote reaches it as data in one JSON text and is only ever shown, never read as a template.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from math import sqrt
from pathlib import Path

import service
from service.core.documents.parts import Document, Paragraph, Section, Table, not_shown
from service.core.errors import Rejection

ROOM = (sys.executable, "-m", "service.runtime.typesetting_room")
SECONDS = 60
LONGEST = 20_000_000
"""Characters of a document's data; what is longer is refused before it is typeset."""


class NotTypeset(Rejection):
    """The document could not be made into a PDF; as a web page it can still be read and printed."""


def pdf_of(document: Document) -> bytes:
    """The document as PDF, dated as of its own instant. Raises ``NotTypeset``."""
    sent = json.dumps({"document": data_of(document), "at": int(document.at.timestamp())}, ensure_ascii=True).encode()
    if len(sent) > LONGEST:
        raise NotTypeset("This document is too long for a PDF. Take it as a web page.")
    # Nothing of the service's own environment goes in: it may hold the database's password.
    home = {"PYTHONPATH": str(Path(service.__file__).parents[1]), "PATH": os.defpath}
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            ROOM, input=sent, env=home, cwd="/", capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise NotTypeset("The PDF could not be made in time. Take the document as a web page.") from failed
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise NotTypeset("The PDF could not be made. Take the document as a web page.")
    return done.stdout


def data_of(document: Document) -> dict[str, object]:
    """What the template is given: texts, numbers, lists and nothing else."""
    return {
        "title": document.title, "name": document.name, "organisation": document.organisation,
        "state": "Draft" if document.draft else "Final", "head": [list(pair) for pair in document.head],
        "hidden": not_shown(document.hidden) if document.hidden else "",
        "sections": [_section(section) for section in document.sections],
    }  # fmt: skip


def _section(section: Section) -> dict[str, object]:
    return {"heading": section.heading, "blocks": [_block(block) for block in section.blocks]}


def _block(block: Paragraph | Table) -> dict[str, object]:
    if isinstance(block, Paragraph):
        return {"kind": "text", "text": block.text}
    return {
        "kind": "table",
        "columns": [{**asdict(column), "weight": _weight(block, n)} for n, column in enumerate(block.columns)],
        "rows": [[cell.text for cell in row] for row in block.rows], "total": [cell.text for cell in block.total],
        "hidden": not_shown(block.hidden) if block.hidden else "",
    }  # fmt: skip


def _weight(table: Table, place: int) -> int:
    """How wide a column should be beside the others: its longest word must fit, and long texts need room."""
    texts = [table.columns[place].label, *(row[place].text for row in table.rows)]
    word = max((len(each) for text in texts for each in text.split()), default=1)
    return max(min(word, 24), int(2 * sqrt(max(map(len, texts)))), 4)
