"""The log over all steps, its checkpoints, and a history that only grows.

Whatever later migration makes ``step``, ``leaf`` or ``checkpoint`` anew (SQLite's batch mode does) must put their
triggers back: dropping a table drops them.
"""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

GROWING = ("step", "leaf", "checkpoint")
IN_ITS_WAY = {
    "step": "kept.rowid = NEW.rowid OR (kept.instance_id = NEW.instance_id AND kept.seq = NEW.seq)"
    " OR (kept.instance_id = NEW.instance_id AND kept.prev_hash = NEW.prev_hash)",
    "leaf": 'kept."index" = NEW."index" OR (kept.instance_id = NEW.instance_id AND kept.seq = NEW.seq)',
    "checkpoint": "kept.size = NEW.size",
}
SENTENCE = "rows of this table are never changed or removed"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "leaf",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id", "seq"], ["step.instance_id", "step.seq"], name=op.f("fk_leaf_instance_id_seq")
        ),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_leaf")),
        sa.UniqueConstraint("instance_id", "seq", name=op.f("uq_leaf_instance_id_seq")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("frontier", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()


def _refuse_on_sqlite() -> None:
    for table in GROWING:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
            )
        # INSERT OR REPLACE removes the row in its way without asking the triggers above.
        op.execute(
            f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} "  # names of our own # noqa: S608 # nosec B608
            f"WHEN EXISTS (SELECT 1 FROM {table} AS kept WHERE {IN_ITS_WAY[table]}) "
            f"BEGIN SELECT RAISE(ABORT, 'UNIQUE: it is there already, and {SENTENCE}'); END"
        )


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in GROWING:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Undo."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER step_refuses_{act}")
    op.drop_table("leaf")
    op.drop_table("checkpoint")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_change() CASCADE")
