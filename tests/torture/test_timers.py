"""Timers against a model of a few lines; ``make torture`` plays many more."""

from torture.timers import play


def test_timers_go_off_in_order_once_never_early_and_the_deadline_wins():
    assert [wrong for seed in range(25) for wrong in play(seed)] == []
