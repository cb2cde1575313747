"""Stepping: many states of one kind of model forward at once, by MuJoCo's own `rollout`.

A state goes in and comes out whole, so nothing is left behind in MuJoCo between control steps: a result depends on
state and control alone, on no thread and no neighbour. Measured beside a plain loop of `mj_step` by
`benchmarks/mjcf_speed.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import mujoco
import numpy as np
from mujoco import rollout

from rewardsmith.sim.mjcf.fields import FULL

LARGEST = 1e10
"""MuJoCo's own bound: a state beyond it has lost its physics."""


class Physics:
    """`models[i]` is environment i's; all have the same sizes. `threads` 1 steps in the caller's own thread."""

    def __init__(self, models: Sequence[mujoco.MjModel], *, steps: int, threads: int | None) -> None:
        model, count = models[0], len(models)
        wanted = min(count, threads or os.cpu_count() or 1)
        self._models, self._steps = list(models), steps
        self._spec = int(mujoco.mjtState.mjSTATE_CTRL)
        if model.nmocap:
            self._spec |= int(mujoco.mjtState.mjSTATE_MOCAP_POS)
        self.nstate, self.ncontrol = mujoco.mj_stateSize(model, FULL), mujoco.mj_stateSize(model, self._spec)
        self._pool = rollout.Rollout(nthread=0 if wanted == 1 else wanted)
        self._datas = [mujoco.MjData(model) for _ in range(wanted)]
        self._states = np.empty((count, steps, self.nstate))
        self._sensed = np.empty((count, steps, model.nsensordata))
        self._controls = np.empty((count, steps, self.ncontrol))
        self._dt = model.opt.timestep

    def step(self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One control step of some environments: `states (n, S)` and `controls (n, C)` of `rows (n,)`.

        Returns the states after it and the sensors at the beginning of its last physics step.
        """
        moved, sensed = self._run(states, controls, rows, self._steps)
        return moved[:, -1].copy(), sensed[:, -1]

    def look(self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What the sensors say of states as they are, `(n, Q)`; a view, as above."""
        return self._run(states, controls, rows, 1)[1][:, 0]

    def broken(self, before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
        """Which of `(n,)` have lost their physics: not finite, too large, or stopped on the way. None: nobody has."""
        return lost(before, after, least=(self._steps - 0.5) * self._dt)

    def close(self) -> None:
        """End the threads; safe to call twice."""
        if self._pool.rollout_ is not None:
            self._pool.close()

    def _run(
        self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        n = len(rows)
        whole = n == len(self._models)
        models = self._models if whole else [self._models[i] for i in rows]
        held, moved, sensed = (_shaped(a, n, steps) for a in (self._controls, self._states, self._sensed))
        held[:] = controls[:, None]
        self._pool.rollout(
            models, self._datas, np.ascontiguousarray(states), held, nstep=steps, control_spec=self._spec,
            state=moved, sensordata=sensed, skip_checks=True,
        )  # fmt: skip
        return moved, sensed


def lost(before: np.ndarray, after: np.ndarray, *, least: float) -> np.ndarray | None:
    """Which states have lost their physics, where time should have gone on by `least` seconds or more."""
    late = after[:, 0] < before[:, 0] + least
    if np.abs(after).max() < LARGEST and not late.any():  # false for NaN
        return None
    broken: np.ndarray = late | ~(np.abs(after) < LARGEST).all(axis=1)
    return broken


def _shaped(buffer: np.ndarray, n: int, steps: int) -> np.ndarray:
    """The front of a buffer as `(n, steps, width)`, contiguous."""
    width = buffer.shape[2]
    return buffer.reshape(-1)[: n * steps * width].reshape(n, steps, width)
