"""Verbs that check a definition without any database: lint, scenario."""

from collections.abc import Sequence
from pathlib import Path

import click

from service.cli.console import HOME, cli, out
from service.cli.showing import played
from service.core.calendar import LONDON, act_by, british
from service.core.coverage import Covered, coverage, percentage
from service.core.definitions import ProcessDefinition, definition_of
from service.core.diagram_picture import svg
from service.core.scenarios import Report
from service.runtime import bundles, checking, linting


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=HOME)
def lint(path: Path) -> None:
    """Check PATH (a folder or one diagram, table or form) against everything a deployment refuses."""
    gathered = linting.gather(path)
    found = checking.check(gathered.files, linting.limits(gathered))
    found = [f for f in found if not gathered.only or f.file in {"", gathered.only}]
    for f in found:
        where = f"{f.file or path}:{f.line or 1}" + (f" {f.element}" if f.element else "")
        out.print(f"{f.level}: {where}: {f.message} {f.mend} [{f.rule}]", markup=False, soft_wrap=True)
    errors = sum(f.level == "error" for f in found)
    count = 1 if gathered.only else len(gathered.files)
    out.print(f"{count} file{'' if count == 1 else 's'}: {errors} errors, {len(found) - errors} warnings.")
    raise SystemExit(1 if errors else 0)


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--coverage", "covering", is_flag=True, help="Say which flows of the diagrams no scenario takes.")
@click.option("--draw", type=click.Path(file_okay=False, path_type=Path), help="Draw them, such flows in red.")
def scenario(path: Path, draw: Path | None, *, covering: bool) -> None:
    """Play the scenarios in PATH (a folder or a file) with a simulated clock and print each clock."""
    root = bundles.root_of(path)
    definition = definition_of(bundles.read_folder(root))
    paths = {p.stem: p for p in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])}
    reports = played(definition, {name: p.read_text(encoding="utf-8") for name, p in paths.items()})
    for one in reports:
        _print_report(paths[one.story], one.report)
    failed = sum(bool(one.report.failures) for one in reports)
    out.print(f"{len(reports) - failed} passed, {failed} failed")
    missing = 0
    if covering or draw is not None:
        covered = coverage(definition, {way for one in reports for way in one.report.flows})
        missing = _print_coverage(covered)
        if draw is not None:
            _draw(definition, covered, draw)
    raise SystemExit(1 if failed or missing or not reports else 0)


def _print_coverage(covered: Sequence[Covered]) -> int:
    for one in covered:
        for way in one.missing:
            out.print(f"{one.name}: {way.words} ({way.flow}) is never taken", markup=False, style="red")
    missing, every = sum(len(c.missing) for c in covered), sum(len(c.ways) for c in covered)
    out.print(f"{percentage(covered):.1f} % of the flows are taken: {every - missing} of {every}.")
    return missing


def _draw(definition: ProcessDefinition, covered: Sequence[Covered], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in covered:
        picture = svg(definition.diagram(one.process), {way.flow for way in one.missing}, one.name)
        (folder / f"{one.process}.svg").write_text(picture, encoding="utf-8")
    out.print(f"Drew {len(covered)} diagrams in {folder}.", markup=False)


def _print_report(path: Path, report: Report) -> None:
    end = report.outcome or "still running"
    out.print(f"{'FAILED' if report.failures else 'passed'}  {report.name} ({report.steps} steps, {end})", markup=False)
    for clock in report.clocks.values():
        due = clock.due.astimezone(LONDON).date()
        state = "met" if clock.met else "running"
        late = f", breached {', '.join(british(b) for b in clock.breaches)}" if clock.breaches else ""
        moved = f" (first {british(clock.first_due)})" if clock.first_due != clock.due else ""
        out.print(
            f"        {clock.key}: due {british(due)}{moved}, act by {british(act_by(due))}, {state}{late}",
            markup=False,
        )
    for failure in report.failures:
        out.print(f"        {path}:{failure.line}: {failure.text}", markup=False, style="red")
