"""A process of the service that does what it is told over a pipe, one order at a time, until it is killed.

It runs the real handler and sweeper over the real database. Only the clock and the mailer are stand-ins: each order
says what the time is on this machine, and letters are noted in a file that outlives the process.
"""

import logging
import os
import signal
import traceback
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.core.access import Actor
from service.core.errors import Defect, Rejection
from service.runtime.service import Service, join
from service.settings import Settings
from service.store import people
from torture import checks
from torture.faults import Crash, Fault, armed


@dataclass(frozen=True)
class Order:
    """What to do: ``start``, ``complete``, ``claim``, ``release``, ``send``, ``sweep``, ``post`` or ``examine``."""

    do: str
    at: datetime
    who: str = ""
    about: str = ""
    answers: dict[str, object] = field(default_factory=dict)
    key: str = ""
    fault: Fault | None = None


@dataclass(frozen=True)
class Told:
    """What came of it: ``done``, ``refused`` (an ordinary answer), ``failed`` (try again), ``broken`` (a violation)."""

    how: str
    what: Any = None


class Machine:
    """The service as this process has it."""

    def __init__(self, url: str, letters: Path) -> None:
        self.now = datetime.max.replace(tzinfo=UTC)
        self.letters = os.open(letters, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        settings = Settings(database_url=url, data_folder=letters.parent, secret_key="s" * 40)
        self.service: Service = join(settings, lambda: self.now, self._post)
        self.known: dict[str, Actor] = {}

    def _post(self, message: EmailMessage) -> None:
        os.write(self.letters, f"{message['Message-ID']}\n".encode())

    def _actor(self, name: str) -> Actor:
        if name not in self.known:
            with self.service.read() as db:
                found = people.actor(db, name, self.now)
            assert found is not None, f"nobody is called {name}"
            self.known[name] = found
        return self.known[name]

    def obey(self, order: Order) -> Told:
        """Carry out one order and say what came of it."""
        self.now = order.at
        try:
            who = self._actor(order.who) if order.who else None
            with armed(self.service.store, order.fault):
                return Told("done", self._work(order, who))
        except Rejection as refusal:
            return Told("refused", type(refusal).__name__)
        except Crash:
            return Told("failed", "crash")
        except DBAPIError as failure:
            return Told("failed", f"{type(failure).__name__}: {failure.orig}"[:200])
        except SQLAlchemyError as failure:
            return Told("failed", f"{type(failure).__name__}"[:200])
        except Defect as defect:
            return Told("broken", f"{order.do} {order.about}: {type(defect).__name__}: {defect}")
        except Exception:  # noqa: BLE001 - whatever it is, the driver must see it
            return Told("broken", f"{order.do} {order.about}: {traceback.format_exc()[-1500:]}")

    def _work(self, order: Order, who: Actor | None) -> Any:
        handler, sweeper = self.service.handler, self.service.sweeper
        match order.do:
            case "start":
                return asdict(handler.start(who, order.about, order.answers, order.key))
            case "complete":
                return asdict(handler.complete(who, order.about, order.answers, order.key))
            case "claim":
                return asdict(handler.claim(who, order.about, order.key))
            case "release":
                return asdict(handler.release(who, order.about, order.key))
            case "sweep":
                return sweeper.sweep()
            case "post":
                return sweeper.post()
            case "examine":
                return checks.examine_cases(self.service, order.answers["cases"])
        raise ValueError(order.do)


def work(orders: Connection, url: str, letters: Path) -> None:
    """Obey until the other end hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable()  # incidents are wanted here, and are looked for in the database
    machine = Machine(url, letters)
    while True:
        try:
            order = orders.recv()
        except EOFError:
            return
        orders.send(machine.obey(order))
