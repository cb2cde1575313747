"""Two hundred kills of one run at random times, resumed to its end: `make soak`, by hand, as it takes a while.

A run with a model (made up, on loopback) is killed with SIGKILL at a random moment, looked at, resumed, killed again,
until the kills are spent or the run is through; then another run is begun. Checked after every kill: everything whose
commit had returned is there and unchanged, and the model was called at most once more a kill than replies were kept.
Checked at the end: the run's log, less times, equals that of a run to which nothing happened.

Run: `python tests/faults/soak.py [--kills 200] [--seconds 3600] [--out FILE]`; exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import rig

from rewardsmith.propose.fake_server import FakeServer

GENERATIONS = 12


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    runs: int = 0
    events: int = 0
    calls: int = 0
    replies: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no more kills after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="", help="where to write the result as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = soak(Path(folder), kills=options.kills, seconds=options.seconds, seed=options.seed)
    print(f"{tally.kills} kills over {tally.runs} runs in {tally.seconds:.0f} s")
    print(f"{tally.events} events, {tally.calls} calls for {tally.replies} replies that were kept")
    print("\n".join(tally.faults) or "nothing acknowledged was lost; every run ended as the unbroken one")
    if options.out:
        Path(options.out).write_text(json.dumps(asdict(tally), indent=2) + "\n", encoding="utf-8")
    return 1 if tally.faults else 0


def soak(folder: Path, *, kills: int, seconds: float, seed: int) -> Tally:
    """Kill until the kills or the seconds are spent; the run that is under way then is taken to its end."""
    (folder / "task.yaml").write_text(rig.TASK, encoding="utf-8")
    tally, draw, started = Tally(), random.Random(seed), time.monotonic()
    with FakeServer(rig.rewarding) as server, rig.Nursery(folder) as nursery:
        words = _words(server)
        whole = nursery.call(*words, "--name", "unbroken")
        assert whole.code == 0, whole.said
        each = nursery.call(*words, "--name", "timed").seconds / GENERATIONS
        unbroken = folder / "runs" / "unbroken"
        while tally.kills < kills and time.monotonic() - started < seconds and not tally.faults:
            until = Until(kills=kills, end=started + seconds, longest_s=3.0 * each)
            _one_run(nursery, server, words, f"run-{tally.runs}", unbroken, tally, draw, until)
    tally.seconds = time.monotonic() - started
    return tally


@dataclass(frozen=True, kw_only=True)
class Until:
    """When to kill no more, and how long a session lives at most."""

    kills: int
    end: float
    longest_s: float


def _words(server: FakeServer) -> tuple[str, ...]:
    sets = ("propose.concurrency=1", f"search.generations={GENERATIONS}")
    settings = (word for text in sets for word in ("--set", text))
    model = ("--model", "vllm/coder", "--base-url", server.base_url)
    return ("evolve", "task.yaml", "--seed", "7", "--plain", *model, *settings)


def _one_run(
    nursery: rig.Nursery,
    server: FakeServer,
    words: tuple[str, ...],
    name: str,
    unbroken: Path,
    tally: Tally,
    draw: random.Random,
    until: Until,
) -> None:
    """One run, killed again and again, to its end."""
    run, calls, kills = unbroken.with_name(name), len(server.heard), 0
    held: list[tuple[str, str, str]] = []
    while True:
        command = ("resume", name) if held else (*words, "--name", name)
        last = tally.kills >= until.kills or time.monotonic() > until.end
        after_s = [] if last else [(draw.uniform(0.0, until.longest_s), signal.SIGKILL)]
        ended = nursery.call(*command, signals=after_s)
        now = rig.rows(run)
        kills, tally.kills = kills + (ended.code == -9), tally.kills + (ended.code == -9)
        if now[: len(held)] != held or len(now) < len(held) + ended.acknowledged:
            tally.faults.append(f"{name}: {len(held)} events and {ended.acknowledged} more, but {len(now)} are left")
        if ended.code not in {0, -9}:
            tally.faults.append(f"{name}: ended with {ended.code}: {ended.said[-500:]}")
        held = now
        if ended.code == 0 or tally.faults:
            break
    _settle(run, unbroken, tally, calls=len(server.heard) - calls, kills=kills)


def _settle(run: Path, unbroken: Path, tally: Tally, *, calls: int, kills: int) -> None:
    """Hold a run that is through against the unbroken one."""
    replies = sum(key.startswith("reply:") for key in rig.log(run))
    tally.runs, tally.events = tally.runs + 1, tally.events + len(rig.rows(run))
    tally.calls, tally.replies = tally.calls + calls, tally.replies + replies
    if not replies <= calls <= replies + kills:
        tally.faults.append(f"{run.name}: {calls} calls for {replies} replies and {kills} kills")
    if rig.log(run) != rig.log(unbroken) or rig.files(run) != rig.files(unbroken):
        tally.faults.append(f"{run.name}: it is not what the unbroken run is")
    shutil.rmtree(run)


if __name__ == "__main__":
    raise SystemExit(main())
