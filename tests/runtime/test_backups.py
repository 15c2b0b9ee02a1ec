"""The drill: a backup taken while people work is put back elsewhere, proved, and is never taken for what it is not."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, select, text

from build import MINI
from conftest import NUMBERS, SteppedClock, dispose
from service import cli
from service.app import create_app, create_service
from service.cli import console, keeping
from service.core.errors import ReadingOnly
from service.runtime import backing_up, backup_check, reading_only, sealed_files, sealing, verifying, witnesses, worker
from service.runtime.bundles import read_folder
from service.runtime.service import Service, join
from service.settings import Settings, SettingsRefused
from service.store import people
from service.store.tables import request, session, step
from service.store.transaction import reading, transaction
from story import APPLICATION, begin, inhabit, key
from tampering import tables
from tree import ROOT

BUSY = Path(__file__).with_name("busy.py")
AT_ONCE = 2
ENOUGH = 24
KEY = "b" * 40


def actor(service, name):
    with service.read() as db:
        return people.actor(db, name, service.clock())


@dataclass
class Crowd:
    """Processes that complete tasks as fast as they can, and what they were told was done."""

    url: str
    said: list[str] = field(default_factory=list)

    def __enter__(self):
        environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        commands = [[sys.executable, str(BUSY), self.url, f"p{n}"] for n in range(AT_ONCE)]
        self.running = [subprocess.Popen(c, env=environ, stdout=subprocess.PIPE, text=True) for c in commands]
        self.listening = [threading.Thread(target=self._listen, args=[process]) for process in self.running]
        for thread in self.listening:
            thread.start()
        return self

    def _listen(self, process):
        self.said.extend(line.strip() for line in process.stdout if "=" in line)

    def until(self, count: int) -> list[str]:
        ends = time.monotonic() + 60
        while len(self.said) < count:
            assert time.monotonic() < ends, "nobody gets anything done"
            time.sleep(0.01)
        return list(self.said)

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
        for thread in self.listening:
            thread.join()
        for process in self.running:
            process.communicate()


@dataclass
class Drill:
    """A site, a backup made of it while two processes worked, and checkpoints sealed before and after."""

    service: Service
    backup: Path
    acknowledged: list[str]
    later: list[str]
    before: Path
    after: Path


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, request):
    """Give addresses of databases that hold nothing; ``elsewhere("sqlite")``."""
    made = []

    def empty(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('empty') / 'cases.db'}"
        server, name = request.getfixturevalue("postgres"), f"restored_{next(NUMBERS)}"
        with psycopg.connect(server, autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}")
        made.append((server, name))
        return server.replace("/postgres?", f"/{name}?")

    yield empty
    for server, name in made:
        with psycopg.connect(server, autocommit=True) as db:
            db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def joined(url: str, folder: Path):
    settings = Settings(database_url=url, data_folder=folder, secret_key="s" * 40, backup_key=KEY)
    service = join(settings, SteppedClock(), [].append)
    yield service
    dispose(service.store)


def a_drill(url: str, folder: Path):
    with joined(url, folder) as service:
        inhabit(service)
        with transaction(service.store) as db:
            at = service.clock()
            db.execute(session.insert().values(token_hash="t", account_id="ann", started_at=at, seen_at=at))
        kept = backing_up.files_folder(service.settings) / "ab" / "cd01"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(os.urandom(200_000))
        path = folder / "backups" / "it.backup"
        with Crowd(url) as crowd:
            crowd.until(ENOUGH // 2)
            sealing.turn(service)
            before = max(service.settings.checkpoints.glob("checkpoint-*"))
            acknowledged = crowd.until(ENOUGH)
            backing_up.make(service, path)
            later = crowd.until(len(crowd.said) + AT_ONCE)
        sealing.turn(service)
        after = max(service.settings.checkpoints.glob("checkpoint-*"))
        yield Drill(service, path, acknowledged, later, before, after)


@pytest.fixture(scope="module")
def sqlite_drill(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drill")
    shutil.copy(sqlite_template, folder / "cases.db")
    yield from a_drill(f"sqlite:///{folder / 'cases.db'}", folder)


@pytest.fixture(scope="module")
def postgres_drill(postgres_template, tmp_path_factory):
    name = f"drill_{next(NUMBERS)}"
    with psycopg.connect(postgres_template, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE template_of_tests")
        yield from a_drill(postgres_template.replace("/postgres?", f"/{name}?"), tmp_path_factory.mktemp("drill"))
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def drill(request):
    return request.getfixturevalue("sqlite_drill" if request.param == "sqlite" else "postgres_drill")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a verb as the shell would over a database; return its exit code and what it said."""
    opened = []

    def remembered(settings):
        opened.append(create_service(settings))
        return opened[-1]

    for module in (console, keeping):
        monkeypatch.setattr(module, "create_service", remembered)  # the real one; its connections are closed here

    def call(url: str, *words: object, folder: Path | None = None, **environ: str) -> tuple[int, str]:
        given = {"DATABASE_URL": url, "DATA_FOLDER": str(folder or tmp_path / "var"), "BACKUP_KEY": KEY}
        given |= {"SECRET_KEY": "s" * 40, "STATE_KEY": "s" * 40} | environ
        for name, value in given.items():
            monkeypatch.setenv(f"CASEWORK_{name}", value)
        monkeypatch.setattr("sys.argv", ["service", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        while opened:
            dispose(opened.pop().store)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, " ".join((said.out + said.err).split())

    return call


def holds(url: str) -> list[str]:
    """The tables of a database; an embedded one that is not there holds none."""
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        return []
    with joined(url, Path("nowhere")) as service, service.read() as db:
        return inspect(db).get_table_names()


def rewritten(backup: Path, target: Path, change) -> Path:
    """The backup as somebody who has its key could have made it."""
    sealing_key = sealed_files.key_of(KEY)
    with backup_check.opened(backup, sealing_key) as found:
        parts = {name: found.archive.read(name) for name in found.archive.namelist()}
    change(parts)
    with target.open("wb") as out:
        sealed = sealed_files.Sealing(out, sealing_key)
        with zipfile.ZipFile(sealed, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data)
        sealed.finish()
    return target


def manifest(parts: dict[str, bytes], **changed: object) -> None:
    parts["manifest.json"] = json.dumps(json.loads(parts["manifest.json"]) | changed).encode()


# --- the drill -----------------------------------------------------------------------------------------------------


def test_everything_acknowledged_before_it_is_there_and_nothing_half(drill, elsewhere, run, tmp_path):
    """Put back into a database of either kind, proved against the checkpoint, every case run again."""
    for kind in ("sqlite", "postgresql"):
        url, folder = elsewhere(kind), tmp_path / kind
        code, said = run(url, "restore", drill.backup, "--checkpoint", drill.before, folder=folder)
        assert code == 0, said
        assert "It goes on from the checkpoint" in said
        assert "and 1 files in " in said, "how long it took is said"
        with joined(url, folder) as service:
            with service.read() as db:
                steps = {(row.instance_id, row.seq) for row in db.execute(select(step.c.instance_id, step.c.seq))}
                answered = set(db.execute(select(request.c.key)).scalars())
                ended = db.execute(select(session.c.ended_at)).scalars().all()
            for line in drill.acknowledged:
                name, instance_id, seq = line.split("=")
                assert (instance_id, int(seq)) in steps, f"{line} was acknowledged and is gone"
                assert name in answered
            assert len(steps) < len(drill.later) + 1, "the backup is of a moment in the middle"
            report = verifying.database(service, [drill.before.read_text()])
            assert report.wrong == 0, report.written()
            assert None not in ended, "a session ended since would be open again"
            done = service.handler.start(actor(service, "ann"), "application_received", APPLICATION, key())
            assert done.seq == 1, "and work goes on"
        files = [p for p in backing_up.files_folder(drill.service.settings).rglob("*") if p.is_file()]
        assert [(folder / "files" / "ab" / p.name).read_bytes() for p in files] == [p.read_bytes() for p in files]


def test_one_that_is_behind_is_refused_and_with_a_reason_only_read(drill, elsewhere, run, tmp_path):
    kind = "sqlite" if drill.service.store.embedded else "postgresql"
    url, asked = elsewhere(kind), ("restore", drill.backup, "--checkpoint", drill.after)
    code, said = run(url, *asked)
    assert (code, "It is older: at least" in said, "--although-behind" in said) == (1, True, True), said
    assert holds(url) == [], "nothing is left of it"
    code, said = run(url, *asked, "--although-behind", "The disk failed")
    assert (code, "the service can only be read" in said) == (1, True), said
    code, said = run(url, "migrate")
    assert (code, "Until then the service can only be read." in said) == (0, True), said
    with joined(url, tmp_path / "var") as service, pytest.raises(witnesses.OtherDatabase):
        worker.run(service)
    shutil.copy(drill.service.settings.data_folder / "signing.key", tmp_path / "var")
    settings = Settings(database_url=url, data_folder=tmp_path / "var", secret_key="s" * 40)
    app = create_app(settings)
    browser = app.test_client()
    page = browser.get("/sign-in")
    assert (page.status_code, "can only be read at present" in page.text) == (200, True)
    app.config["WTF_CSRF_ENABLED"] = False
    assert browser.post("/tasks/x").status_code == 409
    assert browser.post("/sign-in", data={"email": "x", "password": "y"}).status_code == 422, "people may look"
    service = app.extensions["service"]
    with pytest.raises(ReadingOnly):
        begin(service, lambda name: actor(service, name))
    with pytest.raises(ReadingOnly):
        service.deployments.deploy(None, {**bundle(service), "forms/x.json": "{}"}, "note")
    dispose(service.store)
    assert run(url, "accept-restore", "--reason", "The disk failed")[0] == 0
    with joined(url, tmp_path / "var") as service:
        assert reading_only.look(service) is None
        begin(service, lambda name: actor(service, name))


def bundle(service):
    with service.read() as db:
        return dict(service.definitions.current(db).files)


def test_nothing_is_written_over_a_database_that_holds_anything(drill, run):
    url = drill.service.settings.url
    code, said = run(url, "restore", drill.backup)
    assert (code, "The database is not empty: it holds a table" in said) == (2, True), said
    with drill.service.read() as db:
        assert db.execute(select(step.c.seq).limit(1)).one()


# --- what is no backup, or no longer one ---------------------------------------------------------------------------


def flipped(place):
    def change(data: bytearray) -> None:
        at = int(place * (len(data) - 1)) if isinstance(place, float) else place
        data[at] ^= 1

    return change


def shorter(by):
    def change(data: bytearray) -> None:
        del data[-by:]

    return change


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (flipped(0), 2, "This file is not a backup of this service."),
        (flipped(20), 2, "was sealed with the key"),
        (flipped(30), 1, "its seal does not hold"),
        *[(flipped(place), 1, "its seal does not hold") for place in (0.001, 0.3, 0.7, 1.0)],
        (shorter(1), 1, "was cut short or changed"),
        (shorter(sealed_files.CHUNK + sealed_files.TAG), 1, "was cut short or changed"),
        (bytearray.clear, 2, "This file is not a backup"),
        (lambda data: data.extend(b"x"), 1, "was cut short or changed"),
    ],
)
def test_a_changed_or_shortened_file_is_refused(sqlite_drill, elsewhere, run, tmp_path, change, code, sentence):
    data = bytearray(sqlite_drill.backup.read_bytes())
    change(data)
    (tmp_path / "it").write_bytes(data)
    url = elsewhere("sqlite")
    for words in (("restore", tmp_path / "it"), ("backup", "--verify", tmp_path / "it")):
        found, said = run(url, *words)
        assert (found, sentence in said) == (code, True), said
    assert holds(url) == []


def without(parts, name):
    del parts[f"tables/{name}"]
    tables = json.loads(parts["manifest.json"])["tables"]
    manifest(parts, tables=[table for table in tables if table["name"] != name])


def elsewhere_than_its_folder(parts):
    (said,) = json.loads(parts["manifest.json"])["files"]
    parts["files/../x"] = parts.pop(f"files/{said['name']}")
    manifest(parts, files=[said | {"name": "../x"}])


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (lambda parts: parts.pop("tables/record"), 1, "A part is missing: tables/record."),
        (lambda parts: parts.pop("tables/step"), 1, "A part is missing: tables/step."),
        (lambda parts: parts.update({"tables/more": b""}), 1, "A part does not belong to it: tables/more."),
        (lambda parts: parts.update({"tables/request": b""}), 1, "A part is not what was written: tables/request."),
        (lambda parts: manifest(parts, schema="9999"), 2, "The backup has the schema 9999, which this release"),
        (lambda parts: manifest(parts, format=2), 2, "was made by a newer release"),
        (lambda parts: without(parts, "outbox"), 1, "does not hold the tables of its schema: outbox."),
        (elsewhere_than_its_folder, 1, "names a file outside its folder"),
    ],
)
def test_one_put_together_otherwise_is_refused(sqlite_drill, elsewhere, run, tmp_path, change, code, sentence):
    """By somebody who holds the key: the manifest, the schema and the reading back still tell."""
    path, url = rewritten(sqlite_drill.backup, tmp_path / "it", change), elsewhere("sqlite")
    found, said = run(url, "restore", path)
    assert (found, sentence in said) == (code, True), said
    assert holds(url) == []
    assert not backing_up.files_folder(Settings(data_folder=tmp_path / "var")).exists()


def test_another_key_opens_nothing(sqlite_drill, elsewhere, run):
    url = elsewhere("sqlite")
    code, said = run(url, "restore", sqlite_drill.backup, BACKUP_KEY="c" * 40)
    assert (code, "Set it to the one that was in force when the backup was made" in said) == (2, True), said
    code, said = run(url, "restore", sqlite_drill.backup, STATE_KEY="c" * 40)
    assert (code, "are sealed with the state key" in said) == (2, True), said
    assert run(url, "restore", sqlite_drill.backup, BACKUP_KEY="")[0] == 2
    assert holds(url) == []


def test_a_history_that_does_not_hold_is_put_back_only_with_a_reason(sqlite_drill, elsewhere, run, tmp_path):
    """The database was changed before the backup was made: it is still more than nothing."""
    broken = tmp_path / "broken"
    broken.mkdir()
    url = elsewhere("sqlite")
    assert run(url, "restore", sqlite_drill.backup, folder=broken)[0] == 0
    with joined(url, broken) as service, tables(service.store) as sql:
        sql("UPDATE step SET actor = 'eve' WHERE seq = 2")
    code, said = run(url, "backup", tmp_path / "of-it.backup", folder=broken)
    assert (code, "is broken at step 2" in said) == (1, True), said
    url = elsewhere("sqlite")
    code, said = run(url, "restore", tmp_path / "of-it.backup")
    assert (code, "because it does not hold" in said, holds(url)) == (1, True, []), said
    code, said = run(url, "restore", tmp_path / "of-it.backup", "--although-behind", "There is no other")
    assert (code, "is broken at step 2" in said, holds(url) == []) == (1, True, False), said


# --- how old it is -------------------------------------------------------------------------------------------------


def test_a_backup_is_proved_without_any_database(sqlite_drill, run, tmp_path):
    asked = ("backup", "--verify", sqlite_drill.backup)
    code, said = run("", *asked, "--checkpoint", sqlite_drill.before)
    assert (code, "It goes on from the checkpoint" in said, "NOTHING PROVES" in said) == (0, True, False), said
    assert "Needed with it: CASEWORK_BACKUP_KEY" in said
    code, said = run("", *asked)
    assert (code, "NOTHING PROVES THAT THIS IS THE NEWEST BACKUP" in said) == (0, True), said
    code, said = run("", *asked, "--checkpoint", sqlite_drill.after)
    assert (code, "would be lost" in said) == (1, True), said
    assert run("", "backup", "--verify", tmp_path / "nothing")[0] == 2
    assert not (tmp_path / "var" / "cases.db").exists()


def test_one_of_another_database_is_told(sqlite_drill, postgres_drill, run):
    code, said = run(
        "", "backup", "--verify", postgres_drill.backup, "--checkpoint", sqlite_drill.before,
        "--public-key", sqlite_drill.service.settings.checkpoints / "public-key.txt",
    )  # fmt: skip
    assert (code, "the backup is of another database" in said or "It is older" in said) == (1, True), said
    code, said = run("", "backup", "--verify", postgres_drill.backup, "--checkpoint", sqlite_drill.before)
    assert (code, "it is not signed with the key of this log" in said) == (2, True), said


def test_a_copy_without_its_newest_part_is_only_read(sqlite_drill, tmp_path, run):
    """``cp`` of the file alone passes every check of the database itself: what was in the log beside it is lost."""
    served = sqlite_drill.service
    with reading(served.store) as held:  # while somebody reads, the log beside the file cannot be taken in
        held.execute(select(step.c.seq).limit(1)).one()
        begin(served, lambda name: actor(served, name))
        sealing.turn(served)
        shutil.copy(served.settings.url.removeprefix("sqlite:///"), tmp_path / "cp.db")
    with joined(f"sqlite:///{tmp_path / 'cp.db'}", tmp_path / "var") as copied:
        with copied.read() as db:
            assert db.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert reading_only.look(copied) is None, "by itself it tells nothing"
        shutil.copytree(served.settings.checkpoints, tmp_path / "var" / "checkpoints")
        why = reading_only.look(copied)
        assert "It was restored from an older backup, or cut short." in why
        with pytest.raises(ReadingOnly):
            copied.deployments.deploy(None, read_folder(MINI), "first")


# --- making one ----------------------------------------------------------------------------------------------------


def test_it_lies_in_its_folder_under_a_name_that_says_nothing_of_anybody(sqlite_drill, run):
    settings = sqlite_drill.service.settings
    folder = settings.data_folder / "kept"
    folder.mkdir()
    for name in ("20120101T000000Z-abcdef.backup", "minutes.backup"):
        (folder / name).write_text("x")
    code, said = run(settings.url, "backup", folder, "--forget-after", "35", folder=settings.data_folder)
    assert code == 0, said
    assert "Its keys are not in it. Needed with it: CASEWORK_BACKUP_KEY (" in said
    assert "Deleted 20120101T000000Z-abcdef.backup" in said
    (made,) = {path.name for path in folder.iterdir()} - {"minutes.backup"}
    assert keeping.OURS.fullmatch(made)
    assert (folder / made).stat().st_mode & 0o777 == 0o600
    assert not [word for word in (b"ann", b"Oak Road", b"manifest", b"step") if word in (folder / made).read_bytes()]
    code, said = run(settings.url, "backup", folder / made, folder=settings.data_folder)
    assert (code, "a backup is never written over another" in said) == (2, True), said


def no_room(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_without_a_key_or_room_there_is_none(sqlite_drill, run, tmp_path, monkeypatch):
    url, folder = sqlite_drill.service.settings.url, sqlite_drill.service.settings.data_folder
    code, said = run(url, "backup", tmp_path, folder=folder, BACKUP_KEY="")
    assert (code, "CASEWORK_BACKUP_KEY must be set" in said) == (2, True), said
    code, said = run(url, "backup", "/dev/full/x.backup", folder=folder)
    assert (code, "No backup was made" in said) == (2, True), said
    monkeypatch.setattr(sealed_files.Sealing, "finish", no_room)
    code, said = run(url, "backup", tmp_path, folder=folder)
    assert (code, "No backup was made: No space left on device. Make room" in said) == (2, True), said
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    with pytest.raises(SettingsRefused):
        backing_up.key(Settings(data_folder=tmp_path))
    assert backing_up.key(Settings(data_folder=tmp_path, practice=True))
