"""Seals on stored states, and a place for states as they were before they were converted.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "state_kept",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(64), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("state_key", sa.String(16), nullable=True),
        sa.Column("state_mac", sa.String(64), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_state_kept_instance_id")
        ),
        sa.PrimaryKeyConstraint("instance_id", "seq", name=op.f("pk_state_kept")),
    )
    # Added one by one: a batch would copy the table, and with it every state, on SQLite.
    op.add_column("process_instance", sa.Column("state_form", sa.String(64), nullable=True))
    op.add_column("process_instance", sa.Column("state_key", sa.String(16), nullable=True))
    op.add_column("process_instance", sa.Column("state_mac", sa.String(64), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("process_instance", "state_mac")
    op.drop_column("process_instance", "state_key")
    op.drop_column("process_instance", "state_form")
    op.drop_table("state_kept")
