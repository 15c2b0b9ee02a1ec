"""Random walks through every shipped diagram; the long form is part of ``make torture``."""

from torture.wandering import wander

SEED = 20130529


def test_after_each_step_state_tables_and_chain_agree(sqlite_url, tmp_path):
    wandered = wander(sqlite_url, tmp_path, SEED, walks=3, most=22)
    assert wandered.wrong == []
    assert wandered.steps > 40
    assert wandered.tampered, "no history was ever changed"
