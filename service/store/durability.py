"""What a database must have in force before anything is written to it: otherwise what it acknowledged could be lost.

Asked of every new connection, so a server that comes back with other settings is refused as one that starts with them.
Every fault is a sentence that ends with how to mend it.
"""

from collections.abc import Iterable, Mapping

OLDEST_POSTGRESQL = 16
"""The oldest major version the tests have run on."""
OLDEST_SQLITE = (3, 35, 0)
LIMITS = {
    "lock_timeout": "5s", "statement_timeout": "15s", "idle_in_transaction_session_timeout": "10s", "TimeZone": "UTC",
}  # fmt: skip
"""What we set on each connection to PostgreSQL: whoever waits too long is answered, whoever stands still lets go."""

_AT_THE_SERVER = "for the server, the database and the role, and take it out of CASEWORK_DATABASE_URL."
_MUST_BE: dict[str, tuple[frozenset[str], str, str]] = {
    "synchronous_commit": (
        frozenset({"on", "remote_apply"}),
        "PostgreSQL answers before a change is on disk, so what it acknowledged could be lost",
        f"Set it to on {_AT_THE_SERVER}",
    ),
    "fsync": (
        frozenset({"on"}),
        "PostgreSQL does not wait for the disk, so a power cut could destroy the database",
        "Set it to on and restart PostgreSQL.",
    ),
    "full_page_writes": (
        frozenset({"on"}),
        "PostgreSQL could not mend a page half written in a power cut",
        "Set it to on and restart PostgreSQL.",
    ),
    "zero_damaged_pages": (
        frozenset({"off"}),
        "PostgreSQL would empty damaged pages instead of reporting them",
        f"Set it to off {_AT_THE_SERVER}",
    ),
    "session_replication_role": (
        frozenset({"origin"}),
        "PostgreSQL would not check what refers to what",
        f"Set it to origin {_AT_THE_SERVER}",
    ),
    "default_transaction_read_only": (
        frozenset({"off"}),
        "PostgreSQL would keep nothing",
        f"Set it to off {_AT_THE_SERVER}",
    ),
    "in_hot_standby": (
        frozenset({"off"}),
        "This PostgreSQL is a standby: it may be behind, and keeps nothing",
        "Name the primary in CASEWORK_DATABASE_URL.",
    ),
    "server_encoding": (
        frozenset({"UTF8"}),
        "The database cannot keep every character",
        "Create it again with ENCODING 'UTF8'.",
    ),
    "client_encoding": (
        frozenset({"UTF8"}),
        "The connection cannot carry every character",
        f"Set it to UTF8 {_AT_THE_SERVER}",
    ),
    **{
        name: (
            frozenset({value}),
            "A limit this service sets on its connections is not in force",
            "Connect to PostgreSQL itself, or let the pooler in between pass startup options on.",
        )
        for name, value in LIMITS.items()
    },
}
POSTGRESQL_ASKS = (
    "SELECT 'server_version_num', current_setting('server_version_num')"
    + "".join(f" UNION ALL SELECT '{name}', current_setting('{name}', true)" for name in _MUST_BE)
)
"""Gives two columns: a setting's name and its value on this connection; null where the server does not know it."""


_UPGRADE = "Upgrade PostgreSQL, or name another server in CASEWORK_DATABASE_URL."
_OTHER = "Use a Python that brings another SQLite."
_LOCAL = "Put the database on a local disk, with CASEWORK_DATA_FOLDER."


def options() -> str:
    """Our limits as libpq's ``options``."""
    return " ".join(f"-c {name}={value}" for name, value in LIMITS.items())


def postgresql_faults(found: Mapping[str, str | None]) -> list[str]:
    """Return what is wrong with the settings of a connection to PostgreSQL; empty when all is well."""
    major = int(found["server_version_num"] or 0) // 10_000
    if major < OLDEST_POSTGRESQL:
        return [f"This is PostgreSQL {major}; at least version {OLDEST_POSTGRESQL} is needed. {_UPGRADE}"]
    return [
        f"{wrong} ({name} is {found.get(name)}). {mend}"
        for name, (accepted, wrong, mend) in _MUST_BE.items()
        if found.get(name) not in accepted
    ]


def sqlite_faults(
    *, version: tuple[int, ...], compiled: Iterable[str], journal: str, synchronous: int, foreign_keys: int
) -> list[str]:
    """Return what is wrong with a connection to SQLite; the last three are what its pragmas answer."""
    number, oldest = (".".join(map(str, found)) for found in (version, OLDEST_SQLITE))
    faults = {
        f"SQLite {number} is too old; at least {oldest} is needed. {_OTHER}": version < OLDEST_SQLITE,
        f"This SQLite was built for a single thread (THREADSAFE=0). {_OTHER}": "THREADSAFE=0" in set(compiled),
        f"SQLite cannot keep its log beside the database (journal_mode is {journal}), so readers would stop writers. "
        f"{_LOCAL}": journal != "wal",
        f"SQLite does not wait for the disk (synchronous is {synchronous}), so what it acknowledged could be lost. "
        f"{_OTHER}": synchronous not in {2, 3},
        f"SQLite does not check what refers to what (foreign_keys is {foreign_keys}). {_OTHER}": foreign_keys != 1,
    }
    return [sentence for sentence, wrong in faults.items() if wrong]
