"""Second factors, sessions that wait for one, invitations, tries that failed, and what was done to accounts."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

SENTENCE = "rows of this table are never changed or removed"


def upgrade() -> None:
    """Apply. Sessions that are open stay so: their people are asked for a second factor when they sign in again."""
    op.add_column("account", sa.Column("person_id", sa.String(64), nullable=True))
    op.add_column("account", sa.Column("totp_secret", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("totp_since", Instant(), nullable=True))
    op.add_column("account", sa.Column("totp_step", sa.Integer(), nullable=True))
    op.add_column("session", sa.Column("second_at", Instant(), nullable=True))
    op.execute("UPDATE session SET second_at = started_at")
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])
    _make_tables()
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER account_event_refuses_{act.lower()} BEFORE {act} ON account_event "
                f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
            )
        return
    # Made by migration 0003.
    op.execute(
        "CREATE TRIGGER account_event_refuses_change BEFORE UPDATE OR DELETE ON account_event "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _make_tables() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_recovery_code_account_id")),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_invitation_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitation")),
    )
    op.create_index(op.f("ix_invitation_account_id"), "invitation", ["account_id"])
    op.create_table(
        "failed_try",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("shut_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_try")),
    )
    op.create_table(
        "account_event",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_event_account_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_account_event")),
    )
    op.create_index(op.f("ix_account_event_account_id"), "account_event", ["account_id"])


def downgrade() -> None:
    """Undo."""
    for table in ("account_event", "failed_try", "invitation", "recovery_code"):
        op.drop_table(table)
    op.drop_index(op.f("ix_session_account_id"), "session")
    op.drop_column("session", "second_at")
    for name in ("totp_step", "totp_since", "totp_secret", "person_id"):
        op.drop_column("account", name)
