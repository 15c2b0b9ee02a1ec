"""The tables. ``step`` and ``record`` are the truth; tasks, timers and clocks could be rebuilt from it.

Five only ever grow, their rows never change: ``step``, ``leaf``, ``checkpoint``, ``account_event``, ``read_log``.
All instants are set by us, in UTC, to the microsecond; all bodies are text. Names of constraints follow one rule.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC, on databases that keep zones and on those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse an instant without a zone; SQLite gets naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Always aware, always UTC."""
        if value is None:
            return None
        found: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return found.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id") -> Column[str]:
    return Column(name, String(64), primary_key=True)


def _to(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, String(64), ForeignKey(target), nullable=nullable, primary_key=primary_key)


partnership = Table("partnership", metadata, _id(), Column("name", Text, nullable=False))

account = Table(
    "account", metadata, _id(),
    Column("email", String(320), nullable=False, unique=True), Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("practice", Boolean, nullable=False), Column("disabled_at", Instant), Column("person_id", String(64)),
    Column("totp_secret", Text), Column("totp_since", Instant), Column("totp_step", Integer),
)  # fmt: skip

account_identity = Table(
    "account_identity", metadata, Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True), _to("account_id", "account.id"),
    Column("bound_at", Instant, nullable=False), UniqueConstraint("issuer", "account_id"),
)  # fmt: skip

recovery_code = Table(
    "recovery_code", metadata, _to("account_id", "account.id", primary_key=True),
    Column("code_hash", String(64), primary_key=True),
    Column("made_at", Instant, nullable=False), Column("used_at", Instant),
)  # fmt: skip

invitation = Table(
    "invitation", metadata, _id("token_hash"), _to("account_id", "account.id"),
    Column("made_by", String(64), nullable=False), Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False), Column("used_at", Instant), Index(None, "account_id"),
)  # fmt: skip

read_log = Table(
    "read_log", metadata, Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False), _to("account_id", "account.id"), Column("roles", Text, nullable=False),
    Column("kind", String(16), nullable=False), _to("instance_id", "process_instance.id", nullable=True),
    Column("object_id", Text, nullable=False), Column("why", String(32), nullable=False),
    Column("prev_hash", String(64), nullable=False, unique=True), Column("hash", String(64), nullable=False),
    Index(None, "instance_id", "number"), Index(None, "account_id", "number"),
)  # fmt: skip

failed_try = Table(
    "failed_try", metadata, _id(), Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False), Column("shut_until", Instant),
)  # fmt: skip

account_event = Table(
    "account_event", metadata, Column("number", Integer, primary_key=True), _to("account_id", "account.id"),
    Column("at", Instant, nullable=False), Column("by", String(64), nullable=False),
    Column("what", String(32), nullable=False), Column("told", Text, nullable=False),
    Column("reason", Text, nullable=False), Index(None, "account_id"),
)  # fmt: skip

membership = Table(
    "membership", metadata, _id(), _to("account_id", "account.id"), _to("partnership_id", "partnership.id"),
    Column("role", String(64), nullable=False), Column("agency", String(64)),
    _to("instance_id", "process_instance.id", nullable=True),
    Column("granted_by", String(64), nullable=False), Column("reason", Text, nullable=False),
    Column("from_at", Instant, nullable=False), Column("to_at", Instant),
    Index(None, "account_id"), Index(None, "role", "agency"), Index(None, "instance_id"),
)  # fmt: skip

role_reach = Table(
    "role_reach", metadata, _id("role"), Column("reach", String(16), nullable=False),
    *(Column(name, Boolean, nullable=False) for name in ("whole", "of_agency", "tends")),
)  # fmt: skip

denial = Table(
    "denial", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("account_id", String(64)), Column("agency", String(64)),
    Column("seq", Integer, nullable=False), Column("at", Instant, nullable=False),
    Column("by", String(64), nullable=False), Column("lifted_at", Instant), Column("lifted_by", String(64)),
    Column("lifted_seq", Integer),
)  # fmt: skip

session = Table(
    "session", metadata, _id("token_hash"), _to("account_id", "account.id"),
    Column("started_at", Instant, nullable=False), Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant), Column("second_at", Instant), Index(None, "account_id"),
)  # fmt: skip

process_definition = Table(
    "process_definition", metadata, _id("hash"),
    Column("key", String(64), nullable=False), Column("version", Integer, nullable=False),
    Column("bundle", Text, nullable=False), Column("note", Text, nullable=False),
    Column("deployed_by", String(64), nullable=False), Column("deployed_at", Instant, nullable=False),
    UniqueConstraint("key", "version"),
)  # fmt: skip

story_run = Table(
    "story_run", metadata, _to("definition_hash", "process_definition.hash", primary_key=True),
    Column("story", String(200), primary_key=True), Column("asked_at", Instant, nullable=False),
    Column("played_at", Instant), Column("given", Text),
)  # fmt: skip

draft = Table(
    "draft", metadata, _id(), Column("name", Text, nullable=False),
    _to("based_on", "process_definition.hash"), Column("files", Text, nullable=False),
    Column("version", Integer, nullable=False), Column("updated_by", String(64), nullable=False),
    Column("updated_at", Instant, nullable=False), Column("deployed_at", Instant),
)  # fmt: skip

process_instance = Table(
    "process_instance", metadata, _id(), Column("code", String(32), nullable=False, unique=True),
    _to("definition_hash", "process_definition.hash"),
    Column("version", Integer, nullable=False), Column("state", Text, nullable=False),
    Column("head_hash", String(64), nullable=False), Column("status", String(16), nullable=False),
    Column("outcome", String(64)), Column("outcome_name", Text), Column("next_due", Instant),
    Column("started_at", Instant, nullable=False), Column("ended_at", Instant),
    Column("state_form", String(64)), Column("state_key", String(16)), Column("state_mac", String(64)),
    Index(None, "status", "next_due"),
)  # fmt: skip

ownership = Table(
    "ownership", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    _to("partnership_id", "partnership.id", primary_key=True),
)  # fmt: skip

step = Table(
    "step", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    Column("seq", Integer, primary_key=True), Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False), Column("definition_hash", String(64), nullable=False),
    Column("command", Text, nullable=False), Column("events", Text, nullable=False),
    Column("state_hash", String(64), nullable=False), Column("logic", Integer, nullable=False),
    Column("prev_hash", String(64), nullable=False), Column("hash", String(64), nullable=False),
    UniqueConstraint("instance_id", "prev_hash"),
)  # fmt: skip

record = Table(
    "record", metadata, _id(), _to("instance_id", "process_instance.id"),
    Column("seq", Integer, nullable=False), Column("task_id", String(64)),
    Column("definition_hash", String(64), nullable=False), Column("form", String(64), nullable=False),
    Column("title", Text, nullable=False), Column("access", String(64), nullable=False),
    Column("agency", String(64)), Column("author", String(64), nullable=False),
    Column("at", Instant, nullable=False), Column("answers", Text, nullable=False),
    Column("salt", String(64), nullable=False), Column("hash", String(64), nullable=False),
    Index(None, "instance_id", "seq"),
)  # fmt: skip

user_task = Table(
    "user_task", metadata, _id(), _to("instance_id", "process_instance.id"),
    Column("process_id", String(64), nullable=False), Column("element_id", String(64), nullable=False),
    Column("item", String(64)), Column("name", Text, nullable=False), Column("form", String(64)),
    Column("role", String(64)), Column("agency", String(64)), Column("assignee", String(64)),
    Column("owner", String(64)), Column("due_at", Instant), Column("due_basis", Text, nullable=False),
    Column("opened_at", Instant, nullable=False), Column("closed_at", Instant),
    Column("closed_by", String(64)), Column("outcome", String(16)),
    Index(None, "closed_at", "role", "agency", "due_at"), Index(None, "closed_at", "assignee", "due_at"),
    Index(None, "instance_id", "opened_at"), Index(None, "instance_id", "role", "agency"),
)  # fmt: skip

timer_job = Table(
    "timer_job", metadata, _id(), _to("instance_id", "process_instance.id"),
    Column("process_id", String(64), nullable=False), Column("element_id", String(64), nullable=False),
    Column("due_at", Instant, nullable=False), Column("closed_at", Instant), Column("outcome", String(16)),
    Index(None, "instance_id", "closed_at"),
)  # fmt: skip

clock = Table(
    "clock", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    Column("key", String(160), primary_key=True), Column("name", Text, nullable=False),
    Column("clause", Text, nullable=False), Column("kind", String(32), nullable=False),
    Column("basis", Text, nullable=False), Column("started_from", Text, nullable=False),
    Column("started_at", Instant, nullable=False), Column("original_due", Instant, nullable=False),
    Column("due_at", Instant, nullable=False), Column("extensions", Integer, nullable=False),
    Column("breached_at", Instant), Column("met_at", Instant), Column("met_in_time", Boolean),
    Column("stopped_at", Instant),
)  # fmt: skip

departure = Table(
    "departure", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False), Column("seq", Integer, nullable=False),
    Column("process_id", String(64), nullable=False), Column("element_id", String(64), nullable=False),
    Column("role", String(64)), Column("rule", String(64), nullable=False), Column("clause", Text, nullable=False),
    Column("message", Text, nullable=False), Column("made_at", Instant, nullable=False),
    Column("made_by", String(64), nullable=False), Column("became", String(16), nullable=False),
    Column("judged_at", Instant), Column("judged_by", String(64)), Column("judged_role", String(64)),
    Column("judged_seq", Integer),
)  # fmt: skip

incident = Table(
    "incident", metadata, _id(), _to("instance_id", "process_instance.id", nullable=True),
    Column("at", Instant, nullable=False), Column("element_id", String(64)),
    Column("message", Text, nullable=False), Column("attempts", Integer, nullable=False),
    Column("closed_at", Instant), Column("first_at", Instant), Column("actor", String(64)), Column("command", Text),
    Column("about", String(64)), Column("closed_by", String(64)), Column("resolution", Text),
    Index(None, "closed_at", "instance_id"),
)  # fmt: skip

outbox = Table(
    "outbox", metadata, _id(), _to("instance_id", "process_instance.id"),
    Column("seq", Integer, nullable=False), Column("kind", String(32), nullable=False),
    _to("recipient", "account.id"), Column("subject", Text, nullable=False), Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False), Column("sent_at", Instant),
    Column("attempts", Integer, nullable=False), Index(None, "sent_at", "created_at"),
)  # fmt: skip

answer_draft = Table(
    "answer_draft", metadata, _to("task_id", "user_task.id", primary_key=True),
    _to("account_id", "account.id", primary_key=True),
    Column("answers", Text, nullable=False), Column("saved_at", Instant, nullable=False),
)  # fmt: skip

state_kept = Table(
    "state_kept", metadata, _to("instance_id", "process_instance.id", primary_key=True),
    Column("seq", Integer, primary_key=True), Column("form", String(64), nullable=False),
    Column("state", Text, nullable=False), Column("sha256", String(64), nullable=False),
    Column("state_key", String(16)), Column("state_mac", String(64)), Column("at", Instant, nullable=False),
)  # fmt: skip

request = Table(
    "request", metadata, _to("account_id", "account.id", primary_key=True),
    Column("key", String(64), primary_key=True), Column("fingerprint", String(64), nullable=False),
    Column("answer", Text, nullable=False), Column("at", Instant, nullable=False),
)  # fmt: skip

practice_clock = Table(
    "practice_clock", metadata, Column("id", Integer, primary_key=True),
    Column("seconds_ahead", Integer, nullable=False),
)  # fmt: skip

leaf = Table(
    "leaf", metadata, Column("index", Integer, primary_key=True, autoincrement=False),
    Column("instance_id", String(64), nullable=False), Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False), UniqueConstraint("instance_id", "seq"),
    ForeignKeyConstraint(["instance_id", "seq"], ["step.instance_id", "step.seq"]),
)  # fmt: skip

checkpoint = Table(
    "checkpoint", metadata, Column("size", Integer, primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False), Column("frontier", Text, nullable=False),
    Column("note", Text, nullable=False), Column("at", Instant, nullable=False),
)  # fmt: skip
