"""A cell that was handed ahead: one of two processes has it, never both, never none."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.connection import Connection

from goldenrule.benchmarks.engines import forks
from goldenrule.benchmarks.engines.claims import Claim


def test_each_offer_is_taken_once() -> None:
    claim = Claim()
    assert not claim.take()
    claim.offer()
    claim.offer()
    assert [claim.take() for _ in range(3)] == [True, True, False]
    claim.close()
    claim.close()


def takes_until_told(channel: Connection, environment: Mapping[str, str], claim: Claim) -> None:
    taken = 0
    while channel.recv():
        taken += claim.take()
        channel.send(taken)


def test_what_another_process_took_cannot_be_taken_back_and_the_other_way_round() -> None:
    claim = Claim()
    channel, process = forks.child(takes_until_told, claim)
    try:
        for mine in (False, True, True, False):
            claim.offer()
            assert not mine or claim.take()
            channel.send(True)
            channel.recv()
            assert not claim.take()
        channel.send(True)
        assert channel.recv() == 2
        channel.send(False)
        process.join()
        assert process.exitcode == 0
    finally:
        channel.close()
        process.terminate()
        claim.close()
