"""The clocks of items in the tables lists are read from: one row each, and the same when rebuilt from the steps."""

from sqlalchemy import insert

from build import BEGIN, Played, a_definition, at, each, end, flow, timer, user
from service.core.commands import FireTimers
from service.store import instances, projections, queries
from service.store.tables import process_definition
from service.store.transaction import reading, transaction
from torture import rebuilding

LONG = "of-a-name-as-long-as-an-item-may-have-in-the-list-of-tasks-12345"
WHOLE = a_definition(
    BEGIN,
    f'<bpmn:subProcess id="within">{each("agencies", "agency")}<bpmn:startEvent id="ws"/>'
    f'{user("secure", role="officer", agency="agency.id")}{end("we")}'
    + timer("late", "secure", "timeDate", "working_days_after(came_on, 2)", clock="secured", name="Secured",
            **{"from": "came_on", "remind": "1", "remind_roles": "officer clerk"})
    + f'{end("late_end")}{flow("ws", "secure", "we")}{flow("late", "late_end")}</bpmn:subProcess>',
    user("last"), end(), flow("begin", "within", "last", "end"),
    tables={"processes/agencies.json": '[{"id": "police", "name": "The police"}]'},
)  # fmt: skip
DEFINITION = {"hash": WHOLE.hash, "key": "k", "version": 1, "bundle": "{}", "note": "", "deployed_by": "x",
              "deployed_at": at("2026-03-01")}  # fmt: skip


def test_each_item_has_a_row_and_a_rebuild_gives_the_same(store):
    case = Played(WHOLE)
    case.start("2026-03-02T09:00", agencies=[{"id": "police"}, {"id": LONG}], came_on=at("2026-03-02").date())
    case.take(FireTimers(), "2026-03-05T09:00")
    case.complete("secure", "2026-03-06T09:00", item="police")
    with transaction(store) as db:
        db.execute(insert(process_definition).values(DEFINITION))
        instances.add(db, instance_id="case", code="C-1", definition_hash=WHOLE.hash, at=at("2026-03-02T09:00"),
                      partnerships=frozenset())  # fmt: skip
        for step in case.steps:
            happened = tuple(rebuilding.events.from_json(e) for e in step.events)
            projections.project(db, "case", happened, at=step.at, actor=step.actor, seq=step.seq)
    with reading(store) as db:
        rows = {row.key: (row.name, row.breached_at is not None, row.met_in_time) for row in queries.clocks(db, "case")}
    assert rows == {
        "secured:police": ("Secured: The police", True, False), f"secured:{LONG}": (f"Secured: {LONG}", True, None),
    }  # fmt: skip
    with rebuilding.second(store) as second:
        assert rebuilding.check(second, store, WHOLE, "C-1", case.steps) == []


def test_only_the_people_of_an_items_agency_are_told_about_its_clock():
    groups = rebuilding.outbox._clock_groups
    assert groups(WHOLE, "secured:police") == (("officer", "police"), ("clerk", None))
    assert groups(WHOLE, "secured:police#2") == (("officer", "police"), ("clerk", None))
    assert groups(WHOLE, "secured") == (("officer", None), ("clerk", None))
    assert groups(WHOLE, "other") == ()
