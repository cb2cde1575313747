"""Many candidates on one GPU, beside one candidate and beside MuJoCo Warp alone.

Claims, each a part of its own:

  population   16 candidates of 512 environments cost <= 2x of one candidate's wall time; env steps/s and memory for 1,
               4, 16 and 64 candidates of 512 to 4096 environments each
  stepping     training with 1, 8 and 16 candidates takes >= 0.5 of the env steps a second that MuJoCo Warp alone takes
               of the same model, for ant, humanoid, go1 and hand, with 4096 to 65536 environments in all
  search       a search of 5 generations of 8 rewards takes < 3 minutes

"MuJoCo Warp alone" is the task's model without our sensors under random controls, a graph launched for each control
step, put back to the start every 50 of them: nothing is read or learned in between. Training is under the task's expert
reward, making the environments left out; both are told in control steps. Everything runs `--rounds` times after a first
one that warms up, sides interleaved; medians are told. A machine's very first run compiles Warp's kernels for minutes.

Run: `python benchmarks/gpu.py [--parts population stepping search] [--tasks NAME ...] [--candidates K ...]
[--envs N ...] [--totals N ...] [--most 262144] [--rollouts 10] [--rollout-steps 24] [--rounds 3] [--generations 5]
[--offspring 8] [--env-steps 2000000] [--device cuda] [--out FILE]`. Without a GPU `--device warp-cpu` and small numbers
show that it runs.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from _machine import machine, write
from search import search

from rewardsmith import resources, sim
from rewardsmith.config import TrainSettings, resolve
from rewardsmith.interfaces import Simulator, Trainee
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.sim.mjcf import declared, model, warp
from rewardsmith.taskfile import LoadedTask, load
from rewardsmith.train import expert_reward
from rewardsmith.types import Task

TASKS = ("ant_run_mjcf", "humanoid_run_mjcf", "go1_velocity", "cube_rotate")
UNTIL_BACK = 50  # control steps
PARTS = ("population", "stepping", "search")


# --- the sides ------------------------------------------------------------------------------------------------------


def on_device(name: str, args: argparse.Namespace, folder: Path) -> Path:
    """A copy of a task that runs on the device, its files named where they are."""
    file = Path(name) if name.endswith(".yaml") else resources.tasks_folder() / f"{name}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    env = document["env"] | {"device": args.device}
    for key in ("model", "scene", "code"):
        if (file.parent / str(env.get(key))).is_file():
            env[key] = str((file.parent / env[key]).resolve())
    batch = {"num_envs": args.envs[0], "rollout_steps": args.rollout_steps}
    document |= {"env": env, "train": document.get("train", {}) | batch}
    copy = folder / file.name
    copy.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return copy


class Clock:
    """`sim.make` that remembers when it last made environments."""

    def __init__(self, device: str) -> None:
        self._device, self.made = device, 0.0

    def __call__(
        self, task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int | None = None
    ) -> Simulator:
        made = sim.make(task, env_seeds=env_seeds, info_fields=info_fields, threads=threads)
        self.made = now(self._device)
        return made


class Peak:
    """The most memory in use whenever somebody looked: the GPU's, all allocators together, else this process's."""

    def __init__(self, device: str) -> None:
        self._device, self.mib = device, 0.0

    def clear(self) -> None:
        """Give back what nobody holds any more, and begin anew."""
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()
        self.mib = 0.0

    def look(self, _: object = None) -> None:
        """Take notice of what is in use now."""
        if self._device == "cuda":
            free, total = torch.cuda.mem_get_info()
            self.mib = max(self.mib, (total - free) / 2**20)
        else:
            self.mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def now(device: str) -> float:
    """The time once the device is done with all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def training(loaded: LoadedTask, candidates: int, envs: int, args: argparse.Namespace) -> float:
    """Seconds of `args.rollouts` rollouts and updates of all candidates."""
    batch = envs * args.rollout_steps
    given = resolve(loaded.settings).train
    changed = {"num_envs": envs, "env_steps": batch * args.rollouts, "legs": 1, "resume_steps": 10**12}
    settings = TrainSettings.model_validate(given.model_dump() | changed | {"rollout_steps": args.rollout_steps})
    reward = expert_reward(Readings(loaded.task))
    trainees = [Trainee(id=f"c{k}", reward=reward, verified=None) for k in range(candidates)]
    clock = Clock(args.device)
    found = PopulationPPO(settings, clock).train(trainees, loaded.task, seed=0, watch=args.peak.look, race=False)
    assert all(spend.env_steps == batch * args.rollouts for _, spend in found), "somebody was stopped"
    return now(args.device) - clock.made


def raw(loaded: LoadedTask, envs: int, args: argparse.Namespace) -> float:
    """Control steps a second of MuJoCo Warp alone."""
    task, keys = loaded.task, declared.read(loaded.task)
    plain = model.compiled(task, model.specified(task, keys))
    steps = model.control_steps(task, plain)
    on = warp.torch_device(keys)
    physics = warp.WarpPhysics(task, plain, envs, steps=steps, device=on, buffers=keys.buffers)
    low, high = torch.tensor(plain.actuator_ctrlrange, dtype=torch.float32, device=on).T
    controls = [low + (high - low) * torch.rand(envs, plain.nu, device=on) for _ in range(8)]
    starts = [view.clone() for view in physics.state]
    launches = args.rollouts * args.rollout_steps
    started = now(args.device)
    for number in range(launches):
        if number % UNTIL_BACK == 0:
            for view, start in zip(physics.state, starts, strict=True):
                view.copy_(start)
        physics.ctrl.copy_(controls[number % 8])
        physics.launch()
    seconds = now(args.device) - started
    args.peak.look()
    return float(launches * envs) / seconds


# --- the claims -----------------------------------------------------------------------------------------------------


def population(loaded: LoadedTask, args: argparse.Namespace) -> dict[str, object]:
    """Wall time, env steps a second and memory for each number of candidates and environments."""
    sizes = [(k, n) for n in args.envs for k in args.candidates if k * n <= args.most]
    seconds, memory = measured({f"{k} x {n}": partial(training, loaded, k, n, args) for k, n in sizes}, args)
    rows: dict[str, object] = {}
    for k, n in sizes:
        wall, one = seconds[f"{k} x {n}"], seconds.get(f"1 x {n}")
        rows[f"{k} x {n}"] = {
            "seconds": wall,
            "env_steps_per_s": k * n * args.rollout_steps * args.rollouts / wall,
            "wall / one candidate's (16 x 512: <= 2)": wall / one if one else None,
            "memory_mib": memory[f"{k} x {n}"],
        }
    return rows


def stepping(loaded: LoadedTask, args: argparse.Namespace) -> dict[str, object]:
    """Training beside MuJoCo Warp alone, for each number of environments in all and of candidates."""
    totals = [n for n in args.totals if n <= args.most]
    splits = [(total, k) for total in totals for k in (1, 8, 16) if total % k == 0]
    sides: dict[str, Callable[[], float]] = {f"raw {n}": partial(raw, loaded, n, args) for n in totals}
    sides |= {f"{k} x {n // k}": partial(training, loaded, k, n // k, args) for n, k in splits}
    found, _ = measured(sides, args)
    steps = args.rollout_steps * args.rollouts
    return {
        f"{k} x {n // k}": {
            "env_steps_per_s": n * steps / found[f"{k} x {n // k}"],
            "raw_env_steps_per_s": found[f"raw {n}"],
            "training / raw (>= 0.5)": n * steps / found[f"{k} x {n // k}"] / found[f"raw {n}"],
        }
        for n, k in splits
    }


def measured(
    sides: dict[str, Callable[[], float]], args: argparse.Namespace
) -> tuple[dict[str, float], dict[str, float]]:
    """Every side's median of some rounds, and the most memory it took in MiB; the first round warms up."""
    values: dict[str, list[float]] = {side: [] for side in sides}
    memory: dict[str, float] = {}
    for number in range(args.rounds + 1):
        for side, run in sides.items():
            args.peak.clear()
            value = run()
            memory[side] = args.peak.mib
            if number:
                values[side].append(value)
                print(f"round {number}: {side:14s} {value:>14,.2f}", flush=True)
    return {side: statistics.median(found) for side, found in values.items()}, memory


def whole_search(path: Path, args: argparse.Namespace) -> dict[str, object]:
    """A search with the offline proposer, whose replies cost no time."""
    args.seed = 0
    with tempfile.TemporaryDirectory() as folder:
        found = search(str(path), args, race=True, folder=Path(folder, "run"))
    return {"minutes (< 3)": found["minutes (< 30)"], **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--candidates", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--envs", nargs="+", type=int, default=[512, 1024, 2048, 4096])
    parser.add_argument("--totals", nargs="+", type=int, default=[4096, 16384, 65536])
    parser.add_argument("--most", type=int, default=262_144)
    parser.add_argument("--rollouts", type=int, default=10)
    parser.add_argument("--rollout-steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--offspring", type=int, default=8)
    parser.add_argument("--env-steps", type=int, default=2_000_000)
    parser.add_argument("--device", choices=["cuda", "warp-cpu"], default="cuda")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "There is no NVIDIA GPU here that CUDA can use, so nothing can be measured. To see that the script runs: "
            "--device warp-cpu --tasks ant_run_mjcf --candidates 1 2 --envs 4 --totals 16 --rollouts 1 --rounds 1"
        )
    settings, found = dict(vars(args)), dict[str, Any]()
    args.peak = Peak(args.device)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.tasks:
            path = on_device(name, args, Path(folder))
            for part in args.parts:
                print(f"{name}: {part}", flush=True)
                result = whole_search(path, args) if part == "search" else globals()[part](load(path), args)
                found.setdefault(name, {})[part] = result
                for size, row in result.items():
                    print(f"{name}: {part}: {size}: {row}", flush=True)
                write(args.out, {"settings": settings, "tasks": found, "machine": machine()})


if __name__ == "__main__":
    main()
