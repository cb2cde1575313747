"""The learner: each candidate learns as if it were alone, what it learns is right, and a fault is its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import judge, sim
from rewardsmith.config import RaceSettings, TrainSettings
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Frame, Progress, Rollout, Simulator, Trainee
from rewardsmith.learn import ppo
from rewardsmith.learn.crew import Here
from rewardsmith.learn.policy import ACTIVATIONS, Shape
from rewardsmith.learn.ppo import Outcome, PopulationPPO
from rewardsmith.sim.point import PointSimulator, point_task
from rewardsmith.types import EnvSpec, Measure, Policy, References, Rejected, Score, Task, Trained, Verified

Train = Callable[..., list[Outcome]]
Named = Callable[[float], Trainee]

CHEETAH = Task(
    name="cheetah",
    goal="Run.",
    env=EnvSpec(backend="envpool", id="HalfCheetah-v5"),
    signals=(),
    fitness=Measure(source="info.x_velocity", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=13,
    control_dt_s=0.05,
)


def _trained(outcome: Outcome) -> Trained:
    assert isinstance(outcome[0], Trained)
    return outcome[0]


def _same(one: Outcome, other: Outcome) -> bool:
    """Bit for bit the same policy and curves."""
    first, second = _trained(one), _trained(other)
    assert first.policy.tensors.keys() == second.policy.tensors.keys()
    tensors = all(torch.equal(value, second.policy.tensors[name]) for name, value in first.policy.tensors.items())
    return tensors and first.curves == second.curves and first.env_steps == second.env_steps


# --- a population of one-man trainings ------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [point_task(episode_steps=7, edge=1.2), CHEETAH], ids=["point", "half cheetah"])
def test_a_candidate_learns_the_same_alone_and_in_any_company(train: Train, trainee: Named, task: Task) -> None:
    [alone] = train([trainee(0.5)], task=task)
    for company in ([0.5, 0.0], [0.0, 0.5], [1.0, 0.5, 2.0], [1, 2, 3, 4, 0.5, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7, 0.5]):
        outcomes = train([trainee(gain) for gain in company], task=task)
        assert _same(outcomes[company.index(0.5)], alone)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_envs": 1},
        {"num_envs": 1, "rollout_steps": 50, "minibatches": 8},
        {"num_envs": 5, "rollout_steps": 5, "hidden": (48, 16)},
        {"num_envs": 3, "rollout_steps": 17, "hidden": (33, 7), "minibatches": 3},
        {"num_envs": 3, "rollout_steps": 17, "hidden": (16,), "activation": "elu"},
        {"num_envs": 7, "rollout_steps": 5, "hidden": (400, 300)},
    ],
    ids=str,
)
def test_company_changes_nothing_whatever_the_sizes(train: Train, trainee: Named, changes: dict[str, Any]) -> None:
    [alone] = train([trainee(0.5)], **changes)
    assert _same(train([trainee(0.0), trainee(0.5), trainee(2.0)], **changes)[1], alone)
    assert _same(train([trainee(0.0), trainee(0.5), trainee(2.0)], workers=2, **changes)[1], alone)


@pytest.mark.parametrize(
    ("env", "built"),
    [
        (EnvSpec(backend="point", id="Point-v0"), 2),
        (EnvSpec(backend="mjcf", id="robot.xml", options={"device": "cuda"}), 1),
        (EnvSpec(backend="mjcf", id="robot.xml"), 2),
    ],
)
def test_environments_on_a_device_are_one_workers_alone(
    env: EnvSpec, built: int, settings: TrainSettings, trainee: Named
) -> None:
    made: list[int] = []

    def factory(task: Task, *, env_seeds: Sequence[int], **more: Any) -> Simulator:
        made.append(len(env_seeds))
        return sim.make(point_task(episode_steps=task.episode_steps), env_seeds=env_seeds, **more)

    one_leg = settings.model_copy(update={"workers": 2, "legs": 1})
    PopulationPPO(one_leg, factory).train(
        [trainee(0.0), trainee(0.1)], dataclasses.replace(point_task(), env=env), seed=0, watch=lambda _: None
    )
    assert len(made) - 1 == built, "but for one, which tells the policies' shapes"


@pytest.mark.parametrize("task", [point_task(episode_steps=7, edge=1.2), CHEETAH], ids=["point", "half cheetah"])
@pytest.mark.parametrize("workers", [1, 2])
def test_seeds_side_by_side_are_the_trainings_of_each(train: Train, trainee: Named, task: Task, workers: int) -> None:
    crowd = [(gain, seed) for seed in (1, 2, 3) for gain in (0.5, 2.0)]
    together = train(
        [dataclasses.replace(trainee(gain), seed=seed) for gain, seed in crowd], task=task, workers=workers
    )
    for found, (gain, seed) in zip(together, crowd, strict=True):
        assert _same(found, train([trainee(gain)], task=task, seed=seed)[0])
    assert not _same(together[0], together[2])


@pytest.mark.parametrize("racing", [True, False])
def test_few_at_a_time_learn_the_same_as_all_at_once_and_hold_fewer_environments(
    train: Train, trainee: Named, racing: bool
) -> None:
    open_now: list[int] = []
    most = 0

    class Counted(PointSimulator):
        def reset(self) -> Frame:
            nonlocal most
            open_now.append(self.num_envs)
            most = max(most, sum(open_now))
            return super().reset()

        def close(self) -> None:
            open_now.remove(self.num_envs)

    gains = [0.0, 0.5, 1.0, 2.0, 3.0]
    legs = {"legs": 2, "env_steps": 512, "workers": 1, "racing": racing}
    together = train([trainee(gain) for gain in gains], simulator=Counted, **legs)
    assert most == 5 * 4
    most = 0
    apart = train([trainee(gain) for gain in gains], simulator=Counted, at_once=2, **legs)
    assert most == 2 * 4
    assert all(_same(one, other) for one, other in zip(together, apart, strict=True))


def test_twins_in_one_population_are_the_same_and_others_are_not(train: Train, trainee: Named) -> None:
    first, other, second = train([trainee(0.5), trainee(1.0), trainee(0.5)])
    assert _same(first, second)
    assert not _same(first, other)


def test_the_same_seed_trains_the_same_and_another_one_differently(train: Train, trainee: Named) -> None:
    one, again, other = (train([trainee(0.5)], seed=seed)[0] for seed in (1, 1, 2))
    assert _same(one, again)
    assert not _same(one, other)


def test_nobody_to_train_is_no_work(train: Train) -> None:
    def no_simulator(*_: object, **__: object) -> Simulator:
        raise AssertionError("no simulator is needed")

    assert train([], simulator=no_simulator) == []


EAGER = {
    "num_envs": 16, "rollout_steps": 40, "epochs": 8, "learning_rate": 1e-3, "gamma": 0.9, "init_log_std": -1.0
}  # fmt: skip

# --- learning -------------------------------------------------------------------------------------------------------


def _measured(outcome: Outcome, task: Task) -> Score:
    [score] = judge.measure([_trained(outcome).policy], task, sim.make, seed=99, episodes=32, watch=lambda _: None)
    assert isinstance(score, Score)
    return score


def test_a_trivial_task_is_solved(train: Train, trainee: Named) -> None:
    """Without learning about 1 point in 20 happens to end at its target, 0.67 m away on average."""
    task = point_task(episode_steps=20)
    [before] = train([trainee(0.0)], task=task, env_steps=1)
    [after] = train([trainee(0.0)], task=task, env_steps=30_000, **EAGER)
    untrained, score = _measured(before, task), _measured(after, task)
    assert untrained.success_rate is not None
    assert score.success_rate is not None
    assert untrained.success_rate < 0.3
    assert score.success_rate > 0.9
    assert score.mean > -0.05


def test_a_reward_that_points_the_other_way_is_followed_too(train: Train) -> None:
    """The learner maximises what it is given, not the fitness."""
    away = Trainee(id="away", reward=lambda rollout: (-rollout.reward, {}), verified=None)
    task = point_task(episode_steps=20)
    [outcome] = train([away], task=task, env_steps=10_000, racing=False, **EAGER)
    assert _measured(outcome, task).mean < -1.0


def _critic(policy: Policy) -> float:
    """The value of the mean observation."""
    tensors, x = policy.tensors, torch.zeros_like(policy.tensors["obs_mean"])
    assert ACTIVATIONS[int(tensors["activation"])] == "tanh"
    depth = sum(name.startswith("critic.") and name.endswith(".weight") for name in tensors) - 1
    for i in range(depth):
        x = torch.tanh(x @ tensors[f"critic.{i}.weight"] + tensors[f"critic.{i}.bias"])
    return float(x @ tensors[f"critic.{depth}.weight"] + tensors[f"critic.{depth}.bias"])


class _Terminating(PointSimulator):
    """Points whose episodes end by termination where they would be truncated."""

    def step(self, actions: Tensor) -> Frame:
        frame = super().step(actions)
        return dataclasses.replace(frame, terminated=frame.truncated, truncated=frame.terminated)


ONE = Trainee(id="one", reward=lambda rollout: (torch.ones_like(rollout.reward), {}), verified=None)
VALUES = {"gamma": 0.8, "normalise_reward": False, "clip_value": False, "learning_rate": 3e-3, "target_kl": None}


@pytest.mark.parametrize(("simulator", "value"), [(PointSimulator, 5.0), (_Terminating, 1.0)])
def test_the_value_bootstraps_beyond_a_truncation_and_not_beyond_a_termination(
    train: Train, simulator: type[PointSimulator], value: float
) -> None:
    """Episodes of one step, reward 1, gamma 0.8: worth 1 where that is the end, 1 / (1 - 0.8) = 5 where it goes on."""
    [outcome] = train([ONE], task=point_task(episode_steps=1), simulator=simulator, env_steps=150 * 64, **VALUES)
    assert _critic(_trained(outcome).policy) == pytest.approx(value, rel=0.1)


def test_value_clipping_holds_the_critic_near_where_it_was(train: Train) -> None:
    """A reward of 1 with gamma 0.8 calls for a value of 3 to 5; in one update a clip of 0.1 allows little of it."""
    task = point_task(episode_steps=1000)
    changes = VALUES | {"env_steps": 64, "epochs": 20, "clip_coef": 0.1}
    [free] = train([ONE], task=task, **changes)
    [held] = train([ONE], task=task, **(changes | {"clip_value": True}))
    assert _critic(_trained(free).policy) > 1.5
    assert 0.05 < _critic(_trained(held).policy) < 0.5


def _moved(outcome: Outcome, start: Outcome) -> float:
    first, last = _trained(start).policy.tensors, _trained(outcome).policy.tensors
    return float(sum((last[name] - first[name]).norm() for name in last if name.startswith("actor.")))


def test_the_learning_rate_follows_the_kl(train: Train, trainee: Named) -> None:
    """A policy that may hardly change moves less than at a constant rate, one that should change more moves more."""
    [start] = train([trainee(0.0)], learning_rate=1e-12, target_kl=None)
    moved = {kl: _moved(train([trainee(0.0)], target_kl=kl)[0], start) for kl in (1e-8, None, 1e3)}
    assert moved[1e-8] < 0.75 * moved[None]
    assert moved[1e3] > 1.25 * moved[None]


def test_entropy_keeps_the_deviation_up(train: Train, trainee: Named) -> None:
    [plain] = train([trainee(0.0)], env_steps=2000)
    [wide] = train([trainee(0.0)], env_steps=2000, entropy_coef=1.0)
    assert float(_trained(wide).policy.tensors["log_std"]) > float(_trained(plain).policy.tensors["log_std"]) + 0.01


def test_a_policy_judges_by_the_normaliser_it_was_trained_with(train: Train, trainee: Named) -> None:
    [on] = train([trainee(0.0)])
    [off] = train([trainee(0.0)], normalise_obs=False)
    assert _trained(on).policy.tensors["obs_mean"].any()
    assert not _trained(off).policy.tensors["obs_mean"].any()
    assert (_trained(off).policy.tensors["obs_var"] == 1).all()


def test_an_observation_of_one_number_and_a_layer_of_one_unit_train(train: Train, trainee: Named) -> None:
    class Narrow(PointSimulator):
        def step(self, actions: Tensor) -> Frame:
            frame = super().step(actions)
            return dataclasses.replace(frame, obs={"obs": frame.obs["obs"][:, 2:].contiguous()})

    [outcome] = train([trainee(0.0)], simulator=Narrow, hidden=(1,))
    assert _trained(outcome).policy.tensors["actor.0.weight"].shape == (1, 1)


# --- legs and racing ------------------------------------------------------------------------------------------------

LEGS = {"env_steps": 40 * 64, "legs": 5}  # 40 rollouts of 16 steps, episodes of 7: legs of 18 episodes
RACE = RaceSettings(keep=0.5, finalists=1, doubt=0.01, solved=None, patience=None)


def _away(gain: float) -> Trainee:
    """A reward that is as wrong as can be, by so much."""
    return Trainee(id=f"away {gain}", reward=lambda rollout: (-gain * rollout.reward, {}), verified=None)


def test_whoever_is_far_behind_is_stopped_and_told_so(train: Train, trainee: Named) -> None:
    outcomes = train([trainee(0.0), _away(1.0)], race=RACE, **(LEGS | {"learning_rate": 3e-3, "target_kl": None}))
    good, bad = (_trained(outcome) for outcome in outcomes)
    assert good.stopped is None
    assert good.env_steps == 40 * 64
    assert bad.stopped is not None
    assert bad.stopped.kind == "raced"
    assert bad.env_steps == bad.stopped.env_steps == outcomes[1][1].env_steps < 40 * 64
    assert "in place 2" in bad.stopped.why


def test_survivors_of_a_race_are_bit_for_bit_what_they_are_without_one(train: Train, trainee: Named) -> None:
    population = [trainee(0.0), _away(1.0), trainee(0.1), _away(2.0), trainee(0.3)]
    raced = train(population, race=RACE, **LEGS)
    plain = train(population, racing=False, race=RACE, **LEGS)
    survivors = [k for k, outcome in enumerate(raced) if _trained(outcome).stopped is None]
    assert 0 < len(survivors) < 5
    assert all(_same(raced[k], plain[k]) for k in survivors)
    assert all(_trained(outcome).stopped is None for outcome in plain)


def test_what_a_dropped_candidate_learned_is_the_beginning_of_what_it_would_have(train: Train) -> None:
    population = [_away(-1.0), _away(1.0)]
    raced, plain = (train(population, racing=racing, race=RACE, **LEGS)[1] for racing in (True, False))
    short, long = _trained(raced), _trained(plain)
    assert short.env_steps < long.env_steps
    ours, theirs = short.curve("reward"), long.curve("reward")
    assert ours is not None
    assert theirs is not None
    assert ours.values[0] == pytest.approx(theirs.values[0], abs=0.5)  # means of other stretches of the same curve


def test_a_candidate_that_solves_the_task_is_done(train: Train, trainee: Named) -> None:
    race = RaceSettings(solved=0.9, patience=None)
    task = point_task(episode_steps=20)
    [outcome] = train([trainee(0.0)], task=task, race=race, **(EAGER | {"env_steps": 60_000, "legs": 10}))
    trained = _trained(outcome)
    assert trained.stopped is not None
    assert trained.stopped.kind == "solved"
    assert trained.env_steps < 60_000
    success = trained.curve("success")
    assert success is not None
    assert success.values[-1] > 0.8


def test_a_leg_holds_a_few_episodes_however_many_are_asked_for(train: Train, trainee: Named) -> None:
    """4 rollouts of 16 steps hold 2 legs of 4 episodes of 7 steps, so that is how often environments are made."""
    made: list[int] = []

    class Counted(PointSimulator):
        def __init__(self, task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int) -> None:
            made.append(len(env_seeds))
            super().__init__(task, env_seeds=env_seeds, info_fields=info_fields, threads=threads)

    train([trainee(0.0)], simulator=Counted, legs=5)
    assert made == [1, 4, 4]  # one to look at, then one a leg


@given(
    rollouts=st.integers(1, 40), rollout_steps=st.integers(2, 40), episode=st.integers(1, 60), legs=st.integers(1, 12)
)
def test_every_leg_but_an_only_one_is_four_episodes_long(
    rollouts: int, rollout_steps: int, episode: int, legs: int
) -> None:
    settings = TrainSettings(env_steps=rollouts * rollout_steps, num_envs=1, rollout_steps=rollout_steps, legs=legs)
    shape = Shape(obs_dim=3, action_dim=1, hidden=(4,), activation="tanh", init_log_std=0.0)
    task = point_task(episode_steps=episode)
    session = ppo._Session([], task, settings, Here(sim.make), shape=shape, seed=0, race=True)
    ends = session._ends()
    assert len(ends) <= legs
    assert ends[-1] == rollouts
    assert len(ends) == 1 or all((b - a) * rollout_steps >= 4 * episode for a, b in pairwise([0, *ends]))


def _handing_through(name: str) -> Verified:
    text = (
        f'{{"version":1,"inputs":["{name}"],"unused":[],"constants":[],"nodes":[],"total":{{"t":0}},"components":[]}}'
    )
    return Verified(graph=RewardGraph.from_json(text, signals=allowed_inputs(point_task())))


def test_trainings_of_one_candidate_race_together(train: Train, trainee: Named) -> None:
    """One place is kept; of the other trainings of the candidate that has it none is stopped."""
    good, bad = _handing_through("position"), _handing_through("distance")
    population = [
        *(dataclasses.replace(trainee(0.0), id=f"good, {n}", verified=good, seed=n) for n in range(3)),
        *(dataclasses.replace(_away(1.0), id=f"bad, {n}", verified=bad, seed=n) for n in range(3)),
    ]
    race = RACE.model_copy(update={"keep": 0.1})
    changes = LEGS | {"learning_rate": 3e-3, "target_kl": None, "race": race}
    together = [_trained(outcome).env_steps for outcome in train(population, **changes)]
    assert together[:3] == [40 * 64] * 3
    assert max(together[3:]) < 40 * 64
    alone = [dataclasses.replace(t, verified=None) for t in population[:3]]
    assert min(_trained(outcome).env_steps for outcome in train(alone, **changes)) < 40 * 64


def test_the_peak_of_own_reward_is_kept_where_it_was_lost(train: Train) -> None:
    """A reward that turns against the policy half way: its peak lies behind the last policy."""
    calls: list[int] = []

    def turning(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        calls.append(1)
        return rollout.reward - (10.0 if len(calls) > 20 else 0.0), {}

    [outcome] = train([Trainee(id="turning", reward=turning, verified=None)], env_steps=40 * 64, legs=1)
    peak = _trained(outcome).peak
    assert peak is not None
    assert 0 < peak.env_steps <= 21 * 64
    assert not torch.equal(peak.policy.tensors["actor.0.weight"], _trained(outcome).policy.tensors["actor.0.weight"])


def test_a_training_that_never_fell_back_keeps_no_peak(train: Train) -> None:
    calls: list[int] = []

    def rising(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        calls.append(1)
        return torch.full_like(rollout.reward, float(len(calls))), {}

    [outcome] = train([Trainee(id="rising", reward=rising, verified=None)], env_steps=40 * 64)
    assert _trained(outcome).peak is None


# --- what is reported -----------------------------------------------------------------------------------------------


def test_curves_name_all_that_was_promised_up_to_the_last_step(train: Train, trainee: Named) -> None:
    [outcome] = train([trainee(0.5)], env_steps=12 * 64)
    curves = {curve.name: curve for curve in _trained(outcome).curves}
    assert set(curves) == {
        "fitness", "success", "episode_length", "reward", "component/near", "component/effort",
    }  # fmt: skip
    assert all(len(c.values) == 10 and c.env_steps[-1] == 12 * 64 for c in curves.values())
    assert all(math.isfinite(value) for c in curves.values() for value in c.values)
    assert set(curves["episode_length"].values) == {7.0}
    total = [a + b for a, b in zip(curves["component/near"].values, curves["component/effort"].values, strict=True)]
    assert curves["reward"].values == pytest.approx(total, rel=1e-4)


def test_rows_that_only_reset_are_in_no_mean(train: Train) -> None:
    """Under a reward of 1 a step the mean per step is 1, though every second row only resets."""

    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return torch.ones_like(rollout.reward), {"x": torch.ones_like(rollout.reward)}

    [outcome] = train([Trainee(id="counting", reward=reward, verified=None)], task=point_task(episode_steps=1))
    curves = {curve.name: curve for curve in _trained(outcome).curves}
    assert set(curves["reward"].values) == set(curves["component/x"].values) == {1.0}


@pytest.mark.parametrize(("asked", "taken"), [(1, 64), (64, 64), (95, 64), (97, 128), (256, 256)])
def test_env_steps_are_whole_rollouts_and_are_charged_to_each(
    train: Train, trainee: Named, asked: int, taken: int
) -> None:
    outcomes = train([trainee(0.0), trainee(1.0)], env_steps=asked)
    assert [cost.env_steps for _, cost in outcomes] == [taken, taken]
    assert [_trained(outcome).env_steps for outcome in outcomes] == [taken, taken]
    assert all(cost.seconds > 0 for _, cost in outcomes)


def test_progress_rises_to_one_and_names_every_candidate(train: Train, trainee: Named) -> None:
    seen: list[Progress] = []
    train([trainee(0.0), trainee(1.0)], watch=seen.append)
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert seen[-1].fraction == 1.0
    assert all(p.stage == "train" and set(p.states) == {"gain 0.0", "gain 1.0"} for p in seen)
    assert all(p.env_steps_per_s is not None and p.env_steps_per_s > 0 for p in seen)


def test_the_number_of_torch_threads_is_left_as_it_was(train: Train, trainee: Named) -> None:
    before = torch.get_num_threads()
    train([trainee(0.0)], threads=before + 1, env_steps=1)
    assert torch.get_num_threads() == before


# --- faults ---------------------------------------------------------------------------------------------------------


class _Late:
    """Minus the distance, until in the third rollout, at its sixth step, one number of environment 1 is spoiled."""

    def __init__(self, what: str, bad: float = math.nan) -> None:
        self.calls, self.what, self.bad = 0, what, bad

    def __call__(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        values = {"near": rollout.reward.clone(), "total": rollout.reward.clone(), "other": rollout.reward.clone()}
        self.calls += 1
        if self.calls == 3:
            assert rollout.valid[5, 1]
            values[self.what][5, 1] = self.bad
        components = {"near": values["near"], "other": values["other"]}
        return values["total"], components


@pytest.mark.parametrize(("bad", "fault"), [(math.nan, "not finite"), (math.inf, "not finite"), (-2e15, "beyond 1e15")])
@pytest.mark.parametrize(
    ("what", "told"), [("near", "Component 'near'"), ("total", "The total reward")], ids=["component", "total"]
)
def test_a_reward_that_fails_late_is_rejected_with_its_name_and_step(
    train: Train, what: str, told: str, bad: float, fault: str
) -> None:
    [(outcome, cost)] = train([Trainee(id="late", reward=_Late(what, bad), verified=None)])
    assert isinstance(outcome, Rejected)
    assert outcome.stage == "train"
    # two rollouts of 16 steps went before, and five steps of the third
    assert outcome.reason == f"{told} is {fault} in 1 of 4 environments, first at control step 37 of training."
    assert "clamp" in outcome.hint
    assert cost.env_steps == 3 * 64  # nobody is left to train for, so it ends there


def test_a_component_that_spoils_the_total_is_the_one_that_is_named(train: Train) -> None:
    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        broken = rollout.reward / 0.0
        return broken, {"fine": rollout.reward, "broken": broken}

    [(outcome, _)] = train([Trainee(id="broken", reward=reward, verified=None)])
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("Component 'broken' is not finite in 4 of 4 environments")


def test_a_component_called_total_does_not_hide_the_total(train: Train) -> None:
    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return rollout.reward / 0.0, {"total": rollout.reward}

    [(outcome, _)] = train([Trainee(id="hidden", reward=reward, verified=None)])
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("The total reward is not finite")


def test_nobody_is_left_to_train_where_all_fail_in_the_first_leg(train: Train) -> None:
    for racing in (True, False):
        reward = Trainee(id="spoiled", reward=lambda r: (r.reward * math.nan, {}), verified=None)
        [(outcome, cost)] = train([reward], legs=2, env_steps=512, racing=racing)
        assert isinstance(outcome, Rejected)
        assert 0 < cost.env_steps < 512


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_fault_does_not_touch_the_neighbours(train: Train, trainee: Named, place: int) -> None:
    neighbours = [trainee(0.0), trainee(1.0)]
    alone = train(neighbours)
    late = Trainee(id="late", reward=_Late("near"), verified=None)
    together = train([*neighbours[:place], late, *neighbours[place:]])
    outcome, _ = together.pop(place)
    assert isinstance(outcome, Rejected)
    assert all(_same(a, b) for a, b in zip(together, alone, strict=True))


def test_weights_that_blow_up_reject_their_candidate_alone(train: Train, trainee: Named) -> None:
    """Every reward is one that can be learned from, but so weighted its gradient is not finite."""
    huge = Trainee(id="huge", reward=lambda r: (torch.full_like(r.reward, 1e15), {}), verified=None)
    weighted = {"normalise_reward": False, "value_coef": 1e23}
    [alone] = train([trainee(0.0)], **weighted)
    [(outcome, _), neighbour] = train([huge, trainee(0.0)], **weighted)
    assert isinstance(outcome, Rejected)
    assert outcome.stage == "train"
    assert "weights stopped being finite" in outcome.reason
    assert "bound each component" in outcome.hint
    assert _same(neighbour, alone)


def test_the_largest_rewards_leave_finite_curves(train: Train) -> None:
    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        largest = torch.full_like(rollout.reward, 1e15)
        return largest, {"largest": largest}

    [outcome] = train([Trainee(id="vast", reward=reward, verified=None)])
    assert all(math.isfinite(v) for curve in _trained(outcome).curves for v in curve.values)


def test_what_is_not_finite_in_a_row_that_only_resets_is_no_fault(train: Train) -> None:
    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        spoiled = torch.where(rollout.valid, rollout.reward, math.nan)
        return spoiled, {"near": spoiled}

    clean = Trainee(id="clean", reward=lambda r: (r.reward, {"near": r.reward}), verified=None)
    [spoiled, plain] = train([Trainee(id="spoiled", reward=reward, verified=None), clean])
    assert _same(spoiled, plain)


def test_a_rejected_candidate_is_shown_so_while_others_go_on(train: Train, trainee: Named) -> None:
    seen: list[Progress] = []
    late = Trainee(id="late", reward=_Late("near"), verified=None)
    outcomes = train([late, trainee(0.0)], watch=seen.append)
    assert seen[-1].states["late"] == "rejected"
    assert seen[-1].states["gain 0.0"].startswith("fitness")
    assert outcomes[1][1].env_steps == 256


def test_every_simulator_is_closed_even_where_a_reward_raises(train: Train) -> None:
    open_now: set[int] = set()

    class Watched(PointSimulator):
        def reset(self) -> Frame:
            open_now.add(id(self))
            return super().reset()

        def close(self) -> None:
            open_now.discard(id(self))

    def raising(_: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        raise ArithmeticError("broken on purpose")

    with pytest.raises(ArithmeticError):
        train([Trainee(id="raising", reward=raising, verified=None)], simulator=Watched)
    assert not open_now
