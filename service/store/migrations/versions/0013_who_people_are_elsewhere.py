"""Who people are to the provider of their organisation's accounts."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "account_identity",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("bound_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_identity_account_id")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_account_identity")),
        sa.UniqueConstraint("issuer", "account_id", name=op.f("uq_account_identity_issuer_account_id")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("account_identity")
