"""A process of many writers and one sealer on one history, as fast as they can. Not a test: ``test_forks`` starts it.

Arguments: the database's address, how many writers, how many steps each writes. All writers write to the same case, and
each waits for nobody; the sealer numbers whatever is there meanwhile.
"""

import sys
import threading
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.core import chain, values
from service.core.chain import Step
from service.core.engine.state_seal import StateKeys
from service.runtime import sealing
from service.store import instances
from service.store.transaction import Store, open_store, transaction

AT = datetime(2013, 5, 30, 9, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CASE = "shared"


def append(store: Store, writer: str, definition: str) -> None:
    """Write one step, as a use case does: lock, read the head, write."""
    with transaction(store) as db:
        held = instances.hold(db, CASE)
        taken = instances.append(db, Step(
            instance_id=CASE, seq=held.seq + 1, at=AT, actor=writer, definition=definition,
            command={"type": "FireTimers"}, events=(), state_hash=values.sha256(held.state), logic=chain.LOGIC,
            prev_hash=held.head_hash,
        ))  # fmt: skip
        instances.keep(db, taken, state=held.state, next_due=None, ended=None)


def work(url: str, writers: str, each: str, definition: str) -> None:
    """Write and seal; ends with an error if any of them failed."""
    store, over, failed = open_store(url, StateKeys.of("k" * 40)), threading.Event(), []

    def keep(job):
        try:
            job()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test must see it
            failed.append(repr(failure))

    def write(name: str):
        return lambda: [append(store, name, definition) for _ in range(int(each))]

    def seal():
        while not over.is_set():
            sealing.seal(store, lambda: AT, "casework", KEY, at_once=7)
            over.wait(0.01)

    sealer = threading.Thread(target=keep, args=(seal,))
    threads = [threading.Thread(target=keep, args=(write(f"writer {n}"),)) for n in range(int(writers))]
    for thread in [sealer, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    sealer.join()
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    work(*sys.argv[1:])
