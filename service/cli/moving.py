"""The verb that moves cases to another version: a table of what would happen, or, asked to do it, a line per case."""

from collections.abc import Collection
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from service.cli.console import cli, fresh_key, out, person, with_service
from service.core.diagram_words import counted
from service.core.errors import NotFound
from service.runtime.migrating import Moved, Seen, read_plan, version_named
from service.runtime.service import Service


@cli.command(name="migrate-cases")
@click.option("--to", "number", required=True, type=int, help="The number of the version to move cases to.")
@click.option("--plan", "pairs", multiple=True, help="old=new: a step, process:step or process that is renamed.")
@click.option("--case", "codes", multiple=True, help="Only this case; may be given several times.")
@click.option("--by", "email", required=True, help="The e-mail address of the process owner who does it.")
@click.option("--reason", required=True, help="Why; kept in the history of each case.")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would happen is shown.")
@with_service
def migrate_cases(service: Service, number: int, email: str, reason: str, *, yes: bool, **asked: Any) -> None:
    """Show what moving running cases to another version would do to each; with --yes, move them."""
    raise SystemExit(move(service, out, number, email, reason, yes=yes, **asked))


def move(
    service: Service, out: Console, number: int, email: str, reason: str, *, yes: bool,
    pairs: Collection[str] = (), codes: Collection[str] = (),
) -> int:  # fmt: skip
    """Show, or with ``yes`` do, the move of running cases to version ``number``; return the exit code.

    0: every case can be moved, or was; 1: some cannot. Raises ``NotFound`` for a version, person or case there is not,
    and what ``Migrations`` raises.
    """
    plan = read_plan(pairs)
    with service.read() as db:
        to = version_named(db, number)
    actor = person(service, email)
    seen = service.migrations.preview(actor, to, plan)
    if unknown := sorted(set(codes) - {s.code for s in seen}):
        raise NotFound(f"There is no running case on another version called {', '.join(unknown)}.")
    chosen = [s for s in seen if not codes or s.code in codes]
    if not chosen:
        out.print(f"No running case is on another version than {number}.")
        return 0
    if not yes:
        return _show(out, chosen, number)
    wanted = [s.code for s in chosen]
    done = service.migrations.execute(actor, to, plan, wanted, reason, fresh_key())
    told = track(done, total=len(wanted), description="Moving cases", console=out, transient=True)
    return _report(out, list(told))


def _show(out: Console, seen: list[Seen], number: int) -> int:
    table = Table("case", "on version", "what would happen")
    for one in seen:
        said = one.preview.sentences or [f"Cannot move: {p.message}" for p in one.preview.problems]
        table.add_row(one.code, str(one.version), "\n".join(said))
    out.print(table)
    stay = sum(not one.preview.moves for one in seen)
    out.print(f"{counted(len(seen) - stay, 'case')} can be moved to version {number}, {stay} cannot. Nothing was done.")
    return 1 if stay else 0


def _report(out: Console, moved: list[Moved]) -> int:
    for one in moved:
        said = list(one.sentences) or [f"Stays: {p.message}" for p in one.problems]
        incident = f" (reference {one.reference})" if one.reference else ""
        out.print(f"{one.code}: {'; '.join(said)}{incident}", markup=False)
    stay = sum(not one.done for one in moved)
    out.print(f"{counted(len(moved) - stay, 'case')} moved, {stay} not.")
    return 1 if stay else 0
