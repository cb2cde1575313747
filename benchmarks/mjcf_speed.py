"""Stepping a model through the backend `mjcf`, signals included, against MuJoCo's own loop without any.

Claim: one thread of the backend takes >= 0.9 as many control steps a second as `mujoco.rollout`, a plain loop of
`mj_step` in C, takes of the same model without sensors, from the same states under the same actions, open loop: no
Python between two steps, nothing read. Gymnasium's Ant and Humanoid, 5 physics steps each.

Both sides run in the caller's thread, and that thread's processor time is taken: other work on the machine does not
count. The sides are interleaved, each measured several times; medians and their ratios are printed and, with `--out`,
written as JSON. Run: `python benchmarks/mjcf_speed.py [--envs 64] [--rounds 7] [--steps 60] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import mujoco
import numpy as np
import torch
from _machine import machine, write
from mujoco import rollout

from rewardsmith import sim
from rewardsmith.sim.mjcf import model as models
from rewardsmith.sim.mjcf import robots
from rewardsmith.sim.mjcf.fields import FULL
from rewardsmith.types import EnvSpec, Measure, References, Task

TORSO = ("body(torso).xpos", "body(torso).xquat", "body(torso).linvel", "body(torso).angvel")
MODELS = {  # name: seconds of a control step, what is read besides qpos and qvel
    "ant": (0.05, (*TORSO, "contact(left_ankle_geom, floor)", "contact(right_ankle_geom, floor)")),
    "humanoid": (0.015, (*TORSO, "contact(right_foot, floor)", "contact(left_foot, floor)")),
}


def task_of(name: str) -> Task:
    """A task that ends no episode and reads what such tasks read."""
    dt, fields = MODELS[name]
    return Task(
        name=name,
        goal="None.",
        env=EnvSpec(
            backend="mjcf",
            id=name,
            options={"observation": ["qpos", "qvel", *fields], "reset": {"noise": {"qpos": 0.1, "qvel": 0.1}}},
        ),
        signals=(),
        fitness=Measure(source="time", reduce="final"),
        success=None,
        references=References(expert=None),
        episode_steps=1_000_000,
        control_dt_s=dt,
    )


class Sides:
    """Both sides of one model, from the same states under the same actions."""

    def __init__(self, name: str, envs: int, steps: int) -> None:
        self._task, self._envs = task_of(name), envs
        self._actions = torch.rand(steps, envs, self._fresh(1).shape[1], generator=torch.Generator().manual_seed(0))
        self._actions = self._actions * 2 - 1
        self._plain = mujoco.MjModel.from_xml_path(str(robots.find(name)))
        self._physics_steps = models.control_steps(self._task, self._plain)

    def _fresh(self, envs: int) -> torch.Tensor:
        made = sim.make(self._task, env_seeds=list(range(envs)), info_fields=(), threads=1)
        made.close()
        return torch.zeros(envs, len(made.action_low))

    def ours(self) -> float:
        """Control steps a second through the backend, in one thread."""
        made = sim.make(
            self._task, env_seeds=list(range(self._envs)), info_fields=MODELS[self._task.name][1], threads=1
        )
        made.reset()
        started = time.thread_time()
        for actions in self._actions:
            made.step(actions)
        seconds = time.thread_time() - started
        made.close()
        return len(self._actions) * self._envs / seconds

    def plain(self) -> float:
        """The same of MuJoCo's own loop: all steps of all environments in one call, nothing read but the states."""
        made = sim.make(self._task, env_seeds=list(range(self._envs)), info_fields=(), threads=1)
        made.reset()
        states = np.ascontiguousarray(made.batch._states)  # type: ignore[attr-defined]
        made.close()
        high = self._plain.actuator_ctrlrange[:, 1]
        ctrl = np.repeat(self._actions.numpy().transpose(1, 0, 2) * high, self._physics_steps, axis=1)
        out = np.empty((self._envs, ctrl.shape[1], mujoco.mj_stateSize(self._plain, FULL)))
        data, pool = [mujoco.MjData(self._plain)], rollout.Rollout(nthread=0)
        started = time.thread_time()
        pool.rollout([self._plain] * self._envs, data, states, ctrl.astype(np.float64), state=out, skip_checks=True,
                     nstep=ctrl.shape[1])  # fmt: skip
        return len(self._actions) * self._envs / (time.thread_time() - started)


def measured(name: str, args: argparse.Namespace) -> dict[str, object]:
    """Both sides, interleaved: rates, medians, their ratio."""
    sides = Sides(name, args.envs, args.steps)
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(args.rounds):
        rates["plain"].append(sides.plain())
        rates["ours"].append(sides.ours())
    median = {side: statistics.median(values) for side, values in rates.items()}
    ratio = statistics.median(o / p for o, p in zip(rates["ours"], rates["plain"], strict=True))
    print(f"{name}: ours {median['ours']:,.0f}, plain {median['plain']:,.0f} control steps/s: {ratio:.3f} (>= 0.9)")
    return {"env_steps_per_s": rates, "medians": median, "ours / plain (>= 0.9), median of pairs": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: measured(name, args) for name in MODELS}
    write(args.out, {"environments": args.envs, "models": found, "machine": machine()})


if __name__ == "__main__":
    main()
