"""What solves the tasks that PPO does not solve in a million env steps under the environment's own reward.

Claim: none; it looks for the budget or the learner that does, for docs/anchors.md. A task counts as solved where nine
in ten of its episodes succeed, over three seeds. Each try is added to those that FILE has. Run: `python
benchmarks/solves.py TASK... [--env-steps 3000000] [--set train.algorithm=sac ...] [--seeds 3] [--out FILE]`; five
minutes to an hour for three million env steps of three seeds on two cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _machine import machine, write

OUT = "benchmarks/results/solves.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--env-steps", type=int, default=3_000_000)
    parser.add_argument("--set", action="append", default=[], dest="sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", default=OUT)
    args = parser.parse_args()
    tries: list[dict[str, Any]] = json.loads(Path(args.out).read_text())["tries"] if Path(args.out).exists() else []
    for task in args.tasks:
        tries.append(one(task, [f"train.env_steps={args.env_steps}", *args.sets], seeds=args.seeds))
        print(json.dumps(tries[-1]), flush=True)
        write(args.out, {"tries": tries})


def one(task: str, sets: list[str], *, seeds: int) -> dict[str, Any]:
    """The expert's reward trained as `rewardsmith train` does, on `seeds` seeds side by side."""
    words = [word for text in sets for word in ("--set", text)]
    started = time.monotonic()
    what = ["train", "--reference", "expert", "--task", task, "--seeds", str(seeds), *words, "--json"]
    done = subprocess.run([sys.executable, "-m", "rewardsmith", *what], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    return {
        "task": task,
        "settings": sets,
        "fitness": round(found["fitness"], 4),
        "success": found["success_rate"],
        "by_seed": [[seed["env_steps"], round(seed["fitness"], 4), seed["success_rate"]] for seed in found["seeds"]],
        "clock_s": round(time.monotonic() - started),
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
