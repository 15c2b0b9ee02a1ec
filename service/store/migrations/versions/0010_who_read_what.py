"""The log of reads: who was shown what, and when; a chain that only grows."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

SENTENCE = "rows of this table are never changed or removed"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "read_log",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("instance_id", sa.String(64), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("why", sa.String(32), nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_read_log_account_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["process_instance.id"], name=op.f("fk_read_log_instance_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_read_log")),
        sa.UniqueConstraint("prev_hash", name=op.f("uq_read_log_prev_hash")),
    )
    op.create_index(op.f("ix_read_log_instance_id_number"), "read_log", ["instance_id", "number"])
    op.create_index(op.f("ix_read_log_account_id_number"), "read_log", ["account_id", "number"])
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER read_log_refuses_{act.lower()} BEFORE {act} ON read_log "
                f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
            )
        in_its_way = "SELECT 1 FROM read_log AS kept WHERE kept.number = NEW.number OR kept.prev_hash = NEW.prev_hash"
        refusal = f"BEGIN SELECT RAISE(ABORT, 'UNIQUE: it is there already, and {SENTENCE}'); END"
        when = f"BEFORE INSERT ON read_log WHEN EXISTS ({in_its_way})"
        op.execute(f"CREATE TRIGGER read_log_refuses_replace {when} {refusal}")
        return
    # The function was made by migration 0003.
    for act, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        name = f"read_log_refuses_{'change' if each == 'ROW' else 'truncate'}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {act} ON read_log FOR EACH {each} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    """Undo."""
    op.drop_table("read_log")
