"""The rows that queries give: frozen, typed, and free of anything a page must not know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A user task, open or closed, with the case it belongs to and the people's names."""

    id: str
    instance_id: str
    code: str
    definition_hash: str
    process_id: str
    element_id: str
    item: str | None
    name: str
    form: str | None
    role: str | None
    agency: str | None
    assignee: str | None
    assignee_name: str | None
    due_at: datetime | None
    due_basis: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_by_name: str | None
    outcome: str | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case. ``status`` is ``running``, ``suspended``, ``incident`` or ``ended``.

    ``version`` is the number of its definition; ``waits_for`` and ``waits_until`` are the open task that is due
    first; ``open_tasks`` counts them all. One that ``rests`` is shown as ended, though a message or a timer may open it
    again.
    """

    id: str
    code: str
    definition_hash: str
    version: int
    status: str
    outcome: str | None
    outcome_name: str | None
    started_at: datetime
    ended_at: datetime | None
    partnership: str
    rests: bool = False
    waits_for: str | None = None
    waits_until: datetime | None = None
    open_tasks: int = 0


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A time limit of a case. ``basis`` is the diagram's expression, ``from_value`` what it counts from."""

    key: str
    name: str
    clause: str
    kind: str
    basis: str
    from_value: Any
    started_at: datetime
    original_due: datetime
    due_at: datetime
    extensions: int
    breached_at: datetime | None
    met_at: datetime | None
    met_in_time: bool | None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of the history with the name of who took it."""

    seq: int
    at: datetime
    actor_id: str
    actor_name: str
    command: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    state_hash: str
    logic: int
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A submitted form. ``answers`` is filled only when the record itself is asked for."""

    id: str
    instance_id: str
    seq: int
    form: str
    title: str
    access: str
    agency: str | None
    author: str
    author_name: str
    at: datetime
    definition_hash: str
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DepartureRow:
    """A departure of a case. ``became`` is ``made``, ``approved`` or ``objected``.

    The words are ``None`` where the reader may not read the record they are in: ``reasons``, ``effect``, ``until`` and,
    of who agreed or objected, ``judged_reason``. ``readable`` says whether they may read those of who made it.
    """

    number: int
    seq: int
    process_id: str
    element_id: str
    role: str | None
    rule: str
    clause: str
    message: str
    made_at: datetime
    made_by: str
    made_by_name: str
    made_by_person: str
    became: str
    judged_at: datetime | None
    judged_by_name: str | None
    judged_role: str | None
    readable: bool = False
    record: str | None = None
    reasons: str | None = None
    effect: str | None = None
    until: date | None = None
    judged_reason: str | None = None


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """A deployment. ``cases`` counts the running cases that stay on it."""

    hash: str
    key: str
    version: int
    note: str
    deployed_at: datetime
    deployed_by: str
    deployed_by_name: str
    cases: int


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft of a definition. ``version`` counts its saves."""

    id: str
    name: str
    based_on: str
    files: Mapping[str, str]
    version: int
    updated_by: str
    updated_by_name: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with the roles it holds, as (role id, agency id or ``None``)."""

    id: str
    email: str
    name: str
    password_hash: str
    practice: bool
    disabled_at: datetime | None
    roles: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An open session: the hash of its token, when it began and when it was last noted as used."""

    token_hash: str
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A step the engine could not finish. ``id`` is the reference people are given.

    ``about`` is the task id or message that a person's step was about, ``None`` where nobody but time asked for it;
    ``actor`` that person's account id; ``closed_at`` is set once it is over, with how in ``resolution``.
    """

    id: str
    instance_id: str | None
    code: str | None
    definition_hash: str | None
    first_at: datetime
    at: datetime
    element_id: str | None
    message: str
    attempts: int
    actor: str | None
    actor_name: str | None
    about: str | None
    closed_at: datetime | None
    resolution: str | None
