"""Making an environment that no task file describes yet, and playing it at random to see what it gives.

EnvPool is asked first, since it is faster; any other id is Gymnasium's, those that a module registers included
(`my_module:MyEnv-v0`). What rewardsmith cannot train in is refused here, before anything is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

from rewardsmith import play, sim
from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.newtask import timing
from rewardsmith.newtask.timing import Stated
from rewardsmith.sim import envpool as envpool_sim
from rewardsmith.sim import faults
from rewardsmith.sim import gymnasium as gymnasium_sim
from rewardsmith.sim.spaces import refuse_observations, short
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task

Backend = Literal["envpool", "gymnasium"]
PLAYED = 8  # environments
MOST_STEPS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What an environment is and what it gave over M transitions under random actions.

    `obs` is keyed like `Frame.obs`, without the row that joins several; `obs` and `info`: `(M, *shape)`;
    `action_low`, `action_high`: `(A,)`; `reward`: `(M,)`. `not_at_reset`: info fields that a reset does not report.
    """

    env: EnvSpec
    episode_steps: Stated
    control_dt_s: Stated
    obs: Mapping[str, Tensor]
    info: Mapping[str, Tensor]
    action_low: Tensor
    action_high: Tensor
    reward: Tensor
    steps: int  # played in each environment
    not_at_reset: frozenset[str] = frozenset()


def survey(
    env_id: str, *, backend: Backend | None = None, options: Mapping[str, object] = MappingProxyType({})
) -> Survey:
    """Make the environment, with `options` as they are, and play it.

    Raises: ConfigError: no such id, it cannot be made, or its actions or observations are none that can be used.
    """
    chosen: Backend = backend or ("envpool" if _envpool_knows(env_id) else "gymnasium")
    env = EnvSpec(backend=chosen, id=env_id, options=options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(precision lowered|out of date)")  # nothing a person could mend
        facts = _of_envpool(env) if chosen == "envpool" else _of_gymnasium(env, try_both=backend is None)
        _refuse_actions(env_id, facts.action_space)
        refuse_observations(env_id, facts.observation_space)
        return _played(env, facts)


# --- what it says of itself -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    observation_space: Any
    action_space: Any
    episode_steps: Stated
    control_dt_s: Stated


def _envpool_knows(env_id: str) -> bool:
    import envpool

    return env_id in envpool.list_all_envs()


def _of_envpool(env: EnvSpec) -> _Facts:
    import envpool

    if not _envpool_knows(env.id):
        raise ConfigError(
            f"EnvPool has no environment '{env.id}'.{did_you_mean(env.id, envpool.list_all_envs())} "
            "Leave --backend away to look at Gymnasium's too."
        )
    options: dict[str, Any] = dict(env.options)
    try:
        envpool_sim.check_options(env)
        spec = envpool.make_spec(env.id, **options)
    except (ImportError, RuntimeError, TypeError, ValueError) as fault:
        raise ConfigError(f"EnvPool cannot load '{env.id}'{_with(env)}: {faults.reason(fault)}") from fault
    control_dt_s = timing.of_envpool(env.id, spec.config) or _as_gymnasium_has_it(env.id)
    if control_dt_s.value <= 0:
        raise ConfigError(
            f"'{env.id}'{_with(env)} has control steps of {control_dt_s.value:g} s ({control_dt_s.why}). Expected more "
            "than 0 s."
        )
    return _Facts(
        observation_space=spec.gymnasium_observation_space,
        action_space=spec.gymnasium_action_space,
        episode_steps=timing.episode_steps(spec.config.max_episode_steps),
        control_dt_s=control_dt_s,
    )


def _as_gymnasium_has_it(env_id: str) -> Stated:
    """The control step of Gymnasium's environment of the same id, where there is one that can be made."""
    import gymnasium

    try:
        env = gymnasium.make(env_id)
    except (gymnasium.error.Error, ImportError):
        return Stated(value=timing.CONTROL_DT_S, why="the environment does not say", guessed=True)
    try:
        return timing.of_gymnasium(env)
    finally:
        env.close()


def _with(env: EnvSpec) -> str:
    return f" with options {dict(env.options)}" if env.options else ""


def _of_gymnasium(env: EnvSpec, *, try_both: bool) -> _Facts:
    import envpool
    import gymnasium

    options: dict[str, Any] = dict(env.options)
    try:
        made = gymnasium.make(env.id, **options)
    except Exception as fault:
        also = envpool.list_all_envs() if try_both else ()
        raise gymnasium_sim.cannot_make(env, fault, also=also) from fault
    try:
        with faults.told(env.id, "say what it is"):
            return _Facts(
                observation_space=made.observation_space,
                action_space=made.action_space,
                episode_steps=timing.episode_steps(made.spec.max_episode_steps if made.spec else None),
                control_dt_s=timing.of_gymnasium(made),
            )
    finally:
        made.close()


# --- what cannot be used --------------------------------------------------------------------------------------------


def _refuse_actions(env_id: str, space: Any) -> None:
    import gymnasium

    if not isinstance(space, gymnasium.spaces.Box) or space.dtype.kind != "f":
        raise ConfigError(
            f"'{env_id}' has actions {short(space)}, but rewardsmith trains policies with continuous actions. "
            "Choose an environment whose actions are a Box of real numbers."
        )
    if not space.is_bounded():
        raise ConfigError(
            f"'{env_id}' has actions {short(space)} without finite bounds. Wrap it, e.g. in RescaleAction."
        )


# --- playing --------------------------------------------------------------------------------------------------------


def _played(env: EnvSpec, facts: _Facts) -> Survey:
    task = _bare_task(env, int(facts.episode_steps.value), fields=())
    fields = (envpool_sim if env.backend == "envpool" else gymnasium_sim).info_fields(task)
    task = _bare_task(env, task.episode_steps, fields=fields)
    steps = min(task.episode_steps, MOST_STEPS)
    rollout = play.random_rollout(task, sim.make, seed=0, num_envs=PLAYED, steps=steps)
    several = len(rollout.obs) > 1
    space = facts.action_space
    return Survey(
        env=env,
        episode_steps=facts.episode_steps,
        control_dt_s=facts.control_dt_s,
        obs={k: v[1:][rollout.valid] for k, v in rollout.obs.items() if not (several and k == "obs")},
        info={k: v[1:][rollout.valid] for k, v in rollout.info.items()},
        action_low=_flat(space.low),
        action_high=_flat(space.high),
        reward=rollout.reward[rollout.valid],
        steps=steps,
        not_at_reset=frozenset(sim.unreported_at_reset(task, fields)),
    )


def _flat(bound: Any) -> Tensor:
    import torch

    return torch.as_tensor(bound, dtype=torch.float32).flatten()


def _bare_task(env: EnvSpec, episode_steps: int, *, fields: tuple[str, ...]) -> Task:
    """Just enough of a task to step the environment, with a signal for each info field so that all are kept."""
    return Task(
        name=env.id,
        goal="",
        env=env,
        signals=tuple(Signal(name=f, shape=(), unit="1", doc="", source=f"info[{f!r}]") for f in fields),
        fitness=Measure(source="1", reduce="sum"),
        success=None,
        references=References(expert=None),
        episode_steps=episode_steps,
        control_dt_s=1.0,
    )
