"""How long a verdict takes: every gate, from code to a checked graph that was tried on data.

Claims: with a warm worker the median is below 0.5 s and the slowest below 10 s, over the corpus of the tests. Each
program is judged once, by one worker, hostile ones included: they run only where they are locked in.

There is no peer to compare with, so these are seconds of the machine named in the result, not ratios.
Run: `python benchmarks/verdict_time.py [--out FILE]`.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
from pathlib import Path

import torch
from _machine import machine, write
from reward_graph import NUMBERS, SIGNALS

from rewardsmith import verify
from rewardsmith.config import VerifySettings
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.types import (
    Attempt,
    Candidate,
    Constant,
    Drafted,
    EnvSpec,
    Measure,
    References,
    Signal,
    Task,
    Verified,
)

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
KINDS = ("benign", "buggy", "hostile")
TASK = Task(
    name="toy_reach",
    goal="Reach the goal upright and fast.",
    env=EnvSpec(backend="envpool", id="Toy-v0"),
    signals=tuple(
        Signal(name=name, shape=shape, unit="1", doc=name, source="obs[0]")
        for name, shape in SIGNALS.items()
        if not name.startswith("prev_") and name != "episode_progress"
    ),
    constants=tuple(Constant(name=name, value=value) for name, value in NUMBERS.items() if name != "dt"),
    fitness=Measure(source="x_velocity", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=NUMBERS["dt"],
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="", help="where to write the result as JSON")
    told = parser.parse_args()
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    states = {name: torch.rand((512, *shape), generator=draw) + 0.5 for name, shape in SIGNALS.items()}
    with ProcessSandbox(VerifySettings()) as sandbox:
        started = time.perf_counter()
        sandbox.layers()
        start_s = time.perf_counter() - started
        measured = {kind: [_judge(path, sandbox, states) for path in _programs(kind)] for kind in KINDS}
    summary = {kind: _summary(verdicts) for kind, verdicts in measured.items()}
    summary["all"] = _summary([verdict for verdicts in measured.values() for verdict in verdicts])
    for kind, numbers in summary.items():
        print(kind, *(f"{name} {value:.3g}" for name, value in numbers.items()))
    write(told.out, {"start_s": start_s, "summary": summary, "machine": machine()})


def _programs(kind: str) -> list[Path]:
    return sorted((CORPUS / kind).glob("*.py"))


def _judge(path: Path, sandbox: ProcessSandbox, states: dict[str, torch.Tensor]) -> tuple[float, bool]:
    """Seconds, and whether it was accepted."""
    code = path.read_text(encoding="utf-8", errors="surrogateescape")
    sha256 = hashlib.sha256(code.encode(errors="surrogateescape")).hexdigest()
    candidate = Candidate(id="g001-00", code=code, sha256=sha256, origin="manual", model="")
    started = time.perf_counter()
    (attempt,) = verify.gauntlet([Attempt(candidate=candidate, outcome=Drafted())], TASK, sandbox, states)
    return time.perf_counter() - started, isinstance(attempt.outcome, Verified)


def _summary(verdicts: list[tuple[float, bool]]) -> dict[str, float]:
    seconds = [taken for taken, _ in verdicts]
    return {
        "programs": len(verdicts),
        "accepted": sum(accepted for _, accepted in verdicts),
        "median_s": statistics.median(seconds),
        "p90_s": statistics.quantiles(seconds, n=10)[-1],
        "slowest_s": max(seconds),
    }


if __name__ == "__main__":
    main()
