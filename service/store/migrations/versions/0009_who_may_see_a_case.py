"""How far each role reaches, who is shut out of a case, and the database's own rows for persons as a second net."""

import json

import sqlalchemy as sa
from alembic import op

from service.core.reach import Reach, reaches
from service.store.tables import Instant

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    role_reach = op.create_table(
        "role_reach",
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("reach", sa.String(16), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("of_agency", sa.Boolean(), nullable=False),
        sa.Column("tends", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_role_reach")),
    )
    op.create_table(
        "denial",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=True),
        sa.Column("agency", sa.String(64), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("lifted_by", sa.String(64), nullable=True),
        sa.Column("lifted_seq", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["process_instance.id"], name=op.f("fk_denial_instance_id")),
        sa.PrimaryKeyConstraint("instance_id", "number", name=op.f("pk_denial")),
    )
    op.create_index(op.f("ix_user_task_instance_id_role_agency"), "user_task", ["instance_id", "role", "agency"])
    op.create_index(op.f("ix_membership_instance_id"), "membership", ["instance_id"])
    rows = [{name: getattr(one, name) for name in Reach.__slots__} for one in reaches(_roles())]
    if rows:
        op.bulk_insert(role_reach, rows)


def _roles() -> dict[str, dict[str, object]]:
    """The roles of the current definition; none before the first deployment."""
    newest = sa.text("SELECT bundle FROM process_definition ORDER BY version DESC LIMIT 1")
    bundle = op.get_bind().execute(newest).scalar_one_or_none()
    roles = json.loads(json.loads(bundle).get("processes/roles.json", "[]")) if bundle else []
    return {role["id"]: role for role in roles}


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("ix_membership_instance_id"), "membership")
    op.drop_index(op.f("ix_user_task_instance_id_role_agency"), "user_task")
    op.drop_table("denial")
    op.drop_table("role_reach")
