"""What playing the stories of a deployed version gave."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "story_run",
        sa.Column("definition_hash", sa.String(64), nullable=False),
        sa.Column("story", sa.String(200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("played_at", Instant(), nullable=True),
        sa.Column("given", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["definition_hash"], ["process_definition.hash"], name=op.f("fk_story_run_definition_hash")
        ),
        sa.PrimaryKeyConstraint("definition_hash", "story", name=op.f("pk_story_run")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("story_run")
