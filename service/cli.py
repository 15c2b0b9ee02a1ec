"""The command line: ``python -m service.cli VERB``. Every verb says what it did in a sentence and ends with 0, 1 or 2.

0 means done and well; 1 means what was checked is wrong; 2 means the request could not be understood or carried out.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from service.app import create_service
from service.core import gate, scenarios
from service.core.calendar import LONDON, act_by, british
from service.core.definitions import definition_of
from service.core.errors import BrokenRule, NothingToDo, Rejection
from service.core.replay import ReplayDiffers, Verdict
from service.core.scenarios import Report
from service.runtime import bundles, entering, history, linting, logs, serving, worker
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused
from service.store import instances, people, safety
from service.store.outages import will_pass
from service.store.schema import migrate, require_current
from service.store.tables import process_instance

HOME = Path(__file__).resolve().parent.parent
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
    except DBAPIError as failure:
        if not will_pass(failure):
            raise
        sys.exit(_say("The database went away while this was done. What was begun was undone; try again."))
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


def _opened(settings: Settings, *, thorough: bool = False) -> Service:
    """The service over a database that is safe to use; what somebody should know of it is printed."""
    service = create_service(settings)
    for warning in safety.require_safe(service.store, thorough=thorough):
        out.print(warning, markup=False, style="yellow")
    return service


def _with_service(verb: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(verb)
    def with_service(**given: Any) -> Any:
        service = _opened(Settings.from_env(os.environ))
        require_current(service.store)
        return verb(service, **given)

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
    service = _opened(settings, thorough=True)
    serving.prepare(service, bundles.read_folder(HOME), out)
    sys.exit(serving.serve(settings, environ, out))


@cli.command(name="migrate")
def migrate_() -> None:
    """Bring the database to this release's schema."""
    migrate(_opened(Settings.from_env(os.environ), thorough=True).store)
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
@click.argument("export", type=click.Path(exists=True, path_type=Path), required=False)
def verify(export: Path | None) -> None:
    """Check chain and replay of every case in the database, or of one EXPORT file without any database."""
    if export is not None:
        code, steps, definitions = bundles.read_export(export.read_text(encoding="utf-8"))
        verdicts = [(code, history.verdict(lambda h: definitions[h], steps))]
    else:
        service = _opened(Settings.from_env(os.environ), thorough=True)
        require_current(service.store)
        verdicts = _verify_all(service)
    for code, verdict in verdicts:
        out.print(f"{code}: {verdict.text}", markup=False)
    wrong = sum(v.kind != "equal" for _, v in verdicts)
    out.print(f"{len(verdicts) - wrong} equal, {wrong} not.")
    sys.exit(1 if wrong else 0)


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
@_with_service
def export_(service: Service, code: str, path: Path | None) -> None:
    """Write the history of the case CODE, with its definitions, to PATH (or CODE.json)."""
    instance_id = _instance(service, code)
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


def _instance(service: Service, code: str) -> str:
    with service.read() as db:
        row = db.execute(process_instance.select().where(process_instance.c.code == code)).one_or_none()
    if row is None:
        raise Rejection(f"There is no case {code}.")
    return str(row.id)


if __name__ == "__main__":
    main()
