"""Verbs that put the service to work: run, migrate, worker, user, deploy."""

import os
from pathlib import Path

import click
from rich.progress import track

from service.cli.console import HOME, cli, opened, out, with_service
from service.core.errors import NothingToDo, Rejection
from service.runtime import bundles, entering, logs, reading_only, serving, state_keys, state_migration, worker
from service.runtime.service import Service
from service.runtime.state_migration import StateMigration
from service.settings import Settings


@cli.command()
@click.option("--practice", is_flag=True, help="A practice site: invented cases, open accounts, a clock to move.")
def run(*, practice: bool) -> None:
    """Migrate, deploy what is not deployed yet, and serve pages and worker until Ctrl-C."""
    environ = {**os.environ, **({"CASEWORK_PRACTICE": "1"} if practice else {})}
    settings = Settings.from_env(environ)
    if settings.practice and not settings.secret_key:
        environ["CASEWORK_SECRET_KEY"] = state_keys.practice_key(settings.data_folder)
    serving.require_free_port(settings)
    service = opened(settings, thorough=True)
    working = serving.prepare(service, bundles.read_folder(HOME), out)
    raise SystemExit(serving.serve(settings, environ, out, working=working))


@cli.command(name="migrate")
def migrate_() -> None:
    """Bring the database to this release's schema."""
    service = opened(Settings.from_env(os.environ), thorough=True)
    if sealed := state_migration.bring_up_to_date(service.store):
        out.print(f"Sealed {sealed} cases of the release before.")
    out.print("The database has the schema of this release.")
    if why := reading_only.look(service):
        out.print(f"{why}\nUntil then the service can only be read.", markup=False, style="red")
    state_keys.require_fitting(service.store)


@cli.command(name="worker")
@with_service
def worker_(service: Service) -> None:
    """Fire due timers and send letters until told to stop."""
    logs.configure()
    state_keys.require_fitting(service.store)
    worker.run(service)


@cli.command()
@click.argument("email")
@click.option("--name", required=True, help="As colleagues know this person.")
@click.option("--role", "roles", multiple=True, required=True, help="role or role@agency; may be given several times.")
@click.password_option(help="Asked for when not given.")
@with_service
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
@with_service
def deploy(service: Service, path: Path, note: str) -> None:
    """Deploy the definition in the folder PATH; running cases stay on their version."""
    try:
        row = service.deployments.deploy(None, bundles.read_folder(bundles.root_of(path)), note)
    except NothingToDo as same:
        out.print(str(same))
        return
    out.print(f"Deployed as version {row.version} ({row.hash[:12]}).")


@cli.command(name="migrate-state")
@click.option("--by", help="E-mail address of the person doing it.")
@click.option("--approved-by", help="E-mail address of a second person who agrees.")
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
@with_service
def migrate_state(service: Service, by: str | None, approved_by: str | None, *, yes: bool) -> None:
    """Seal states of the first release and bring older forms into today's; needs two people. Stop the service first."""
    work = StateMigration(service.store, service.clock, service.definitions)
    if yes:
        first, second = work.operators(by or "nobody", approved_by or "nobody")
        shown = track(work.codes(), description="Bringing cases over", console=out, transient=True)
        found = [work.bring_over(code, first, second) for code in shown]
    else:
        found = list(work.plan())
    for one in (f for f in found if f.what != "fine"):
        out.print(f"{one.code}: {one.what}: {one.text}", markup=False)
    counts = {what: sum(f.what == what for f in found) for what in ("seal", "convert", "refused", "fine")}
    done = "" if yes else " Nothing was changed; --yes does it."
    out.print(", ".join(f"{what} {n}" for what, n in counts.items()) + f".{done}")
    raise SystemExit(1 if counts["refused"] else 0)
