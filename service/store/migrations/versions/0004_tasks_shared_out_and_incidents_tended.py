"""Tasks that are delegated, answers half written, limits that are given up, and incidents that are tended."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("user_task", sa.Column("owner", sa.String(64), nullable=True))
    op.add_column("clock", sa.Column("stopped_at", Instant(), nullable=True))
    op.add_column("incident", sa.Column("first_at", Instant(), nullable=True))
    for name in ("actor", "closed_by", "about"):
        op.add_column("incident", sa.Column(name, sa.String(64), nullable=True))
    for name in ("command", "resolution"):
        op.add_column("incident", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "answer_draft",
        sa.Column("task_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["user_task.id"], name=op.f("fk_answer_draft_task_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_answer_draft_account_id")),
        sa.PrimaryKeyConstraint("task_id", "account_id", name=op.f("pk_answer_draft")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("answer_draft")
    for name in ("command", "resolution", "actor", "closed_by", "about", "first_at"):
        op.drop_column("incident", name)
    op.drop_column("clock", "stopped_at")
    op.drop_column("user_task", "owner")
