"""Verbs that keep what there is safe: backup, restore."""

import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from service.app import create_service
from service.cli.console import cli, opened, out
from service.runtime import backing_up, backup_check, restoring, state_keys, witnesses
from service.runtime.backup_check import Proof
from service.runtime.restoring import Restored
from service.runtime.sealed_files import Changed
from service.settings import Settings
from service.store import safety
from service.store.schema import require_current

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OURS = re.compile(rf"(\d{{8}}T\d{{6}}Z)-[0-9a-f]{{6}}{re.escape(backing_up.ENDING)}")

WITHOUT_BETTER = "If there is no better one: --although-behind “why”. Then the service can only be read at first."
READING_ONLY = (
    "The database is behind a checkpoint, so the service can only be read. To go on with it: service accept-restore "
    "--reason “…”. Then tell people which steps they have to take again."
)


@cli.command()
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option("--verify", "only_verify", is_flag=True, help="Prove the backup TARGET instead of making one.")
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="With --verify: a checkpoint you kept.")
@click.option("--public-key", type=FILE, help="With --verify: the public key of the log, got elsewhere.")
@click.option("--forget-after", type=click.IntRange(min=1), help="Days after which backups in the folder are deleted.")
def backup(
    target: Path | None, kept: tuple[Path, ...], public_key: Path | None, forget_after: int | None, *, only_verify: bool
) -> None:
    """Write a backup into the folder TARGET, or to the file TARGET, while everybody works; and read it back."""
    settings = Settings.from_env(os.environ)
    if only_verify:
        if target is None or not target.is_file():
            raise click.UsageError("Say which backup: service backup --verify FILE.")
        raise SystemExit(_verify(settings, target, _notes(kept), public_key))
    service = opened(settings, thorough=True)
    require_current(service.store)
    began, at = time.monotonic(), service.clock()
    path = target or settings.backups
    if target is None or target.is_dir():
        path = path / backing_up.file_name(at)
    manifest, proof = backing_up.make(service, path, _shown("Parts"))
    _describe(manifest)
    size = path.stat().st_size // 1024 + 1
    out.print(f"Wrote {path}, {size} KB, in {_seconds(began)}, and read it back.", markup=False)
    _needed(manifest)
    if forget_after is not None:
        _forget(path, at - timedelta(days=forget_after))
    if proof.wrong:
        _say(proof)
        out.print("The database itself does not hold. The backup is what there is: see “service verify”.", style="red")
        raise SystemExit(1)


def _shown(what: str) -> backup_check.Shown:
    def wrapped(names: Sequence[str]) -> Iterable[str]:
        return track(names, description=what, console=out, transient=True)

    return wrapped


def _describe(manifest: Mapping[str, Any]) -> None:
    rows, log = sum(table["rows"] for table in manifest["tables"]), manifest["log"]
    sealed = f"{log['size']} steps are sealed, root {log['root'][:16]}…" if log["size"] else "Nothing is sealed yet."
    out.print(
        f"The backup holds what was acknowledged up to {manifest['at']}: {rows} rows of {len(manifest['tables'])} "
        f"tables, {len(manifest['files'])} files. {sealed}",
        markup=False,
    )


def _needed(manifest: Mapping[str, Any]) -> None:
    keys = manifest["keys"]
    named = [f"CASEWORK_BACKUP_KEY ({keys['backup']})", *(f"CASEWORK_STATE_KEY ({key})" for key in keys["state"])]
    named += [f"CASEWORK_SIGNING_KEY ({keys['signing']})"] if keys["signing"] else []
    out.print(f"Its keys are not in it. Needed with it: {', '.join(named)}. Keep them elsewhere.", markup=False)


def _forget(made: Path, before: datetime) -> None:
    """Delete backups by the instant in their names, only those we named, and never the one just made."""
    for path in sorted(made.parent.iterdir()):
        if (found := OURS.fullmatch(path.name)) and path != made and _instant(found[1]) < before:
            path.unlink()
            out.print(f"Deleted {path.name}: it was older than asked to be kept.", markup=False)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.1f} seconds"


def _notes(kept: Sequence[Path]) -> dict[str, str]:
    return {path.name: witnesses.read_file(path) for path in kept}


def _verify(settings: Settings, path: Path, given: Mapping[str, str], public_key: Path | None) -> int:
    try:
        with backup_check.opened(path, backing_up.key(settings)) as found:
            _describe(found.manifest)
            held = restoring.witnesses_of(settings, found, given, public_key)
            proof = backup_check.prove(found, held, state_keys.keys_of(settings), _shown("Parts"))
            manifest = found.manifest
    except Changed as changed:
        out.print(str(changed), markup=False, style="red")
        return 1
    _say(proof)
    if not proof.witnessed:
        out.print(backup_check.UNPROVED, markup=False, style="red")
    if proof.keys:
        out.print(f"To restore it, the state key {', '.join(proof.keys)} is needed; it is not the one set here.")
    _needed(manifest)
    return 1 if proof.wrong else 0


def _say(proof: Proof) -> None:
    for text in proof.well:
        out.print(text, markup=False)
    for text in proof.wrong:
        out.print(text, markup=False, style="red")


@cli.command()
@click.argument("file", type=FILE)
@click.option("--checkpoint", "kept", type=FILE, multiple=True, help="The newest checkpoint somebody kept; or several.")
@click.option("--public-key", type=FILE, help="The public key of the log, got elsewhere than with the backup.")
@click.option("--although-behind", "although", default="", help="Why a backup older than a checkpoint is put back.")
def restore(file: Path, kept: tuple[Path, ...], public_key: Path | None, although: str) -> None:
    """Put the backup FILE into the empty database that the settings name, and prove what then lies there."""
    began, settings = time.monotonic(), Settings.from_env(os.environ)
    given, service = _notes(kept), create_service(settings)
    for warning in safety.require_safe(service.store):
        out.print(warning, markup=False, style="yellow")
    try:
        with backup_check.opened(file, backing_up.key(settings)) as found:
            _describe(found.manifest)
            done = restoring.restore(
                service, found, given, public=public_key, although=although, shown=_shown("Parts")
            )  # fmt: skip
    except (restoring.NotWhole, restoring.NeedsReason, Changed) as refused:
        out.print(str(refused), markup=False, style="red")
        if isinstance(refused, restoring.NeedsReason):
            out.print(WITHOUT_BETTER, markup=False)
        raise SystemExit(1) from None
    _done(done, began)


def _done(done: Restored, began: float) -> None:
    _say(done.proof)
    if not done.proof.witnessed:
        out.print(backup_check.UNPROVED, markup=False, style="red")
    out.print(
        f"Put back {done.rows} rows and {done.files} files in {_seconds(began)}. Read back, each is what the backup "
        "says. Everybody has to sign in again. Next: “service verify” runs every case again."
    )
    if done.reading_only:
        out.print(READING_ONLY, markup=False, style="red")
    raise SystemExit(1 if done.proof.wrong else 0)
