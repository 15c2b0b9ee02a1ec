"""Where the keys that seal stored states come from: never from the database, never the same for two purposes.

``CASEWORK_STATE_KEY`` if it is set; otherwise a key worked out from the secret key (embedded database) or from the
practice key. On PostgreSQL the setting is required: there the secret key is changed more lightly than cases are old.
"""

import secrets
from pathlib import Path

from sqlalchemy import Connection, func, select

from service.core.engine.state_seal import StateKeys
from service.settings import Settings, SettingsRefused
from service.store.tables import process_instance
from service.store.transaction import Store, reading, state_keys

UNFIT = (
    "The state key does not fit this database: none of its {count} cases was sealed with it. Set CASEWORK_STATE_KEY to"
    " the key that was used, or CASEWORK_STATE_KEY_PREVIOUS if it has been changed. Without CASEWORK_STATE_KEY the key"
    " is worked out from CASEWORK_SECRET_KEY."
)
UNSEALED = (
    "None of the {count} cases of this database is sealed: they were saved by the first release. Nobody can work on"
    " them until two people have had them sealed with “service migrate-state”."
)


def keys_of(settings: Settings) -> StateKeys:
    """The keys of an installation. Raises ``SettingsRefused`` when there is nothing to make one from."""
    text = settings.state_key or settings.secret_key
    if not text and settings.practice:
        text = practice_key(settings.data_folder)
    try:
        return StateKeys.of(text, settings.state_key_previous)
    except ValueError as short:
        raise SettingsRefused("CASEWORK_STATE_KEY or CASEWORK_SECRET_KEY must have at least 32 characters.") from short


def practice_key(folder: Path) -> str:
    """The key a practice site signs its forms with: made once, so that open pages survive a restart.

    Raises ``SettingsRefused`` where it can be neither kept nor read.
    """
    try:
        return _practice_key(folder)
    except OSError as failure:
        raise SettingsRefused(
            f"The folder {folder} cannot be written to. Give the service's own user the right to, "
            "or set CASEWORK_DATA_FOLDER to another folder."
        ) from failure


def _practice_key(folder: Path) -> str:
    kept = folder / "practice.key"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Written beside and moved: ended in between, a half-written key would be taken for the key.
        fresh = kept.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(secrets.token_hex(32))
        fresh.replace(kept)
    return kept.read_text().strip()


def require_fitting(store: Store) -> int:
    """Raise ``SettingsRefused`` when no case could be taken up: one sentence now instead of an incident for each.

    Returns how many cases could not be taken up though others can.
    """
    with reading(store) as db:
        known = {state_keys(db).key_id, state_keys(db).previous_id}
        found = _count_by_key(db)
    total, fitting = sum(found.values()), sum(n for key, n in found.items() if key is not None and key in known)
    if total and not fitting:
        raise SettingsRefused((UNSEALED if set(found) == {None} else UNFIT).format(count=total))
    return total - fitting


def _count_by_key(db: Connection) -> dict[str | None, int]:
    wanted = select(process_instance.c.state_key, func.count()).group_by(process_instance.c.state_key)
    return {key: int(count) for key, count in db.execute(wanted)}
