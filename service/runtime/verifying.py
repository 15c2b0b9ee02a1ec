"""Checking a whole database: each case's chain and replay, each record against its step, and the log over them all.

Three things are said apart and never mixed: the verdict on a case (equal, differs, broken), what its records say, and
what concerns the log as a whole. Nothing here writes, and nothing is taken on trust that can be computed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import StatementError

from service.core import evidence, reads
from service.core.chain import START, ChainBroken, Step
from service.core.errors import NotFound
from service.core.evidence import Finding
from service.core.replay import Verdict
from service.runtime import exports, history, recordcheck, signing
from service.runtime.logcheck import examine
from service.runtime.service import Service
from service.store import instances, readlog
from service.store.tables import process_instance

Shown = Callable[[Sequence[str]], Iterable[str]]
UNREADABLE = (JSONDecodeError, StatementError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class CaseReport:
    """What was found of one case."""

    code: str
    verdict: Verdict
    records: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a database or of an export. ``log`` speaks of the log as a whole."""

    cases: tuple[CaseReport, ...]
    log: tuple[Finding, ...]

    @property
    def wrong(self) -> int:
        """How many cases and findings are not well."""
        cases = sum(c.verdict.kind != "equal" for c in self.cases)
        return cases + sum(not f.holds for f in (*self.log, *(f for c in self.cases for f in c.records)))

    def written(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "cases": [
                {
                    "code": c.code, "verdict": c.verdict.kind, "steps": c.verdict.steps, "at_step": c.verdict.at_seq,
                    "text": c.verdict.text, "records": _found(c.records),
                }
                for c in self.cases
            ],
            "log": _found(self.log),
        }  # fmt: skip


def _found(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{"holds": f.holds, "text": f.text} for f in findings]


def database(
    service: Service, witnessed: Sequence[str] = (), public_key: Path | None = None, shown: Shown = iter
) -> Report:
    """Check a database. ``shown`` may wrap the codes of the cases to show how far it is."""
    key = signing.public_half(service.settings, public_key)
    with service.read() as db:
        codes = list(db.execute(select(process_instance.c.code).order_by(process_instance.c.code)).scalars())
    cases = tuple(case(service, code) for code in shown(codes))
    with service.read() as db:
        log = (_reads(db), *examine(db, service.settings, key, witnessed))
    return Report(cases, log)


def export(path: Path, witnessed: Sequence[str] = (), public_key: Path | None = None) -> Report:
    """Check an export without any database. Raises ``NotFound`` when it is none."""
    try:
        kept = exports.read(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as wrong:
        raise NotFound("This file is not the export of a case.") from wrong
    verdict = history.verdict(lambda h: kept.definitions[h], kept.steps)
    key = signing.key_in(public_key) if public_key else None
    log = evidence.examine(kept.steps, kept.evidence, key, witnessed)
    return Report((CaseReport(kept.code, verdict),), tuple(log))


def case(service: Service, code: str) -> CaseReport:
    """Check one case of a database."""
    with service.read() as db:  # ends before the case is run again: PostgreSQL gives up on a reader that idles for long
        row = db.execute(process_instance.select().where(process_instance.c.code == code)).one()
        steps, unread = _steps(db, row.id)
        records = recordcheck.rows(db, row.id)
    if unread is not None:
        text = f"The chain is broken at step {unread}. Step {unread} cannot be read."
        return CaseReport(code, Verdict("broken", len(steps), unread, text))
    verdict = history.verdict(service.definitions.get, steps, row.state.encode())
    if verdict.kind == "equal" and (row.version, row.head_hash) != _head(steps):
        text = f"The chain of {len(steps)} steps is intact, but the case says that another step was its last."
        verdict = Verdict("differs", len(steps), len(steps), text)
    return CaseReport(code, verdict, tuple(recordcheck.examine(records, steps, service.definitions.get)))


def _reads(db: Connection) -> Finding:
    """What is found of the log of who read what."""
    try:
        count = reads.verify(readlog.entries(db))
    except ChainBroken as broken:
        return evidence.amiss(str(broken))
    return evidence.well(f"The log of reads holds {count} entries; each follows from the one before.")


def _head(steps: Sequence[Step]) -> tuple[int, str]:
    return (steps[-1].seq, steps[-1].hash) if steps else (0, START)


def _steps(db: Connection, instance_id: str) -> tuple[list[Step], int | None]:
    """The steps of a case, and the number of the first that cannot even be read."""
    try:
        return instances.steps_of(db, instance_id), None
    except UNREADABLE:
        read: list[Step] = []
    while True:
        try:
            read = instances.steps_of(db, instance_id, upto=len(read) + 1)
        except UNREADABLE:
            return read, len(read) + 1
