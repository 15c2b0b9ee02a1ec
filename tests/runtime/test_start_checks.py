"""What would lose data, or is not this release's, is refused at the start with a sentence a person can act on."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from conftest import dispose
from service import cli
from service.app import create_service
from service.cli import console
from service.settings import SettingsRefused
from service.store import durability, safety, schema
from service.store.transaction import open_store, reading, transaction
from tree import ROOT

KEYS = {"CASEWORK_SECRET_KEY": "s" * 40, "CASEWORK_STATE_KEY": "s" * 40}
NOWHERE = "127.0.0.1:1"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


@pytest.fixture
def ask(monkeypatch, capsys, tmp_path):
    """Run a verb here and return its exit code and what it said."""
    opened = []

    def remembered(settings):
        opened.append(create_service(settings))
        return opened[-1]

    monkeypatch.setattr(console, "create_service", remembered)  # the real one; its connections are closed here

    def run(*words: str, url: str = "", folder: Path | None = None, **environ: str) -> tuple[int, str]:
        given = KEYS | {"CASEWORK_DATA_FOLDER": str(folder or tmp_path / "var")} | environ
        given["CASEWORK_DATABASE_URL"] = url
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["service", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        while opened:
            dispose(opened.pop().store)
        return code, " ".join(capsys.readouterr().out.split())

    return run


def without_roots_right_to_write() -> None:
    """In a process about to begin: from now on the rights of files count for root too."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def as_a_person(*words: str, before: Callable[[], None] | None = None, **environ: str) -> tuple[int, str]:
    """Run a program of its own, as a person would, and return its exit code and all it said."""
    found = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=os.environ | KEYS | environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, preexec_fn=before, check=False,
    )  # fmt: skip
    return found.returncode, found.stdout


def a_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def spoil(url: str, setting: str) -> None:
    """Let every new connection to this database begin with a setting."""
    name = url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name} SET {setting}")


# --- as a person sees it -------------------------------------------------------------------------------------------


def test_run_refuses_a_database_that_answers_before_it_has_kept(postgres_url, tmp_path):
    spoil(postgres_url, "synchronous_commit = off")
    code, said = as_a_person(
        *("-m", "service.cli", "run"), CASEWORK_DATABASE_URL=postgres_url, CASEWORK_DATA_FOLDER=str(tmp_path),
        CASEWORK_PORT=a_port(),
    )  # fmt: skip
    assert code == 2, said
    assert "could be lost (synchronous_commit is off). Set it to on" in said
    assert "Traceback" not in said


def test_run_refuses_a_folder_it_cannot_write_to(sqlite_template, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "cases.db")
    for path in [folder / "cases.db", folder]:
        path.chmod(0o555)
    code, said = as_a_person(
        *("-B", "-m", "service.cli", "run"), CASEWORK_DATA_FOLDER=str(folder), CASEWORK_PORT=a_port(),
        before=without_roots_right_to_write,
    )  # fmt: skip
    assert code == 2, said
    assert f"{folder} cannot be written to. Give the service's own user the right to" in said
    assert "Traceback" not in said


def test_the_web_server_ends_with_a_sentence_on_a_schema_it_does_not_know(sqlite_url, tmp_path):
    renamed(sqlite_url, "9999")
    code, said = as_a_person(
        *("-m", "gunicorn", "service.app:from_environment()", "--bind", "127.0.0.1:0", "--no-control-socket"),
        CASEWORK_DATABASE_URL=sqlite_url, CASEWORK_DATA_FOLDER=str(tmp_path),
    )  # fmt: skip
    assert code == 4, said
    assert "The database has the schema 9999, which this release does not know" in said
    assert "Traceback" not in said


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("synchronous_commit = off", "could be lost (synchronous_commit is off). Set it to on"),
        ("synchronous_commit = local", "could be lost (synchronous_commit is local). Set it to on"),
        ("default_transaction_read_only = on", "would keep nothing (default_transaction_read_only is on)"),
        ("session_replication_role = replica", "would not check what refers to what"),
        ("zero_damaged_pages = on", "would empty damaged pages"),
        ("client_encoding = LATIN1", "cannot carry every character (client_encoding is LATIN1)"),
    ],
)
@pytest.mark.parametrize("verb", ["worker", "migrate"])
def test_a_setting_that_loses_data_is_refused(ask, postgres_url, setting, sentence, verb):
    spoil(postgres_url, setting)
    code, said = ask(verb, url=postgres_url)
    assert (code, sentence in said) == (2, True), said


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_wait_for_its_disk_is_refused(ask, mortal, name):
    mortal.set(name, "off")
    try:
        code, said = ask("worker", url=mortal.url)
    finally:
        mortal.set(name, None)
    assert (code, f"({name} is off)" in said) == (2, True), said


@pytest.mark.postgres
def test_a_server_that_comes_back_weaker_is_not_used(mortal):
    """It was sound at the start; every connection after that is looked at too."""
    store = open_store(mortal.url)
    with reading(store) as db:
        assert db.execute(text("SHOW fsync")).scalar_one() == "on"
    mortal.kill()
    mortal.start()
    mortal.set("fsync", "off")
    try:
        with pytest.raises(SettingsRefused, match="does not wait for the disk"), transaction(store):
            pass
    finally:
        mortal.set("fsync", None)
        dispose(store)


@pytest.mark.postgres
@pytest.mark.parametrize("option", ["-c%20synchronous_commit%3Doff", "-csynchronous_commit%3Doff"])
def test_an_address_that_weakens_the_database_is_refused(ask, postgres_url, option):
    code, said = ask("worker", url=f"{postgres_url}&options={option}")
    assert (code, "(synchronous_commit is off)" in said) == (2, True), said


@pytest.mark.postgres
def test_an_address_cannot_take_our_limits_away(postgres_url):
    store = open_store(f"{postgres_url}&options=-c%20lock_timeout%3D0%20-c%20application_name%3Dmine")
    with reading(store) as db:
        assert db.execute(text("SHOW lock_timeout")).scalar_one() == "5s"
        assert db.execute(text("SHOW application_name")).scalar_one() == "mine"
    dispose(store)


@pytest.mark.postgres
def test_a_database_of_another_encoding_is_refused(ask, postgres):
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    code, said = ask("migrate", url=postgres.replace("/postgres?", "/latin?"))
    assert (code, "cannot keep every character (server_encoding is LATIN1)" in said) == (2, True), said


@pytest.mark.postgres
def test_a_database_out_of_reach_is_named_without_its_password(ask, mortal, postgres_url):
    code, said = ask("worker", url=f"postgresql+psycopg://casework:SECRET@{NOWHERE}/casework")
    assert (code, f"casework:***@{NOWHERE}/casework cannot be used: " in said) == (2, True), said
    assert "SECRET" not in said
    assert "mend CASEWORK_DATABASE_URL" in said
    missing = postgres_url.replace("/test_", "/never_")
    code, said = ask("migrate", url=missing)
    assert (code, "does not exist" in said) == (2, True), said


SOUND = {
    "server_version_num": "180004", "synchronous_commit": "on", "fsync": "on", "full_page_writes": "on",
    "zero_damaged_pages": "off", "session_replication_role": "origin", "default_transaction_read_only": "off",
    "in_hot_standby": "off", "server_encoding": "UTF8", "client_encoding": "UTF8", **durability.LIMITS,
}  # fmt: skip


def test_sound_settings_have_no_fault():
    assert durability.postgresql_faults(SOUND) == []
    assert durability.postgresql_faults(SOUND | {"synchronous_commit": "remote_apply"}) == []


@pytest.mark.parametrize(
    ("name", "found", "sentence"),
    [
        ("server_version_num", "150012", "This is PostgreSQL 15; at least version 16 is needed."),
        ("in_hot_standby", "on", "This PostgreSQL is a standby"),
        ("lock_timeout", "0", "A limit this service sets on its connections is not in force (lock_timeout is 0)"),
        ("statement_timeout", "0", "is not in force (statement_timeout is 0)"),
        ("idle_in_transaction_session_timeout", "0", "is not in force"),
        ("TimeZone", "Europe/London", "is not in force (TimeZone is Europe/London)"),
        ("client_encoding", "LATIN1", "cannot carry every character"),
        ("fsync", None, "does not wait for the disk"),
    ],
)
def test_each_setting_has_its_sentence(name, found, sentence):
    (fault,) = durability.postgresql_faults(SOUND | {name: found})
    assert sentence in fault
    assert fault.endswith((".", "'."))


# --- SQLite --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "sqlite:///file:x?nolock=1&uri=true"]
)  # fmt: skip
def test_a_database_that_is_no_file_is_refused(ask, url):
    code, said = ask("migrate", url=url)
    assert (code, "names no plain file, so nothing would be kept safely" in said) == (2, True), said


def test_a_folder_that_is_not_there_is_refused(ask, tmp_path):
    code, said = ask("migrate", url=f"sqlite:///{tmp_path}/nowhere/cases.db")
    assert (code, f"There is no folder {tmp_path}/nowhere" in said) == (2, True), said
    (tmp_path / "file").write_text("x")
    code, said = ask("migrate", folder=tmp_path / "file" / "var")
    assert (code, "cannot be made. Set CASEWORK_DATA_FOLDER" in said) == (2, True), said
    code, said = ask("run", "--practice", folder=tmp_path / "file" / "var", CASEWORK_SECRET_KEY="")
    assert (code, "or set CASEWORK_DATA_FOLDER to another folder" in said) == (2, True), said


def test_a_file_that_is_no_database_is_left_alone_and_named(ask, tmp_path):
    file = tmp_path / "cases.db"
    file.write_bytes(b"Minutes of the meeting\n" * 400)
    before = file.read_bytes()
    for verb in ("migrate", "worker"):
        code, said = ask(verb, url=f"sqlite:///{file}")
        assert (code, "is no sound database: file is not a database. Restore a backup" in said) == (2, True), said
    assert file.read_bytes() == before


def test_a_damaged_file_is_named(ask, sqlite_url, tmp_path):
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(file.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = os.urandom(64)
    file.write_bytes(content)
    code, said = ask("migrate", url=sqlite_url)
    assert (code, "Restore" in said) == (2, True), said


def test_a_network_file_system_is_told_from_a_disk():
    mounts = r"""
        22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
        40 22 0:40 / /srv/share rw,relatime - nfs4 server:/share rw,vers=4.2
        41 40 0:41 / /srv/share/local rw - xfs /dev/vdb rw
        42 22 0:42 / /srv/two\040words rw - cifs //server/x rw
        43 22 0:43 / /srv/hidden rw - ext4 /dev/vdc rw
        44 22 0:44 / /srv/hidden rw - fuse.sshfs there: rw
        a line that means nothing
    """
    kinds = {
        "/var/lib/cases.db": "ext4", "/srv/share/cases.db": "nfs4", "/srv/shared/cases.db": "ext4",
        "/srv/share/local/cases.db": "xfs", "/srv/two words/cases.db": "cifs", "/srv/hidden/cases.db": "fuse.sshfs",
    }  # fmt: skip
    assert {path: safety.file_system(Path(path), mounts) for path in kinds} == kinds
    assert safety.file_system(Path("/x"), "") is None
    assert {"nfs4", "cifs", "fuse.sshfs"} <= safety.OVER_A_NETWORK
    assert not {"ext4", "xfs", "overlay", "tmpfs"} & safety.OVER_A_NETWORK


def test_a_database_on_a_share_is_refused_and_an_unknown_place_is_said(ask, sqlite_url, tmp_path, monkeypatch):
    """The machine's own list of mounts is what is read; here it says that the folder is a share."""
    listed = tmp_path / "mountinfo"
    monkeypatch.setattr(safety, "MOUNTS", listed)
    listed.write_text("22 1 0:1 / / rw - nfs4 server:/ rw\n")
    code, said = ask("migrate", url=sqlite_url)
    assert (code, "lies on a network file system (nfs4)" in said) == (2, True), said
    listed.write_text("22 1 0:1 / / rw - fuse.something x rw\n")
    code, said = ask("migrate", url=sqlite_url)
    assert (code, "of the kind fuse.something. Make sure that it is a disk of this machine." in said) == (0, True), said
    listed.unlink()
    code, said = ask("migrate", url=sqlite_url)
    assert (code, "of a kind that could not be told" in said) == (0, True), said


def test_little_room_is_said(ask, sqlite_url, monkeypatch):
    monkeypatch.setattr(safety, "LITTLE_ROOM", 10**18)
    code, said = ask("migrate", url=sqlite_url)
    assert (code, "MB are free on the disk" in said) == (0, True), said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"version": (3, 34, 1)}, "SQLite 3.34.1 is too old; at least 3.35.0 is needed."),
        ({"compiled": ["THREADSAFE=0"]}, "built for a single thread"),
        ({"journal": "delete"}, "cannot keep its log beside the database (journal_mode is delete)"),
        ({"synchronous": 1}, "does not wait for the disk (synchronous is 1)"),
        ({"foreign_keys": 0}, "does not check what refers to what"),
    ],
)
def test_each_fault_of_sqlite_has_its_sentence(changed, sentence):
    sound = {"version": (3, 40, 1), "compiled": ["THREADSAFE=1"], "journal": "wal", "synchronous": 2, "foreign_keys": 1}
    assert durability.sqlite_faults(**sound) == []
    assert durability.sqlite_faults(**(sound | {"synchronous": 3})) == []
    (fault,) = durability.sqlite_faults(**(sound | changed))
    assert sentence in fault


# --- the schema ----------------------------------------------------------------------------------------------------


def renamed(url: str, revision: str) -> None:
    store = open_store(url)
    with transaction(store) as db:
        db.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    dispose(store)


@pytest.mark.parametrize("verb", ["migrate", "worker", "verify"])
def test_the_schema_of_a_newer_release_is_refused(ask, database_url, verb):
    renamed(database_url, "9999")
    code, said = ask(verb, url=database_url)
    assert (code, "schema 9999, which this release does not know: a newer one has used it" in said) == (2, True), said


@pytest.mark.parametrize("verb", ["worker", "verify"])
def test_the_schema_of_an_older_release_is_not_served(ask, tmp_path, verb):
    url = f"sqlite:///{tmp_path}/cases.db"
    code, said = ask(verb, url=url)
    assert (code, "The database is empty. Run “service migrate” first." in said) == (2, True), said
    (tmp_path / "cases.db").touch()
    store = open_store(url)
    with transaction(store) as db:
        earlier = list(ScriptDirectory.from_config(schema.config(db)).walk_revisions())[1:]
        if earlier:
            command.upgrade(schema.config(db), earlier[0].revision)
    dispose(store)
    if earlier:
        code, said = ask(verb, url=url)
        assert (code, "of an earlier release; this release needs" in said) == (2, True), said
        assert ask("migrate", url=url)[0] == 0
        assert ask("verify", url=url)[0] == 0


def test_tables_of_somebody_else_are_not_touched(ask, tmp_path):
    url = f"sqlite:///{tmp_path}/cases.db"
    (tmp_path / "cases.db").touch()
    store = open_store(url)
    with transaction(store) as db:
        db.execute(text("CREATE TABLE account (id INTEGER)"))
    dispose(store)
    code, said = ask("migrate", url=url)
    assert (code, "holds a table “account” that this service did not make" in said) == (2, True), said


@pytest.mark.postgres
def test_two_releases_that_start_at_once_migrate_once(mortal, tmp_path):
    with psycopg.connect(mortal.url, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
    going = [
        subprocess.Popen(
            [sys.executable, "-m", "service.cli", "migrate"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT,
            env=os.environ | KEYS | {"CASEWORK_DATABASE_URL": mortal.url, "CASEWORK_DATA_FOLDER": str(tmp_path)},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in going]
    assert [process.returncode for process in going] == [0, 0], said
