"""The record of the calibration: of today's rules, and of enough runs."""

from __future__ import annotations

from reporter.rules import RULES
from reporter.rules.calibration import recorded, told

AGAIN = "the rules have changed since: `make calibrate ARGS=--record` writes the record anew"


def test_the_record_knows_every_rule_with_its_limits_of_today() -> None:
    assert set(recorded()["rules"]) == {rule.name for rule in RULES}, AGAIN
    for rule in RULES:
        assert recorded()["rules"][rule.name]["limits"] == rule.defaults, AGAIN
        assert told(rule.name) == rule.calibration != ""


def test_it_rests_on_enough_runs_of_either_kind() -> None:
    assert recorded()["runs"]["healthy"] >= 60 and recorded()["runs"]["sick"] >= 60
    assert sum(counts["sick"] > 0 for counts in recorded()["rules"].values()) > len(RULES) / 2


def test_a_sentence_gives_both_counts() -> None:
    runs, counts = recorded()["runs"], recorded()["rules"]["frozen"]
    assert told("frozen") == (
        f"Calibration: fired on {counts['healthy']} of {runs['healthy']} healthy and {counts['sick']} of "
        f"{runs['sick']} sick runs."
    )
