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


# Rows are held back from this role alone: people's reading is done as it, for one transaction (see store.transaction).
# The owner of the tables does the service's own work, and pg_dump, so row level security is not forced on it.
PERSON = """
DO $$ BEGIN CREATE ROLE casework_person NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN EXECUTE format('GRANT casework_person TO %I', current_user); END $$;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO casework_person;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO casework_person;
CREATE FUNCTION casework_cases() RETURNS TABLE (id varchar, met boolean, whole boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.instance_id, bool_or(s.met), bool_or(s.met AND r.whole)
    FROM membership m
    JOIN account a ON a.id = m.account_id AND a.disabled_at IS NULL
    JOIN role_reach r ON r.role = m.role
    JOIN ownership o ON o.partnership_id = m.partnership_id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN m.instance_id IS NOT NULL THEN m.instance_id = o.instance_id
        WHEN r.reach = 'all' THEN true
        WHEN r.reach = 'called' THEN EXISTS (
            SELECT 1 FROM user_task u WHERE u.instance_id = o.instance_id AND u.role = m.role
            AND (u.agency IS NULL OR u.agency = m.agency))
        ELSE false END AS met) s
    WHERE m.account_id = current_setting('casework.account', true)
    AND m.from_at <= current_setting('casework.at', true)::timestamptz
    AND (m.to_at IS NULL OR m.to_at > current_setting('casework.at', true)::timestamptz)
    AND (s.met OR r.tends)
    AND NOT EXISTS (
        SELECT 1 FROM denial d WHERE d.instance_id = o.instance_id AND d.lifted_seq IS NULL
        AND (d.account_id = m.account_id
             OR d.agency IN (SELECT n.agency FROM membership n WHERE n.account_id = m.account_id)))
    GROUP BY o.instance_id
$$;
CREATE FUNCTION casework_agencies() RETURNS SETOF varchar
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT agency FROM membership WHERE account_id = current_setting('casework.account', true) AND agency IS NOT NULL
$$;
"""
CASE = "instance_id IN (SELECT c.id FROM casework_cases() c"
KNOWN = f"{CASE})"
OF_NO_OTHER = "agency IS NULL OR agency IN (SELECT casework_agencies())"
OWN = "author = current_setting('casework.account', true)"
RULES = {
    "process_instance": "id IN (SELECT c.id FROM casework_cases() c)",
    "step": KNOWN,
    "clock": KNOWN,
    "departure": KNOWN,
    "user_task": f"{KNOWN} AND ({OF_NO_OTHER} OR {CASE} WHERE c.whole OR NOT c.met))",
    "record": f"{CASE} WHERE c.met) AND ({OF_NO_OTHER} OR {OWN} OR {CASE} WHERE c.whole))",
}


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
    if op.get_bind().dialect.name == "postgresql":
        op.execute(PERSON)
        for table, rule in RULES.items():
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY person ON {table} FOR SELECT TO casework_person USING ({rule})")


def _roles() -> dict[str, dict[str, object]]:
    """The roles of the current definition; none before the first deployment."""
    newest = sa.text("SELECT bundle FROM process_definition ORDER BY version DESC LIMIT 1")
    bundle = op.get_bind().execute(newest).scalar_one_or_none()
    roles = json.loads(json.loads(bundle).get("processes/roles.json", "[]")) if bundle else []
    return {role["id"]: role for role in roles}


def downgrade() -> None:
    """Undo."""
    if op.get_bind().dialect.name == "postgresql":
        for table in RULES:
            op.execute(f"DROP POLICY person ON {table}")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute("DROP FUNCTION casework_agencies(); DROP FUNCTION casework_cases();")
    op.drop_index(op.f("ix_membership_instance_id"), "membership")
    op.drop_index(op.f("ix_user_task_instance_id_role_agency"), "user_task")
    op.drop_table("denial")
    op.drop_table("role_reach")
