"""Verbs that prove what happened: verify, replay, export."""

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click
from rich.progress import track
from rich.table import Table
from sqlalchemy import select

from service.app import create_service
from service.cli.console import cli, instance, out, with_service
from service.core.calendar import LONDON
from service.core.errors import Rejection
from service.core.replay import ReplayDiffers, Verdict
from service.runtime import bundles, history
from service.runtime.service import Service
from service.settings import Settings
from service.store import instances, people
from service.store.tables import process_instance


@cli.command()
@click.argument("export", type=click.Path(exists=True, path_type=Path), required=False)
def verify(export: Path | None) -> None:
    """Check chain and replay of every case in the database, or of one EXPORT file without any database."""
    if export is not None:
        code, steps, definitions = bundles.read_export(export.read_text(encoding="utf-8"))
        verdicts = [(code, history.verdict(lambda h: definitions[h], steps))]
    else:
        verdicts = _verify_all(create_service(Settings.from_env(os.environ)))
    for code, verdict in verdicts:
        out.print(f"{code}: {verdict.text}", markup=False)
    wrong = sum(v.kind != "equal" for _, v in verdicts)
    out.print(f"{len(verdicts) - wrong} equal, {wrong} not.")
    raise SystemExit(1 if wrong else 0)


def _verify_all(service: Service) -> list[tuple[str, Verdict]]:
    with service.read() as db:
        codes = list(db.execute(select(process_instance.c.code).order_by(process_instance.c.code)).scalars())
    shown = track(codes, description="Running every case again", console=out, transient=True)
    return [_verify(service, code) for code in shown]


def _verify(service: Service, code: str) -> tuple[str, Verdict]:
    with service.read() as db:  # ends before the case is run again: PostgreSQL gives up on a reader that idles for long
        row = db.execute(process_instance.select().where(process_instance.c.code == code)).one()
        steps = instances.steps_of(db, row.id)
    return code, history.verdict(service.definitions.get, steps, row.state.encode())


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
@with_service
def export_(service: Service, code: str, path: Path | None) -> None:
    """Write the history of the case CODE, with its definitions, to PATH (or CODE.json)."""
    instance_id = instance(service, code)
    with service.read() as db:
        kept = bundles.export(db, service.definitions, instance_id, code)
    target = path or Path(f"{code}.json")
    target.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    out.print(f"Wrote {len(kept['steps'])} steps to {target}. Check them anywhere: service verify {target}")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Rejection(f"“{text}” is not a date and time like 2026-03-01T09:00.") from None
