"""Many writers and two sealers at once: the history never forks, nothing is skipped, and each step has one place.

``FORK_APPENDS`` says how many steps each of the sixteen writers writes; the long form is 1000.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from runtime.appending import AT, CASE, KEY
from service.core import chain, checkpoints, values
from service.core.merkle import leaf_hash, tree_of
from service.runtime import sealing
from service.store import instances, seals
from service.store.tables import process_definition, process_instance
from service.store.transaction import reading, transaction
from tree import ROOT

WRITERS, PROCESSES = 16, 2
EACH = int(os.environ.get("FORK_APPENDS", "4"))
EVERY = WRITERS * EACH


@pytest.mark.timeout(120 + EVERY // 2)
def test_the_history_never_forks_and_every_step_is_sealed_once(store, database_url):
    with transaction(store) as db:
        db.execute(insert(process_definition).values(
            hash="h", key="k", version=1, bundle="{}", note="", deployed_by="x", deployed_at=AT))  # fmt: skip
        db.execute(insert(process_instance).values(
            id=CASE, code="C", definition_hash="h", version=0, state="", head_hash=chain.START, status="running",
            started_at=AT,
        ))  # fmt: skip
    first_step(store)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, str(Path(__file__).with_name("appending.py")), database_url]
    command += [str(WRITERS // PROCESSES), str(EACH), "h"]
    running = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, said
    sealing.seal(store, lambda: AT, "casework", KEY)
    with reading(store) as db:
        steps, places, kept = instances.steps_of(db, CASE), list(seals.places(db)), seals.checkpoints(db)
    assert chain.verify(steps) == EVERY + 1, "no fork, no gap"
    assert [p.index for p in places] == list(range(EVERY + 1))
    assert [p.seq for p in places] == list(range(1, EVERY + 2)), "each once, in order"
    assert all(p.hash == p.step_hash for p in places)
    tree = tree_of(leaf_hash(bytes.fromhex(p.hash)) for p in places)
    public = checkpoints.public_key("casework", KEY)
    said = [checkpoints.trusted(k.note, public) for k in kept]
    assert [(c.size, c.root) for c in said] == [(k.size, tree.root(k.size)) for k in kept]
    assert kept[-1].size == EVERY + 1
    print(f"{len(kept)} checkpoints over {EVERY + 1} steps")


def first_step(store) -> None:
    """A case that has begun: its lock compares the state with what its last step wrote."""
    begun = chain.Step(
        instance_id=CASE, seq=1, at=AT, actor="x", definition="h", command={"type": "FireTimers"}, events=(),
        state_hash=values.sha256(b"s"), logic=chain.LOGIC, prev_hash=chain.START,
    )  # fmt: skip
    with transaction(store) as db:
        taken = instances.append(db, begun)
        instances.keep(db, taken, state=b"s", next_due=None, ended=None)
        assert db.execute(select(process_instance.c.version)).scalar_one() == 1
