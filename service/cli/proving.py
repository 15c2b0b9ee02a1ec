"""Verbs that prove what happened: verify, replay, export, accept-restore."""

import json
import os
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from rich.progress import track
from rich.table import Table

from service.cli.console import cli, instance, opened, out, with_service
from service.core.calendar import LONDON
from service.core.errors import Rejection
from service.core.replay import ReplayDiffers
from service.runtime import exports, history, signing, verifying, witnesses
from service.runtime.service import Service
from service.settings import Settings
from service.store import instances, people
from service.store.schema import require_current

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@cli.command()
@click.argument("export", type=FILE, required=False)
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="A checkpoint you kept; several may be given.")
@click.option("--public-key", type=FILE, help="The public key of the log, got elsewhere than with the export.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(export: Path | None, kept: tuple[Path, ...], public_key: Path | None, *, as_json: bool) -> None:
    """Check every case, record and the log of the database, or one EXPORT file without any database."""
    witnessed = [witnesses.read_file(path) for path in kept]
    if export is not None:
        report = verifying.export(export, witnessed, public_key)
    else:
        service = opened(Settings.from_env(os.environ), thorough=True)
        require_current(service.store)
        shown = partial(track, description="Running every case again", console=out, transient=True, disable=as_json)
        report = verifying.database(service, witnessed, public_key, shown)
    if as_json:
        click.echo(json.dumps(report.written(), ensure_ascii=False, indent=1))
    else:
        _print_verdicts(report)
    raise SystemExit(1 if report.wrong else 0)


def _print_verdicts(report: verifying.Report) -> None:
    for case in report.cases:
        out.print(f"{case.code}: {case.verdict.text}", markup=False)
        for finding in case.records:
            out.print(f"  {finding.text}", markup=False, style=None if finding.holds else "red")
    out.print("The log:")
    for finding in report.log:
        out.print(f"  {finding.text}", markup=False, style=None if finding.holds else "red")
    wrong = sum(c.verdict.kind != "equal" for c in report.cases)
    out.print(f"{len(report.cases) - wrong} equal, {wrong} not.")


@cli.command(name="accept-restore")
@click.option("--reason", required=True, help="Why this database is taken into use: kept on record, signed.")
@with_service
def accept_restore(service: Service, reason: str) -> None:
    """Go on with a database older than, or other than, the newest checkpoint, and keep that on record."""
    path = witnesses.accept_restore(service, reason)
    out.print(f"Kept on record in {path}. Tell those who hold checkpoints.", markup=False)


@cli.command()
@click.argument("code")
@click.option("--at", "moment", help="Only as far as this instant, like 2026-03-01T09:00.")
@with_service
def replay(service: Service, code: str, moment: str | None) -> None:
    """Run the case CODE again from nothing and print it step by step."""
    with service.read() as db:
        steps = instances.steps_of(db, instance(service, code))
        names = people.names(db)
    if moment is not None:
        upto = _moment(moment)
        steps = [s for s in steps if s.at <= (upto if upto.tzinfo else upto.replace(tzinfo=LONDON))]
    table = Table("step", "when", "who", "what", "then waiting for")
    with suppress(ReplayDiffers):  # the verdict below says where
        for frame in history.frames(service.definitions.get, steps):
            waiting = history.waited_for(service.definitions.get(steps[frame.seq - 1].definition), frame.markers)
            when = frame.at.astimezone(LONDON).strftime("%d %b %Y %H:%M")
            table.add_row(str(frame.seq), when, names.get(frame.actor, "the clock"), frame.title, ", ".join(waiting))
    verdict = history.verdict(service.definitions.get, steps)
    out.print(table)
    out.print(verdict.text, markup=False)
    raise SystemExit(0 if verdict.kind == "equal" else 1)


@cli.command(name="export")
@click.argument("code")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="A checkpoint somebody holds, to lead back to.")
@with_service
def export_(service: Service, code: str, path: Path | None, kept: tuple[Path, ...]) -> None:
    """Write the history of the case CODE, with its definitions and what proves it, to PATH (or CODE.json)."""
    instance_id, key = instance(service, code), signing.public_half(service.settings)
    witnessed = [witnesses.read_file(path) for path in kept]
    with service.read() as db:
        exported = exports.export(db, service.definitions, instance_id, code, key, witnessed)
    target = path or Path(f"{code}.json")
    target.write_text(json.dumps(exported, ensure_ascii=False, indent=1), encoding="utf-8")
    out.print(f"Wrote {len(exported['steps'])} steps to {target}. Check them anywhere: service verify {target}")
    out.print(exported["log"]["checkpoint"] or "Nothing has been sealed yet.", markup=False)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Rejection(f"“{text}” is not a date and time like 2026-03-01T09:00.") from None
