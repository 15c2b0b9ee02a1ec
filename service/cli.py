"""The command line: ``python -m service.cli VERB``. Every verb says what it did in a sentence and ends with 0, 1 or 2.

0 means done and well; 1 means what was checked is wrong; 2 means the request could not be understood or carried out.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from service.app import create_service
from service.core import gate, scenarios
from service.core.calendar import LONDON, act_by, british
from service.core.definitions import definition_of
from service.core.errors import BrokenRule, NothingToDo, Rejection
from service.core.replay import ReplayDiffers
from service.core.scenarios import Report
from service.runtime import (
    bundles,
    entering,
    exports,
    history,
    linting,
    logs,
    serving,
    signing,
    verifying,
    witnesses,
    worker,
)
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused
from service.store import instances, people
from service.store.schema import migrate
from service.store.tables import process_instance

HOME = Path(__file__).resolve().parent.parent
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
out = Console(soft_wrap=True, highlight=False)


def main() -> None:
    """Run a verb; a refusal is one plain sentence."""
    try:
        cli.main(prog_name="service", standalone_mode=False)
    except BrokenRule as refused:
        for problem in refused.problems:
            out.print(f"  {problem.field}: {problem.message}", markup=False)
        sys.exit(_say(str(refused)))
    except (Rejection, SettingsRefused) as refused:
        sys.exit(_say(str(refused)))
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(2)


def _say(text: str) -> int:
    out.print(text, markup=False, style="red")
    return 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run the service, check definitions, and look after cases."""


def _with_service(verb: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(verb)
    def with_service(**given: Any) -> Any:
        return verb(create_service(Settings.from_env(os.environ)), **given)

    return with_service


@cli.command()
@click.option("--practice", is_flag=True, help="A practice site: invented cases, open accounts, a clock to move.")
def run(*, practice: bool) -> None:
    """Migrate, deploy what is not deployed yet, and serve pages and worker until Ctrl-C."""
    environ = {**os.environ, **({"CASEWORK_PRACTICE": "1"} if practice else {})}
    settings = Settings.from_env(environ)
    if settings.practice and not settings.secret_key:
        environ["CASEWORK_SECRET_KEY"] = serving.practice_key(settings.data_folder)
    serving.require_free_port(settings)
    service = create_service(settings)
    serving.prepare(service, bundles.read_folder(HOME), out)
    sys.exit(serving.serve(settings, environ, out))


@cli.command(name="migrate")
@_with_service
def migrate_(service: Service) -> None:
    """Bring the database to this release's schema."""
    migrate(service.store)
    witnesses.require_whole(service)
    out.print("The database has the schema of this release.")


@cli.command(name="worker")
@_with_service
def worker_(service: Service) -> None:
    """Fire due timers and send letters until told to stop."""
    logs.configure()
    worker.run(service)


@cli.command()
@click.argument("email")
@click.option("--name", required=True, help="As colleagues know this person.")
@click.option("--role", "roles", multiple=True, required=True, help="role or role@agency; may be given several times.")
@click.password_option(help="Asked for when not given.")
@_with_service
def user(service: Service, email: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Add a person with roles, or give a person further roles."""
    with service.read() as db:
        known = service.definitions.current(db).roles
    if unknown := [r for r in roles if r.partition("@")[0] not in known]:
        raise Rejection(f"There is no role {', '.join(unknown)}. Roles: {', '.join(sorted(known))}.")
    at = service.clock()
    entering.add_account(service.store, email=email, name=name, password=password, roles=list(roles), at=at)
    out.print(f"{email} may sign in as {', '.join(roles)}.", markup=False)


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=HOME)
@click.option("--note", default="Deployed from the command line", help="Why, for the list of versions.")
@_with_service
def deploy(service: Service, path: Path, note: str) -> None:
    """Deploy the definition in the folder PATH; running cases stay on their version."""
    try:
        row = service.deployments.deploy(None, bundles.read_folder(bundles.root_of(path)), note)
    except NothingToDo as same:
        out.print(str(same))
        return
    out.print(f"Deployed as version {row.version} ({row.hash[:12]}).")


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=HOME)
def lint(path: Path) -> None:
    """Check PATH (a folder or one diagram, table or form) against everything a deployment refuses."""
    gathered = linting.gather(path)
    found = [f for f in gate.check(gathered.files) if gathered.only in {None, f.file}]
    for f in found:
        where = f"{f.file}:{f.line or 1}" + (f" {f.element}" if f.element else "")
        out.print(f"{f.level}: {where}: {f.message} {f.mend} [{f.rule}]", markup=False, soft_wrap=True)
    errors = sum(f.level == "error" for f in found)
    count = 1 if gathered.only else len(gathered.files)
    out.print(f"{count} file{'' if count == 1 else 's'}: {errors} errors, {len(found) - errors} warnings.")
    sys.exit(1 if errors else 0)


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def scenario(path: Path) -> None:
    """Play the scenarios in PATH (a folder or a file) with a simulated clock and print each clock."""
    root = bundles.root_of(path)
    definition = definition_of(bundles.read_folder(root))
    texts = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    reports = [(p, scenarios.play(definition, p.read_text(encoding="utf-8"))) for p in texts]
    for text_path, report in reports:
        _print_report(text_path, report)
    failed = sum(bool(r.failures) for _, r in reports)
    out.print(f"{len(reports) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not reports else 0)


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
        service = create_service(Settings.from_env(os.environ))
        shown = partial(track, description="Running every case again", console=out, transient=True, disable=as_json)
        report = verifying.database(service, witnessed, public_key, shown)
    if as_json:
        click.echo(json.dumps(report.written(), ensure_ascii=False, indent=1))
    else:
        _print_verdicts(report)
    sys.exit(1 if report.wrong else 0)


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
@_with_service
def accept_restore(service: Service, reason: str) -> None:
    """Go on with a database older than, or other than, the newest checkpoint, and keep that on record."""
    path = witnesses.accept_restore(service, reason)
    out.print(f"Kept on record in {path}. Tell those who hold checkpoints.", markup=False)


@cli.command()
@click.argument("code")
@click.option("--at", "moment", help="Only as far as this instant, like 2026-03-01T09:00.")
@_with_service
def replay(service: Service, code: str, moment: str | None) -> None:
    """Run the case CODE again from nothing and print it step by step."""
    with service.read() as db:
        steps = instances.steps_of(db, _instance(service, code))
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
    sys.exit(0 if verdict.kind == "equal" else 1)


@cli.command(name="export")
@click.argument("code")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="A checkpoint somebody holds, to lead back to.")
@_with_service
def export_(service: Service, code: str, path: Path | None, kept: tuple[Path, ...]) -> None:
    """Write the history of the case CODE, with its definitions and what proves it, to PATH (or CODE.json)."""
    instance_id, key = _instance(service, code), signing.public_half(service.settings)
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


def _instance(service: Service, code: str) -> str:
    with service.read() as db:
        row = db.execute(process_instance.select().where(process_instance.c.code == code)).one_or_none()
    if row is None:
        raise Rejection(f"There is no case {code}.")
    return str(row.id)


if __name__ == "__main__":
    main()
