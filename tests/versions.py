"""Small definitions in several versions, and cases on them: what tests of migrations move to and fro."""

from build import BEGIN, Played, a_definition, each, end, flow, user

GATE = '<bpmn:parallelGateway id="{0}" name="{0}"/>'
LIMIT = {"clock": "limit", "name": "Limit", "from": "came_at"}


def line(*tasks: str, **changed: str):
    """A definition of user tasks one after another; ``changed`` replaces a task's element."""
    parts = [changed.get(t, user(t)) for t in tasks]
    return a_definition(BEGIN, *parts, end(), flow("begin", *tasks, "end"))


def started(definition, **variables: object) -> Played:
    case = Played(definition)
    case.start("2026-03-02T09:00", **variables)
    return case


def kinds(outcome) -> list[str]:
    return [type(e).__name__ for e in outcome.events]


def edged(*timers: str, after: str = "", **properties: str):
    """One task with these timers on its edge; each leads to the task ``why``."""
    ids = [t.split('id="')[1].split('"')[0] for t in timers]
    ways = "".join(flow(i, "why") for i in ids)
    beside = [user("why"), end("why_end"), flow("why", "why_end")] if ids else []
    return a_definition(
        BEGIN, user("decide", **properties), *timers, *beside, ways, end(), flow("begin", "decide", "end")
    )


def branches(*ids: str, last: str = "after", extra: str = "", **joined: str):
    """Parallel branches of one task each, then a task; ``joined`` puts a further task between a branch and the join."""
    ways = "".join(flow("split", i, *([joined[i]] if i in joined else []), "join") for i in ids)
    tasks = "".join(user(i) for i in (*ids, *joined.values()))
    return a_definition(
        BEGIN, GATE.format("split"), tasks, GATE.format("join"), user(last), end(), extra,
        flow("begin", "split"), ways, flow("join", last, "end"),
    )  # fmt: skip


def repeated(*after: str, over: str = "agencies", item: str = "agency", **properties: str):
    return a_definition(
        BEGIN, user("answer", each(over, item), role="officer", agency=f"{item}.id", **properties),
        *(user(a) for a in after), end(), flow("begin", "answer", *after, "end"),
    )  # fmt: skip
