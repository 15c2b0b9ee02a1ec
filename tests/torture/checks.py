"""What must hold whatever happened: each function returns a sentence for everything that does not.

Nothing here trusts what the service says of itself, save that a chain is verified and a history replayed by its code.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from service.core import replay
from service.core.chain import Step
from service.runtime.service import Service
from service.store import instances
from service.store.tables import incident, outbox, process_instance, record, request, step, timer_job
from torture import rebuilding
from torture.rebuilding import Second


def examine_cases(service: Service, cases: Iterable[str]) -> list[str]:
    """Everything that must hold within each of these cases."""
    with rebuilding.second(service.store) as second:
        return [f"case {c}: {wrong}" for c in cases for wrong in _case(service, second, c)]


def _case(service: Service, second: Second, instance_id: str) -> Iterator[str]:
    with service.read() as db:
        row = db.execute(select(process_instance).where(process_instance.c.id == instance_id)).one()
        steps = instances.steps_of(db, instance_id)
        of_case = select(record.c.seq, record.c.hash).where(record.c.instance_id == instance_id)
        records = sorted(tuple(r) for r in db.execute(of_case))
        waiting = rebuilding.waiting_as_stored(db, instance_id, row.state.encode())
    yield from waiting
    if (row.version, row.head_hash) != (len(steps), steps[-1].hash if steps else None):
        yield f"its row says step {row.version}, its history has {len(steps)}"
        return
    verdict = replay.examine(service.definitions.get, steps, row.state.encode())
    if verdict.kind != "equal":
        yield verdict.text
    if records != [(s.seq, s.command["record"]) for s in steps if s.command.get("record")]:
        yield "its records are not those its steps name"
    yield from rebuilding.check(second, service.store, service.definitions.get(row.definition_hash), row.code, steps)
    yield from once_and_in_time(steps)
    yield from each_under_its_own_name(row.state, steps)
    yield from ended_whole(second, row, steps)


def once_and_in_time(steps: Sequence[Step]) -> Iterator[str]:
    """Each task is closed once; each timer fires once, never early, at its own due instant, in their order."""
    kinds = {"UserTaskCompleted", "UserTaskCancelled"}
    closed = Counter(e["task_id"] for s in steps for e in s.events if e["type"] in kinds)
    yield from (f"task {task} was closed {n} times" for task, n in closed.items() if n > 1)
    fired: Counter[tuple[str, str]] = Counter()
    armed: dict[str, str] = {}
    latest, last_due = datetime.min.replace(tzinfo=UTC), ""
    for taken in steps:
        latest = max(latest, taken.at)
        for event in taken.events:
            if event["type"] in {"TimerScheduled", "TimerMoved"}:
                armed[event["timer_id"]] = _text(event["due_at"])
            elif event["type"] == "TimerFired":
                due = _text(event["due_at"])
                fired[event["timer_id"], due] += 1
                wrong = {
                    "for another instant than it was armed for": armed.get(event["timer_id"]) != due,
                    "early": datetime.fromisoformat(due) >= latest,
                    f"after one of {last_due}": due < last_due,
                }
                yield from (f"step {taken.seq}: a timer of {due} fired {how}" for how, is_so in wrong.items() if is_so)
                last_due = max(last_due, due)
    yield from (f"timer {timer} fired {n} times" for timer, n in fired.items() if n > 1)


def _text(due: Any) -> str:
    return str(due if isinstance(due, str) else next(iter(due.values())))


def each_under_its_own_name(state: str, steps: Sequence[Step]) -> Iterator[str]:
    """What a body answered in a round is kept, under that body's name and no other."""
    created = {e["task_id"]: e for s in steps for e in s.events if e["type"] == "UserTaskCreated"}
    kept = {b["id"]: b for b in json.loads(state)["variables"].get("bodies") or ()}
    for taken in steps:
        task = created.get(taken.command.get("task_id", ""))
        if taken.command["type"] == "CompleteUserTask" and task and task["element_id"] == "answer":
            said = {k.partition(".")[2]: v for k, v in taken.command["variables"].items() if k.startswith("body.")}
            item = kept.get(task["item"], {})
            if any(item.get(k) != v or not str(v).startswith(task["item"]) for k, v in said.items()):
                yield f"step {taken.seq}: the answer of {task['item']} is not kept as it was given"


def ended_whole(second: Second, row: Any, steps: Sequence[Step]) -> Iterator[str]:
    """A case that has ended waits for nothing; one that runs waits for something."""
    ended = steps[-1].events[-1]["type"] == "InstanceEnded" if steps else False
    if ended != (row.status == "ended"):
        yield f"its status is {row.status}, its history says otherwise"
    told = [e for s in steps for e in s.events if e["type"] in {"InstanceRested", "InstanceReopened"}]
    rests = not ended and bool(told) and told[-1]["type"] == "InstanceRested"
    if not ended and (row.outcome, row.ended_at is not None) != (told[-1]["outcome"] if rests else None, rests):
        yield f"its outcome is {row.outcome}, its history says it {'rests' if rests else 'goes on'}"
    waiting = rebuilding.rows_of(second.db, row.id)
    is_open = [r for name in ("user_task", "timer_job") for r in waiting[name] if "'closed_at': None" in r]
    if ended and is_open:
        yield f"it has ended and still waits for {is_open}"


Acked = Mapping[tuple[str, str], tuple[str, int]]
"""What the driver was told was done: (account, key) to (case, step)."""


def ledger(service: Service, acked: Acked, letters: Path, now: datetime) -> list[str]:
    """What must hold over all cases once nobody is at work and all that was due has been swept."""
    return [*_requests(service, acked), *_at_rest(service, now), *_letters(service, letters), *_whole_file(service)]


def _requests(service: Service, acked: Acked) -> Iterator[str]:
    with service.read() as db:
        kept = {(r.account_id, r.key): json.loads(r.answer) for r in db.execute(select(request))}
        by_people = select(step.c.instance_id, step.c.seq).where(step.c.actor != "clock")
        taken = [tuple(r) for r in db.execute(by_people)]
    answered = {k: (a["instance_id"], a["seq"]) for k, a in kept.items()}
    yield from (f"{k} was acknowledged as {at} and is kept as {answered.get(k)}" for k, at in acked.items()
                if answered.get(k) != at)  # fmt: skip
    yield from (f"{k} has an answer that nobody got" for k in answered if k not in acked)
    effects, answers = Counter(taken), Counter(answered.values())
    yield from (f"{at} is one step for {answers[at]} requests" for at in effects if answers[at] != 1)
    yield from (f"{at} was answered and no step was taken" for at in answers if effects[at] != 1)


def _at_rest(service: Service, now: datetime) -> Iterator[str]:
    with service.read() as db:
        stuck = list(db.execute(select(incident).where(incident.c.closed_at.is_(None))))
        running = timer_job.join(process_instance, process_instance.c.id == timer_job.c.instance_id)
        late = select(func.count()).select_from(running).where(
            timer_job.c.closed_at.is_(None), timer_job.c.due_at < now, process_instance.c.status == "running"
        )  # fmt: skip
        overdue = db.execute(late).scalar_one()
    yield from (f"an incident is open that nobody caused: {i.message} (case {i.instance_id})" for i in stuck)
    if overdue:
        yield f"{overdue} timers are due and nobody fires them"


def _letters(service: Service, letters: Path) -> Iterator[str]:
    gone = Counter(line.strip("<>").partition("@")[0] for line in letters.read_text().split())
    gone.update(path.stem for path in letters.parent.glob("data/mail/*.eml"))  # of the real server's worker
    with service.read() as db:
        kept = {r.id: r.sent_at for r in db.execute(select(outbox.c.id, outbox.c.sent_at))}
    yield from (f"letter {i} was never sent" for i, sent in kept.items() if sent is None)
    yield from (f"letter {i} is noted as sent and never left" for i, sent in kept.items() if sent and i not in gone)
    yield from (f"letter {i} left for a step that was undone" for i in gone if i not in kept)


def _whole_file(service: Service) -> Iterator[str]:
    if service.store.embedded:
        with service.read() as db:
            said = db.execute(text("PRAGMA integrity_check")).scalar_one()
        if said != "ok":
            yield f"the database file is damaged: {said}"
