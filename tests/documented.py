"""The small definition with documents, and a case played on it: for tests of documents at every level."""

import json
from datetime import UTC, datetime

from build import MINI
from service.core.definitions import definition_of
from service.core.documents.parts import Cell, Column, Document, Paragraph, Section, Table
from service.core.playing import Player
from service.runtime.bundles import read_folder

STATEMENT = {
    "id": "statement", "title": "Statement", "clause": "2", "about": "When it was due and done.", "of": "case",
    "roles": ["clerk", "officer"], "formats": ["html", "pdf", "csv"],
    "sections": [
        {"heading": "The work: {work}", "text": [
            {"when": "clocks.decision.due is not None", "text": "Due on {date(clocks.decision.first_due)}."},
            {"when": "clocks.decision.met",
             "text": "Decided on {date(clocks.decision.met_at)}, {clocks.decision.days_over} days later."},
            "The outcome is {case.outcome_name}. More time: {extended_to}."]},
        {"heading": "Reasons", "none": "None were given.", "table": {
            "form": "late_reason", "columns": ["reason", {"value": "record.seq", "label": "Step"}]}},
        {"heading": "Numbers", "clocks": ["decision"]},
        {"heading": "Steps", "steps": ["check", {"step": "decide", "label": "Decided"}]},
        {"heading": "Only when refused", "when": "decision == 'refuse'", "text": "It was refused."},
    ],
}  # fmt: skip
PAPERS = {
    "id": "papers", "title": "Papers", "about": "All of it.", "of": "case", "roles": ["officer"],
    "formats": ["html", "pdf", "zip"], "when": "decision is not None", "when_not": "Nothing was decided yet.",
    "sections": [{"heading": "Contents", "documents": ["statement", "answers"]}],
}  # fmt: skip
ANSWERS = {
    "id": "answers", "title": "Answers", "about": "What was asked.", "of": "case", "roles": ["officer"],
    "formats": ["html", "csv"], "complete": True,
    "sections": [{"heading": "Application", "answers": {"form": "application", "fields": ["address", "work"]}}],
}  # fmt: skip
RETURN = {
    "id": "figures", "title": "Figures for", "about": "Counts.", "of": "all cases", "roles": ["clerk", "auditor"],
    "formats": ["html", "csv", "pdf"],
    "sections": [
        {"heading": "Figures", "text": "The year is {year}.", "counts": [
            {"label": "Begun", "count": "date(case.started_at).year == year"},
            {"label": "Granted", "count": "decision == 'grant' and date(clocks.decision.met_at).year == year"},
            {"label": "Given more time", "count": "extended_to.year == year"},
            {"label": "Days, median", "median": "clocks.decision.days", "only": "clocks.decision.met",
             "unit": "days"}]},
        {"heading": "Cases", "cases": {"columns": [
            {"label": "Case", "value": "case.code"}, {"label": "Decision", "value": "decision"},
            {"label": "Days", "value": "clocks.decision.days", "unit": "days"}]}},
    ],
}  # fmt: skip
ALL = (STATEMENT, PAPERS, ANSWERS, RETURN)


def files(*documents):
    """The files of the small definition with these documents, or with all of this module."""
    added = {f"processes/documents/{d['id']}.json": json.dumps(d) for d in documents or ALL}
    return read_folder(MINI) | added


def a_case(*documents, reason="Short of staff.", address="1 Oak Road", decided=True):
    """A case whose decision came late, as a player: received 29 May 2013, due 29 June, decided 2 July."""
    player = Player(definition_of(files(*documents)), "TW-1")
    received = {"address": address, "work": "felling", "received_on": "2013-05-29"}
    player.start("application_received", "clerk", received, when(5, 29))
    player.complete("check", None, "clerk", {"complete": "yes", "notes": "All there."}, when(5, 30))
    player.let_pass(when(6, 30))
    player.complete("late_reason", None, "officer", {"reason": reason}, when(7, 1))
    if decided:
        player.complete("decide", None, "officer", {"decision": "grant", "reasons": "Unsafe."}, when(7, 2))
    return player


def when(month, day):
    return datetime(2013, month, day, 9, tzinfo=UTC)


def a_document(*blocks, title="A title", heading="A heading"):
    """A document of these blocks under one heading."""
    return Document(
        "x", title, "About", "TW-1-x", datetime(2013, 7, 2, 9, tzinfo=UTC), draft=True,
        head=(("Case", "TW-1"),), sections=(Section(heading, blocks),), organisation="Council",
    )  # fmt: skip


def a_table(*rows, columns=("What", "How much"), hidden=0):
    """A table of texts; numbers become number cells."""
    cells = tuple(tuple(Cell(str(v), None if isinstance(v, str) else v) for v in row) for row in rows)
    return Table("A table", tuple(Column(c) for c in columns), cells, hidden=hidden)


def a_text(text):
    return Paragraph(text)
