"""Verbs about what is proven: trace."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from service.cli.console import HOME, cli, opened, out
from service.cli.showing import played
from service.core import trace
from service.core.definitions import ProcessDefinition, definition_of
from service.core.errors import NotFound
from service.core.stories import texts_of
from service.core.trace import State, Told
from service.runtime import bundles, story_runs
from service.runtime.telling import proving, told_by
from service.settings import Settings
from service.store.schema import require_current


@cli.command(name="trace")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=HOME)
@click.option("--row", "row_id", help="One duty in full, such as T53; only the scenarios that prove it are played.")
@click.option("--keep", is_flag=True, help="Keep the result for the page of this version, if it is deployed.")
def trace_(path: Path, row_id: str | None, *, keep: bool) -> None:
    """Play the scenarios of PATH and print every duty of its trace, what holds it and whether that is proven."""
    definition = definition_of(bundles.read_folder(bundles.root_of(path)))
    if row_id is not None:
        raise SystemExit(_one(definition, row_id))
    told = [told_by(p) for p in played(definition, texts_of(definition.files))]
    states = trace.states(definition, told)
    _print_table(states)
    for sentence in (unknown := trace.unknown_duties(definition, told)):
        out.print(sentence, markup=False, style="red")
    if keep:
        _keep(definition.hash, told)
    red = sum(bool(s.why) for s in states)
    out.print(f"{len(states)} duties: {len(states) - red} green, {red} red.")
    raise SystemExit(1 if red or unknown or not states else 0)


def _one(definition: ProcessDefinition, row_id: str) -> int:
    if row_id not in {row.id for row in trace.rows(definition)}:
        raise NotFound(f"The trace has no row {row_id}.")
    told = [told_by(p) for p in played(definition, proving(definition, row_id))]
    state = next(s for s in trace.states(definition, told) if s.row.id == row_id)
    out.print(f"{state.row.id}, clause {state.row.clause}: {state.row.duty}", markup=False)
    out.print("Held by:" if state.places else "Held by nothing.")
    for place in state.places:
        by = f"touched by {', '.join(place.touched_by)}" if place.touched_by else "not touched"
        out.print(f"  {place.name}: {by if place.living else 'does not exist'}", markup=False)
    out.print("Proven by:" if state.stories else "Proven by nothing.")
    for one in state.stories:
        out.print(f"  {one.story}: {one.failure or 'passed'}", markup=False)
    out.print(f"Red: {state.why}" if state.why else "Green.", markup=False, style="red" if state.why else None)
    return 1 if state.why else 0


def _print_table(states: Sequence[State]) -> None:
    table = Table("row", "clause", "state", "places", "scenarios", "why")
    for state in states:
        gone = sum(not p.living for p in state.places)
        failed = sum(t.failure is not None for t in state.stories)
        table.add_row(
            state.row.id, state.row.clause, "[red]red[/red]" if state.why else "green",
            f"{len(state.places)}" + (f", {gone} gone" if gone else ""),
            f"{len(state.stories)}" + (f", {failed} failed" if failed else ""), state.why,
        )  # fmt: skip
    out.print(table)


def _keep(definition_hash: str, told: Sequence[Told]) -> None:
    service = opened(Settings.from_env(os.environ))
    require_current(service.store)
    story_runs.keep(service, definition_hash, told)
    out.print("Kept for the page of this version.")
