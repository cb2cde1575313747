"""Kill -9 at every boundary of a run and at random times: the resumed run's log equals the unbroken one.

A boundary is the instant before a file takes its name or an event is committed; `nursery.py` says how it is found.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.errors import DiskFull
from rewardsmith.propose.fake_server import FakeServer

KILLED = -signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One small run that can be begun again and again, and what it leaves where nothing happens to it."""

    nursery: Any
    rig: Any
    words: tuple[str, ...]
    moments: int
    log: dict[str, object]
    files: dict[str, str]

    def begin(self, name: str, **options: Any) -> Any:
        return self.nursery.call("evolve", "task.yaml", *self.words, "--name", name, **options)

    def resume(self, name: str, **options: Any) -> Any:
        return self.nursery.call("resume", name, **options)

    def run(self, name: str) -> Path:
        return self.nursery.folder / "runs" / name

    def killed_and_resumed(self, name: str, moments: Sequence[int]) -> Any:
        """Begin the run, killed at the first of `moments`; resume it, killed at the next; then resume it to its end."""
        ended = self.begin(name, at=moments[0])
        for at in moments[1:]:
            assert ended.code == KILLED, ended.said
            ended = self.again(name, at=at)
        assert ended.code == KILLED, ended.said
        return self.to_its_end(name)

    def again(self, name: str, **options: Any) -> Any:
        """Resume, or begin where the kill came before there was a run."""
        begun = "run" in self.rig.log(self.run(name))
        return self.resume(name, **options) if begun else self.begin(name, **options)

    def to_its_end(self, name: str) -> Any:
        ended = self.again(name)
        assert ended.code == 0, ended.said
        return ended

    def same(self, name: str) -> bool:
        """Whether the run left what the unbroken one left, to the bit."""
        run = self.run(name)
        assert self.rig.log(run) == self.log
        assert self.rig.files(run) == self.files
        left = {part.name for part in run.rglob("*.part")}
        assert left <= {".ledger.backup.sqlite.part"}  # of a run that had ended but for the copy of its ledger
        return True


def _bench(nursery: Any, rig: Any, name: str, *words: str) -> Bench:
    words = ("--seed", "3", "--plain", *words)
    warm = Bench(nursery=nursery, rig=rig, words=words, moments=0, log={}, files={})
    ended = warm.begin(f"{name}-unbroken")
    assert ended.code == 0, ended.said
    run = warm.run(f"{name}-unbroken")
    return Bench(nursery=nursery, rig=rig, words=words, moments=ended.moments, log=rig.log(run), files=rig.files(run))


@pytest.fixture(scope="module")
def offline(nursery: Any, rig: Any) -> Bench:
    return _bench(nursery, rig, "offline", "--references")


@pytest.fixture(scope="module")
def server(rig: Any) -> Iterator[FakeServer]:
    with FakeServer(rig.rewarding) as started:
        yield started


@pytest.fixture(scope="module")
def modelled(nursery: Any, rig: Any, server: FakeServer) -> Bench:
    """A run with a model that is asked one request at a time."""
    model = ("--model", "vllm/coder", "--base-url", server.base_url, "--set", "propose.concurrency=1")
    return _bench(nursery, rig, "modelled", *model)


# --- at boundaries ----------------------------------------------------------------------------------------------------


def test_a_run_killed_again_and_again_ends_as_the_unbroken_one(offline: Bench) -> None:
    steps = [5, 9, 4, 12, 8, 10]  # of each session; a session repeats what the one before it had not finished
    offline.killed_and_resumed("often", steps)
    assert offline.same("often")


@pytest.mark.slow
def test_a_run_killed_at_any_boundary_ends_as_the_unbroken_one(offline: Bench) -> None:
    for at in range(1, offline.moments + 1):
        ended = offline.begin(f"killed-{at}", at=at)
        assert ended.code == KILLED, f"at {at}: {ended.said}"
        offline.to_its_end(f"killed-{at}")
        assert offline.same(f"killed-{at}"), f"at {at}"


# --- replies that cost money ------------------------------------------------------------------------------------------


def test_no_reply_is_paid_for_twice(modelled: Bench, server: FakeServer) -> None:
    paid = len([key for key in modelled.log if key.startswith("reply:")])
    before = len(server.heard)
    steps = [7, 8, 9, 12]
    modelled.killed_and_resumed("paid", steps)
    assert modelled.same("paid")
    assert len(server.heard) - before <= paid + len(steps)


@pytest.mark.slow
def test_a_kill_at_any_boundary_costs_one_more_call_at_most(modelled: Bench, server: FakeServer) -> None:
    paid = len([key for key in modelled.log if key.startswith("reply:")])
    for at in range(1, modelled.moments + 1):
        before = len(server.heard)
        modelled.killed_and_resumed(f"model-{at}", [at])
        assert modelled.same(f"model-{at}"), f"at {at}"
        assert paid <= len(server.heard) - before <= paid + 1, f"at {at}"


# --- at random times --------------------------------------------------------------------------------------------------


def _at_random(bench: Bench, name: str, *, kills: int, seed: int) -> None:
    """Kill a run at random times and resume it to its end; whatever was acknowledged must still stand each time."""
    draw = random.Random(seed)
    held: list[tuple[str, str, str]] = []
    start: Callable[..., Any] = bench.begin
    for _ in range(kills):
        ended = start(name, signals=[(draw.uniform(0.0, 1.2), signal.SIGKILL)])
        now = bench.rig.rows(bench.run(name))
        assert now[: len(held)] == held
        assert len(now) >= len(held) + ended.acknowledged
        held, start = now, bench.again
        if ended.code == 0:
            return
    bench.to_its_end(name)


def test_nothing_acknowledged_is_lost_at_random_times(offline: Bench) -> None:
    _at_random(offline, "at-random", kills=4, seed=1)
    assert offline.same("at-random")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_nothing_acknowledged_is_lost_over_many_kills(modelled: Bench, seed: int) -> None:
    _at_random(modelled, f"many-{seed}", kills=10, seed=seed)
    assert modelled.same(f"many-{seed}")


# --- no room on the disk ----------------------------------------------------------------------------------------------


def _fills(bench: Bench, name: str, at: int) -> None:
    """From moment `at` on nothing more can be written: that is said, and once there is room the run goes on."""
    ended = bench.begin(name, full_at=at)
    assert ended.code == DiskFull.exit_code, f"at {at}: {ended.said}"
    assert "Traceback" not in ended.said, f"at {at}: {ended.said}"
    assert "Free some space" in ended.said, f"at {at}: {ended.said}"
    bench.to_its_end(name)
    assert bench.same(name), f"at {at}"


def test_a_full_disk_stops_a_run_that_goes_on_once_there_is_room(modelled: Bench) -> None:
    for at in (2, modelled.moments // 2, modelled.moments - 2):
        _fills(modelled, f"full-{at}", at)


@pytest.mark.slow
def test_a_disk_that_fills_up_at_any_write_stops_a_run_that_goes_on_once_there_is_room(offline: Bench) -> None:
    for at in range(1, offline.moments):
        _fills(offline, f"fills-{at}", at)


# --- two at once ------------------------------------------------------------------------------------------------------


def test_a_second_process_is_told_who_holds_the_run_and_takes_over_once_the_first_is_killed(
    nursery: Any, offline: Bench
) -> None:
    first = nursery.stop("evolve", "task.yaml", *offline.words, "--name", "held", at=offline.moments // 2)
    second = offline.resume("held")
    assert second.code == 3
    assert f"is being worked on by process {first} on" in second.said
    assert offline.nursery.call("show", "held").code == 0
    nursery.kill(first)
    assert offline.resume("held").code == 0


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_event_and_says_how_to_go_on(offline: Bench, number: signal.Signals) -> None:
    name, at = f"once-{number}", offline.moments * 2 // 3  # files of a generation are being written
    ended = offline.begin(name, at=at, send=number)
    assert ended.code == 130, ended.said
    assert "Traceback" not in ended.said
    assert f"rewardsmith resume {Path('runs') / name}" in ended.said
    offline.to_its_end(name)
    assert offline.same(name)


@pytest.mark.slow
def test_one_signal_at_any_boundary_ends_with_130(offline: Bench) -> None:
    for at in range(1, offline.moments + 1):
        ended = offline.begin(f"int-{at}", at=at, send=signal.SIGINT)
        assert ended.code == 130, f"at {at}: {ended.said}"
        assert "Traceback" not in ended.said, f"at {at}"
        offline.to_its_end(f"int-{at}")
        assert offline.same(f"int-{at}"), f"at {at}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_two_signals_at_random_times_end_at_once_with_130(offline: Bench, seed: int) -> None:
    first = random.Random(seed).uniform(0.05, 1.2)
    ended = offline.begin(f"twice-{seed}", signals=[(first, signal.SIGINT), (first + 0.01, signal.SIGINT)])
    assert ended.code in {0, 130}, ended.said
    assert ended.seconds < first + 2.0
    offline.to_its_end(f"twice-{seed}")
    assert offline.same(f"twice-{seed}")
