"""A deployment is what was deployed, byte for byte, or it is not run at all."""

import pytest
from sqlalchemy import text

from service.core.errors import StateDamaged
from service.runtime import state_keys
from service.runtime.definitions import Definitions


def test_a_deployment_changed_in_the_database_is_never_run(service):
    with service.read() as db:
        current = service.definitions.current(db).hash
    with service.store.writers.connect() as db:
        db.execute(text("UPDATE process_definition SET bundle = replace(bundle, 'Tree', 'Free')"))
        db.commit()
    with pytest.raises(StateDamaged):
        Definitions(service.store).get(current)


def test_a_practice_key_is_made_once_and_for_its_owner_alone(tmp_path):
    key = state_keys.practice_key(tmp_path)
    assert len(key) == 64
    assert state_keys.practice_key(tmp_path) == key
    assert (tmp_path / "practice.key").stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.iterdir()] == ["practice.key"]
