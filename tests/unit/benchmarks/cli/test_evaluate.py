"""What `goldenrule evaluate partner-reward` prints."""

from __future__ import annotations

from goldenrule.benchmarks.cli.evaluate import METRICS, _print_partner_reward


def test_each_estimate_is_a_row_with_its_interval_or_the_reason_for_none(capsys):
    network = {"train_dialogues": 824, "test_dialogues": 206, "method": "held out", "alone": {"points": 0.5}}
    known = {"figure": "points", "estimate": "a", "value": 0.514, "low": 0.4, "high": 0.6, "error": None}
    split = {"test_dialogues": 206, "test_people": 412, "networks": [network], "seed": 3}
    rows = [
        {**known, "no_interval": None},
        {**known, "estimate": "b", "low": None, "high": None, "no_interval": "too few dialogues"},
        {**known, "estimate": "c", "value": None, "low": None, "high": None, "error": "no text"},
    ]
    _print_partner_reward({"rows": rows, "summary": {"split": split}}, {"a": "its answers", "b": "one answer"})
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown.splitlines()]
    assert "206 human dialogues (412 people)" in shown
    assert METRICS["points"] in shown
    assert METRICS["top_need"] not in shown
    assert ["a", "0.51", "[0.40,", "0.60]", "its", "answers"] in lines
    assert ["b", "0.51", "-", "one", "answer", "(too", "few", "dialogues)"] in lines
    assert ["c", "none", "-", "no", "text"] in lines
