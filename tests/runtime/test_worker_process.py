"""The worker as it runs: a process of its own over each kind of database, stopped, killed, doubled, cut off."""

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from runtime.conftest import a_service
from service.store.tables import clock as clocks
from service.store.tables import incident, outbox, step
from story import COMPLETE, begin, key
from tree import ROOT

HASTY = Path(__file__).with_name("hasty_worker.py")
PATIENCE, LONGEST_STOP = 60, 20


@dataclass
class PostOffice:
    """A mail server that counts which letter came how often, and takes its time."""

    port: int = 0
    seconds: float = 0.0
    came: list[str] = field(default_factory=list)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    found = PostOffice()

    class Desk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            in_letter = False
            for line in self.rfile:
                if in_letter:
                    if line.lower().startswith(b"message-id:"):
                        found.came.append(line.split(b":", 1)[1].strip().decode())
                    in_letter = line != b".\r\n"
                    if in_letter:
                        continue
                    time.sleep(found.seconds)
                in_letter = line.upper().startswith(b"DATA")
                if line.upper().startswith(b"QUIT"):
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"354 go on\r\n" if in_letter else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Desk) as server:
        server.daemon_threads = True
        found.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@contextmanager
def working(service, office: PostOffice, *, hasty: bool = False, count: int = 1) -> Iterator[list[subprocess.Popen]]:
    """Worker processes over the service's database; killed at the end if they still run."""
    environ = os.environ | {
        "CASEWORK_SECRET_KEY": "s" * 40, "CASEWORK_STATE_KEY": "s" * 40,
        "CASEWORK_DATABASE_URL": service.settings.database_url,
        "CASEWORK_DATA_FOLDER": str(service.settings.data_folder),
        "CASEWORK_SMTP_URL": f"smtp://127.0.0.1:{office.port}",
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, str(HASTY), "worker"] if hasty else [sys.executable, "-m", "service.cli", "worker"]
    said = service.settings.data_folder / "said.txt"
    said.parent.mkdir(exist_ok=True)
    with said.open("w") as out:  # a file: a pipe that nobody reads would stop them once it is full
        going = [subprocess.Popen(words, cwd=ROOT, env=environ, stdout=out, stderr=out) for _ in range(count)]
    try:
        yield going
    except AssertionError:
        print(said.read_text()[-4000:])
        raise
    finally:
        for process in going:
            process.kill()
            process.wait()


def until(true: Callable[[], object], going: list[subprocess.Popen]) -> None:
    """Wait until something holds; fail if a worker has ended or patience does."""
    ends = time.monotonic() + PATIENCE
    while not true():
        for process in going:
            assert process.poll() is None, "a worker ended by itself"
        assert time.monotonic() < ends, "it never came to pass"
        time.sleep(0.1)


def overdue(service, who) -> str:
    """A case whose time limit passed years ago, by the true clock that the worker reads."""
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    return done.instance_id


def breached(service) -> int:
    with service.read() as db:
        return db.execute(select(func.count()).where(clocks.c.breached_at.is_not(None))).scalar_one()


def waiting(service) -> int:
    with service.read() as db:
        return db.execute(select(func.count()).where(outbox.c.sent_at.is_(None))).scalar_one()


def steps(service) -> Counter[str]:
    with service.read() as db:
        return Counter(db.execute(select(step.c.instance_id)).scalars())


def stop(process: subprocess.Popen) -> tuple[int, float]:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE), time.monotonic() - began


def test_it_fires_what_is_due_sends_letters_and_stops_when_told(service, who, office):
    overdue(service, who)
    with working(service, office) as going:
        until(lambda: breached(service) == 1 and waiting(service) == 0, going)
        code, seconds = stop(going[0])
        said = (service.settings.data_folder / "said.txt").read_text()
    assert (code, seconds < LONGEST_STOP) == (0, True), said
    assert "Traceback" not in said
    assert office.came
    assert set(Counter(office.came).values()) == {1}


def test_it_stops_within_seconds_while_it_works_and_the_next_one_goes_on(service, who, office):
    for _ in range(4):
        overdue(service, who)
    office.seconds = 1.5
    with working(service, office) as going:
        until(lambda: office.came, going)
        code, seconds = stop(going[0])
    assert (code, seconds < LONGEST_STOP) == (0, True)
    assert waiting(service), "the test did not stop it in the middle"
    office.seconds = 0
    with working(service, office) as going:
        until(lambda: waiting(service) == 0, going)
    with service.read() as db:
        letters = db.execute(select(func.count()).select_from(outbox)).scalar_one()
    often = Counter(office.came)
    assert len(often) == letters
    assert sum(often.values()) <= letters + 1  # at least once: the one it was at may have been sent twice


def test_two_side_by_side_do_nothing_twice(service, who, office):
    before = Counter({overdue(service, who): 2 for _ in range(5)})
    office.seconds = 0.05
    with working(service, office, hasty=True, count=2) as going:
        until(lambda: breached(service) == 5 and waiting(service) == 0, going)
        mark = time.monotonic() + 2  # some turns more, of both
        until(lambda: time.monotonic() > mark, going)
    taken = steps(service)
    assert {case: taken[case] - before[case] for case in before} == dict.fromkeys(before, 1)
    assert set(Counter(office.came).values()) == {1}
    with service.read() as db:
        assert db.execute(select(incident)).all() == []


def test_a_queue_that_is_lost_loses_nothing(service, who, office):
    """Killed, its queue destroyed: what is due is in our tables."""
    overdue(service, who)
    with working(service, office, hasty=True) as going:
        until(lambda: breached(service) == 1, going)
        going[0].send_signal(signal.SIGKILL)
    if service.store.embedded:
        folder = service.settings.data_folder
        for part in folder.glob("queue.db*"):
            part.unlink()
        (folder / "queue.db").write_bytes(b"no database at all\n" * 100)
    else:
        with psycopg.connect(service.settings.database_url) as db:
            db.execute("DROP TABLE huey_task, huey_schedule, huey_kv, huey_counter")
    overdue(service, who)
    with working(service, office) as going:
        until(lambda: breached(service) == 2 and waiting(service) == 0, going)


@pytest.mark.postgres
def test_it_goes_on_after_the_database_was_away(mortal, clock, post, tmp_path, office):
    with a_service(mortal.url, clock, post, tmp_path) as (service, who):
        overdue(service, who)
        with working(service, office, hasty=True) as going:
            until(lambda: breached(service) == 1, going)
            mortal.kill()
            mark = time.monotonic() + 3
            until(lambda: time.monotonic() > mark, going)
            mortal.start()
            overdue(service, who)
            until(lambda: breached(service) == 2 and waiting(service) == 0, going)
            code, seconds = stop(going[0])
        assert (code, seconds < LONGEST_STOP) == (0, True)
        with service.read() as db:
            assert db.execute(select(incident)).all() == []
