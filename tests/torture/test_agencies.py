"""Many people on one case at once: nobody's work is lost, nobody's is put under another's name."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.runtime.service import join
from service.settings import Settings
from service.store import people
from torture import checks, definition
from torture.crowd import Crowd, WorldClock, staff
from torture.databases import Database
from torture.faults import drawn
from torture.fleet import Fleet
from torture.hands import Order
from torture.tally import Plan, Tally

AGENCIES = tuple(f"agency{n:02}" for n in range(12))
FAULTS = ("crash", "killed at a statement", "killed in the engine", "killed before commit", "killed after commit")


def kind_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql"


@pytest.mark.timeout(300)
def test_twelve_agencies_answer_at_once_and_each_keeps_its_own(database_url, tmp_path):
    """The same two questions, in an order of chance, with a fault at the first try of every other agency."""
    chance, clock, tally = random.Random(12), WorldClock(random.Random(12)), Tally()
    settings = Settings(database_url=database_url, data_folder=tmp_path, secret_key="s" * 40)
    service = join(settings, lambda: clock.now, lambda _message: None)
    staff(service, clock.now, AGENCIES)
    service.deployments.deploy(None, definition.files(AGENCIES), "twelve agencies")
    with service.read() as db:
        ann = people.actor(db, "ann", clock.now)
    done = service.handler.start(ann, "begin", {"kind": "round"}, "begin")
    fleet = Fleet(database_url, tmp_path / "letters", 3)
    crowd = Crowd(
        Database(kind_of(database_url), database_url, tmp_path), service, fleet, clock, Plan([], 1), tally, 12
    )
    asked = {item: task_id for task_id, _, item in crowd._open(done.instance_id)}
    assert sorted(asked) == list(AGENCIES)

    def answer(agency: str) -> None:
        said = {"narrative": f"{agency} knew the family", "finding": f"{agency} found this"}
        order = Order("complete", clock.tick(), f"{agency}-1", asked[agency], said, f"{agency} answers")
        if int(agency[-2:]) % 2:
            fleet.ask(
                Order(**{**vars(order), "fault": drawn(FAULTS[int(agency[-2:]) // 2 % 5], random.Random(agency))})
            )
        crowd.insist(order, random.Random(agency))

    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(answer, chance.sample(AGENCIES, 12)))
        assert tally.violations == []
        assert len(tally.acked) == 12
        assert fleet.hands[0].deaths + fleet.hands[1].deaths + fleet.hands[2].deaths >= 2, "nothing was killed"
        assert checks.examine_cases(service, [done.instance_id]) == []
        assert [element for _, element, _ in crowd._open(done.instance_id)] == ["close"], "all twelve are in"
    finally:
        fleet.stop()
        service.store.writers.dispose()
        service.store.readers.dispose()
