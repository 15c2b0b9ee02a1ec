"""A time limit's key holds the item of a repeated step it is for, so it may be longer."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("clock") as table:
        table.alter_column("key", existing_type=sa.String(64), type_=sa.String(160), existing_nullable=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("clock") as table:
        table.alter_column("key", existing_type=sa.String(160), type_=sa.String(64), existing_nullable=False)
