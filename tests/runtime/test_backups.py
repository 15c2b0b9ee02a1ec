"""The drill: a backup taken while people work is put back elsewhere, proved, and is never taken for what it is not."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, select, text

from conftest import NUMBERS, SteppedClock, dispose
from service import cli
from service.app import create_app
from service.core.errors import ReadingOnly
from service.runtime import backing_up, backup_check, reading_only, sealed_files, sealing, verifying, witnesses
from service.runtime.service import Service, join
from service.settings import Settings, SettingsRefused
from service.store import people
from service.store.tables import request, session, step
from service.store.transaction import reading, transaction
from story import APPLICATION, begin, inhabit, key
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
        self.running = [
            subprocess.Popen([sys.executable, str(BUSY), self.url, f"p{n}"], env=environ, stdout=subprocess.PIPE, text=True)
            for n in range(AT_ONCE)
        ]  # fmt: skip
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
            db.execute(session.insert().values(token_hash="t", account_id="ann", started_at=service.clock(), seen_at=service.clock()))
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
    assert run(url, "worker")[0] == 2
    shutil.copy(drill.service.settings.data_folder / "signing.key", tmp_path / "var")
    settings = Settings(database_url=url, data_folder=tmp_path / "var", secret_key="s" * 40)
    app = create_app(settings)
    browser = app.test_client()
    page = browser.get("/sign-in")
    assert (page.status_code, "can only be read at present" in page.text) == (200, True)
    app.config["WTF_CSRF_ENABLED"] = False
    assert browser.post("/tasks/x").status_code == 503
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
