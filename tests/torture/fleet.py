"""Several processes of the service over one database, and what it takes to lose them: each is replaced when it dies."""

import multiprocessing
import os
import queue
import threading
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

from torture import hands
from torture.hands import Order, Told
from tree import ROOT

# Children come from a clean process that has everything imported: a fresh one is there in milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torture.hands"])
PATIENCE = 90  # seconds: PostgreSQL may be starting again, and two cores may be shared


def prepare() -> None:
    """Start the clean process, which must find the same modules as this one does."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


class Hand:
    """One process, and its successor when it dies."""

    def __init__(self, url: str, letters: Path) -> None:
        self.url, self.letters = url, letters
        self.lock = threading.Lock()
        self.deaths = 0
        self._start()

    def _start(self) -> None:
        self.orders: Connection
        self.orders, other = CONTEXT.Pipe()
        prepare()
        process = CONTEXT.Process(target=hands.work, args=(other, self.url, self.letters), daemon=True)
        process.start()
        self.process = process  # only now: it may be killed from another thread at any moment
        other.close()

    def ask(self, order: Order) -> Told:
        """What came of an order; ``failed`` with ``killed`` when the process died of it."""
        with self.lock:
            try:
                self.orders.send(order)
                if not self.orders.poll(PATIENCE):
                    return self._lost("broken", f"{order.do} hung for {PATIENCE} seconds")
                told: Told = self.orders.recv()
            except (EOFError, ConnectionError, OSError):
                return self._lost("failed", "killed")
            return told

    def _lost(self, how: str, what: str) -> Told:
        self.kill()
        self.process.join()
        self.orders.close()
        self.deaths += 1
        self._start()
        return Told(how, what)

    def kill(self) -> None:
        """End the process without a chance to tidy up; one that is gone already has a number that may be another's."""
        if self.process.is_alive():
            self.process.kill()

    def stop(self) -> None:
        """Hang up and wait."""
        self.orders.close()
        self.process.join(5)
        self.kill()


class Fleet:
    """Processes that any request may reach."""

    def __init__(self, url: str, letters: Path, size: int) -> None:
        self.hands = [Hand(url, letters) for _ in range(size)]
        self.free: queue.SimpleQueue[Hand] = queue.SimpleQueue()
        for hand in self.hands:
            self.free.put(hand)

    def ask(self, order: Order) -> Told:
        """Let a free process carry out an order."""
        hand = self.free.get()
        try:
            return hand.ask(order)
        finally:
            self.free.put(hand)

    def kill(self) -> None:
        """End all of them at once."""
        for hand in self.hands:
            hand.kill()

    def stop(self) -> None:
        """Let all of them go."""
        for hand in self.hands:
            hand.stop()
