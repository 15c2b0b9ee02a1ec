"""Verbs for those who tend cases: incidents, retry, suspend, resume, cancel, correct."""

from collections.abc import Callable

import click
from rich.progress import track
from rich.table import Table

from service.cli.console import cli, fresh_key, out, person, with_service
from service.core.access import Actor, operates
from service.core.calendar import LONDON
from service.core.errors import NotAllowed, Rejection
from service.runtime.answering import Done
from service.runtime.operating import Operations, Tried
from service.runtime.service import Service
from service.store import tending

BY = click.option("--by", required=True, help="E-mail address of who does it: it is theirs in the history.")
REASON = click.option("--reason", required=True, help="Why: kept as a record of the case.")


@cli.command()
@BY
@with_service
def incidents(service: Service, by: str) -> None:
    """List the steps that could not be finished, the oldest first.

    Example: service incidents --by operator@council.example
    """
    actor = person(service, by)
    with service.read() as db:
        if not operates(service.definitions.current(db), actor):
            raise NotAllowed("Only an operator sees incidents.")
        found = tending.incidents(db, actor)
    table = Table("reference", "case", "since", "tries", "where", "what")
    for one in reversed(found):
        since = one.first_at.astimezone(LONDON).strftime("%d %b %Y %H:%M")
        table.add_row(one.id, one.code or "–", since, str(one.attempts), one.element_id or "–", one.message)
    if found:
        out.print(table)
    out.print(f"{len(found)} open.")
    raise SystemExit(1 if found else 0)


@cli.command()
@click.argument("reference", required=False)
@click.option("--all", "every", is_flag=True, help="Every open incident, each by itself.")
@BY
@REASON
@with_service
def retry(service: Service, reference: str | None, *, every: bool, by: str, reason: str) -> None:
    """Try again the incident REFERENCE, or all of them, and say what came of it.

    Example: service retry --all --by operator@council.example --reason "Version 12 mends the condition."
    """
    actor = person(service, by)
    if every == (reference is not None):
        raise Rejection("Give one reference, or --all.")
    if reference is not None:
        tried = [service.operations.retry(actor, reference, reason, fresh_key())]
    else:
        with service.read() as db:
            waiting = [one.id for one in reversed(tending.incidents(db, actor))]
        shown = track(waiting, description="Trying again", console=out, transient=True)
        tried = [service.operations.retry(actor, one, reason, fresh_key()) for one in shown]
    raise SystemExit(_tell(tried))


def _tell(tried: list[Tried]) -> int:
    for one in tried:
        out.print(f"{one.reference} {one.code}: {one.text}", markup=False)
    failed = sum(one.kind == "failed" for one in tried)
    out.print(f"{len(tried) - failed} resolved, {failed} still failing.")
    return 1 if failed else 0


def _hang(name: str, act: Callable[[Operations, Actor, str, str, str], Done], done: str, told: str) -> None:
    """Hang a verb on the group that does one thing to one case, by somebody and for a reason."""

    @cli.command(name=name, help=told)
    @click.argument("code")
    @BY
    @REASON
    @with_service
    def verb(service: Service, code: str, by: str, reason: str) -> None:
        act(service.operations, person(service, by), code, reason, fresh_key())
        out.print(f"{code} {done}", markup=False)


_hang(
    "suspend", Operations.suspend, "is on hold.",
    "Put the case CODE on hold: nobody can do anything in it and no date passes in it.",
)  # fmt: skip
_hang(
    "resume", Operations.resume, "goes on.",
    "Take the case CODE off hold; what fell due meanwhile happens now, each at its own date.",
)  # fmt: skip
_hang(
    "cancel", Operations.cancel, "is cancelled.", "End the case CODE where it stands. It cannot be begun again."
)  # fmt: skip


@cli.command()
@click.argument("code")
@click.argument("values", nargs=-1, metavar="NAME=VALUE...")
@BY
@click.option("--reason", default="", help="Why: kept as a record of the case.")
@with_service
def correct(service: Service, code: str, values: tuple[str, ...], by: str, reason: str) -> None:
    """Put process variables of the case CODE right; without any NAME=VALUE, list them as they stand.

    Example: service correct CODE received_on=2026-03-02 --by … --reason "Read wrongly."
    """
    actor = person(service, by)
    if not values:
        for name, text in service.operations.values_of(actor, code).items():
            out.print(f"{name}={text}", markup=False)
        return
    if wrong := [v for v in values if "=" not in v]:
        raise Rejection(f"“{wrong[0]}” is not NAME=VALUE.")
    given = {name: text for name, _, text in (v.partition("=") for v in values)}
    service.operations.correct(actor, code, given, reason, fresh_key())
    out.print(f"{code}: {', '.join(given)} put right.", markup=False)
