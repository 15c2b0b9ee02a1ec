"""The departures of each case, as they could be rebuilt from its steps."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "departure",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("process_id", sa.String(64), nullable=False),
        sa.Column("element_id", sa.String(64), nullable=False),
        sa.Column("role", sa.String(64), nullable=True),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("became", sa.String(16), nullable=False),
        sa.Column("judged_at", Instant(), nullable=True),
        sa.Column("judged_by", sa.String(64), nullable=True),
        sa.Column("judged_role", sa.String(64), nullable=True),
        sa.Column("judged_seq", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["process_instance.id"], name=op.f("fk_departure_instance_id")),
        sa.PrimaryKeyConstraint("instance_id", "number", name=op.f("pk_departure")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("departure")
