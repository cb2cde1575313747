"""Learning off-policy: targets and gradients by hand, a task that is solved, and all that a training is under PPO."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from rewardsmith import memory, sim
from rewardsmith.config import RaceSettings, SacSettings, TrainSettings
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Rollout, Trainee
from rewardsmith.judge import measure
from rewardsmith.learn import sac
from rewardsmith.learn.draws import Draws
from rewardsmith.learn.group import State
from rewardsmith.learn.policy import Shape, deterministic
from rewardsmith.learn.ppo import Outcome
from rewardsmith.learn.replay import Remembered
from rewardsmith.learn.sac import SacGroup, sampled
from rewardsmith.sim.point import point_task
from rewardsmith.types import Checkpoint, Rejected, Score, Trained

Train = Callable[..., list[Outcome]]
Named = Callable[[float], Trainee]

CPU = torch.device("cpu")
SHAPE = Shape(obs_dim=3, action_dim=2, hidden=(16, 16), activation="tanh", init_log_std=0.0)
SMALL = SacSettings(warmup_steps=64, batch=16, steps_per_env_step=1 / 8, replay_steps=128)
OFF_POLICY = {"algorithm": "sac", "sac": SMALL}


def _trained(outcome: Outcome) -> Trained:
    assert isinstance(outcome[0], Trained)
    return outcome[0]


def _same(one: Outcome, other: Outcome) -> bool:
    first, second = _trained(one), _trained(other)
    tensors = all(torch.equal(value, second.policy.tensors[name]) for name, value in first.policy.tensors.items())
    return tensors and first.curves == second.curves and first.env_steps == second.env_steps


# --- formulas -------------------------------------------------------------------------------------------------------


def test_densities_are_those_of_a_gaussian_through_tanh() -> None:
    draw = torch.Generator().manual_seed(0)
    mean, raw, noise = torch.randn(3, 2, 5, 4, generator=draw).unbind(0)
    action, log_prob = sampled(torch.cat([mean, raw], dim=-1), noise)
    log_std = sac.LOG_STD_LOW + (sac.LOG_STD_HIGH - sac.LOG_STD_LOW) * (torch.tanh(raw) + 1.0) / 2
    theirs = TransformedDistribution(Normal(mean, log_std.exp()), [TanhTransform(cache_size=1)])
    expected: Tensor = theirs.log_prob(action).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(action, torch.tanh(mean + log_std.exp() * noise))
    inside = action.abs().amax(-1) < 0.999  # further out theirs loses its digits
    torch.testing.assert_close(log_prob[inside], expected[inside], atol=1e-3, rtol=1e-3)


def test_an_action_far_out_has_a_finite_density() -> None:
    _, log_prob = sampled(torch.tensor([[[50.0, 0.0]]]), torch.zeros(1, 1))
    # one action; log_std -1.5, and log (1 - tanh^2 50) = log 4 - 100
    assert float(log_prob) == pytest.approx(-(-1.5 + 0.9189385 + math.log(4.0) - 100.0), rel=1e-5)


@pytest.fixture
def group(settings: TrainSettings) -> SacGroup:
    changed = settings.model_copy(update=OFF_POLICY)
    states = [sac.fresh(SHAPE, changed, seed=0)] * 2
    return SacGroup(states, SHAPE, changed, device=CPU)


def _batch(*, discount: float, weight: float = 1.0, rewards: float = 0.5) -> Remembered:
    draw = torch.Generator().manual_seed(1)
    obs, later = torch.randn(2, 2, 6, 3, generator=draw).unbind(0)
    return Remembered(
        obs=obs,
        action=torch.rand(2, 6, 2, generator=draw) * 2 - 1,
        rewards=torch.full((2, 6), rewards),
        later=later,
        discount=torch.full((2, 6), discount),
        weight=torch.full((2, 6), weight),
    )


def test_a_target_is_the_rewards_and_the_lesser_of_two_values_less_the_price_of_certainty(group: SacGroup) -> None:
    noise, batch = torch.randn(6, 2, generator=torch.Generator().manual_seed(2)), _batch(discount=0.9)
    action, log_prob = sampled(group._actor(batch.later)[:, 0], noise)
    values = group._critic(torch.cat([batch.later, action], dim=-1))[..., 0]
    assert not torch.allclose(values[:, 0], values[:, 1])
    wanted = 0.5 + 0.9 * (torch.minimum(values[:, 0], values[:, 1]) - SMALL.temperature * log_prob)
    torch.testing.assert_close(group._targets(batch, noise), wanted)


def test_nothing_is_worth_anything_after_the_end(group: SacGroup) -> None:
    targets = group._targets(_batch(discount=0.0), torch.zeros(6, 2))
    assert torch.equal(targets, torch.full((2, 6), 0.5))


def test_critics_come_to_say_what_they_are_told_and_rows_that_only_reset_teach_nothing(group: SacGroup) -> None:
    batch = _batch(discount=0.0)
    before = group._critic.flat.detach().clone()
    group._learn_values(replace(batch, weight=torch.zeros(2, 6)), torch.zeros(6, 2))
    assert torch.equal(group._critic.flat, before)
    for _ in range(300):
        group._learn_values(batch, torch.zeros(6, 2))
    said = group._critic(torch.cat([batch.obs, batch.action], dim=-1))[..., 0]
    torch.testing.assert_close(said, torch.full_like(said, 0.5), atol=0.05, rtol=0.0)


@pytest.mark.parametrize(("log_std", "rises"), [(-4.0, True), (-0.5, False)])
def test_the_temperature_rises_where_entropy_is_missing_and_falls_where_there_is_enough(
    group: SacGroup, log_std: float, rises: bool
) -> None:
    """Two Gaussians of deviation exp(-4) have an entropy of -5.2, of exp(-0.5) about 0.9; -2 is wanted."""
    raw = math.atanh(2.0 * (log_std - sac.LOG_STD_LOW) / (sac.LOG_STD_HIGH - sac.LOG_STD_LOW) - 1.0)
    noise = torch.randn(6, 2, generator=torch.Generator().manual_seed(3))
    for _ in range(20):
        actor = group._actor.flat.detach()
        actor.zero_()
        actor[:, -16:][:, 2:4] = raw  # the last layer's biases: two means, two deviations
        group._learn_actor(_batch(discount=0.0), noise)
    hotter = group._temperature.flatten() > SMALL.temperature
    assert hotter.tolist() == [rises, rises]


# --- trainings ------------------------------------------------------------------------------------------------------

EAGER = {
    "algorithm": "sac", "num_envs": 8, "rollout_steps": 32, "hidden": (32, 32), "env_steps": 10_000, "legs": 1,
    "sac": SacSettings(warmup_steps=512, batch=64, steps_per_env_step=1 / 8),
}  # fmt: skip


def test_a_trivial_task_is_solved(train: Train, trainee: Named) -> None:
    task = point_task(episode_steps=20)
    trained = _trained(train([trainee(0.0)], task=task, **EAGER)[0])
    [score] = measure([trained.policy], task, sim.make, seed=5, episodes=64, watch=lambda _: None)
    assert isinstance(score, Score)
    assert score.mean > -0.15  # random play ends 0.7 away
    curve = trained.curve("fitness")
    assert curve is not None
    assert curve.values[0] < -0.5


@pytest.mark.parametrize("workers", [1, 3])
def test_a_candidate_is_the_same_alone_and_in_any_company(train: Train, trainee: Named, workers: int) -> None:
    together = train([trainee(1.0), trainee(0.0), trainee(30.0)], **OFF_POLICY, workers=workers)
    [alone] = train([trainee(0.0)], **OFF_POLICY)
    assert _same(together[1], alone)
    assert not _same(together[0], alone)


@pytest.mark.parametrize("workers", [1, 2])
def test_seeds_side_by_side_are_the_trainings_of_each(train: Train, trainee: Named, workers: int) -> None:
    seeds = (1, 2, 3)
    together = train([replace(trainee(0.0), seed=seed) for seed in seeds], **OFF_POLICY, workers=workers)
    for found, seed in zip(together, seeds, strict=True):
        assert _same(found, train([trainee(0.0)], **OFF_POLICY, seed=seed)[0])
    assert not _same(together[0], together[1])


class Lives:
    """Made-up rollouts of some candidates, and groups that live through them."""

    def __init__(self, *, count: int, num_envs: int, batch: int, obs_dim: int, hidden: int, seed: int) -> None:
        self._shape = Shape(obs_dim=obs_dim, action_dim=2, hidden=(hidden, hidden), activation="tanh", init_log_std=0.0)
        settings = SacSettings(warmup_steps=0, batch=batch, steps_per_env_step=3 / (4 * num_envs))
        self._settings = TrainSettings(algorithm="sac", num_envs=num_envs, rollout_steps=4, env_steps=400, sac=settings)
        draw = torch.Generator().manual_seed(seed)
        self._states = torch.randn(5, count, num_envs, obs_dim, generator=draw)
        self._rewards = torch.randn(4, count, num_envs, generator=draw)
        self._ends = torch.rand(4, count, num_envs, generator=draw) < 0.1
        self._noise = torch.randn(4, 1, num_envs, 2, generator=draw)

    def after(self, who: list[int]) -> tuple[list[Tensor], list[State]]:
        """What those of `who` did and how they stand, having lived through the same rollout twice."""
        group = SacGroup(
            [sac.fresh(self._shape, self._settings, seed=0)] * len(who), self._shape, self._settings, device=CPU
        )
        states, rewards, ends = (x[:, who].flatten(1, 2) for x in (self._states, self._rewards, self._ends))
        rollout = Rollout(
            obs={}, info={}, led_by=states, reward=rewards, terminated=ends, truncated=torch.zeros_like(ends),
            valid=torch.ones_like(ends), elapsed=torch.zeros(5, rewards.shape[1], dtype=torch.int64),
        )  # fmt: skip
        for turn in range(2):
            group.begin_rollout()
            with torch.no_grad():
                seen = self._states[:, who]
                done = torch.stack([group.act(obs, noise) for obs, noise in zip(seen, self._noise, strict=False)])
                group.learn(rollout, states, rewards, Draws([turn], device=CPU))
        return list(done.unbind(1)), [group.state(k) for k in range(len(who))]


@given(
    lives=st.builds(
        Lives,
        count=st.just(4),
        num_envs=st.integers(1, 5),
        batch=st.integers(1, 40),
        obs_dim=st.integers(1, 20),
        hidden=st.integers(1, 40),
        seed=st.integers(0, 99),
    ),
    company=st.permutations(range(4)),
    size=st.integers(2, 4),
)
@hypothesis_settings(max_examples=15, deadline=None)
def test_no_bit_of_a_candidate_depends_on_its_neighbours(lives: Lives, company: list[int], size: int) -> None:
    did, stand = lives.after(company[:size])
    for k, who in enumerate(company[:size]):
        [alone], [expected] = lives.after([who])
        assert torch.equal(did[k], alone)
        for name, tensor in expected.items():
            assert torch.equal(stand[k][name], tensor), name


def test_it_is_the_same_again_and_another_seed_is_another_training(train: Train, trainee: Named) -> None:
    first, again, other = (train([trainee(0.5)], seed=seed, **OFF_POLICY)[0] for seed in (0, 0, 1))
    assert _same(first, again)
    assert not _same(first, other)


def test_what_is_remembered_outlives_a_leg_and_a_race_changes_no_survivor(train: Train, trainee: Named) -> None:
    race = RaceSettings(keep=0.3, finalists=1, doubt=0.01, solved=None, patience=None)
    long = OFF_POLICY | {"env_steps": 4 * 16 * 16, "legs": 2, "race": race}
    field = [trainee(g) for g in (0.0, 100.0, -100.0)]
    raced, whole = train(field, **long), train(field, **long, racing=False)
    survivors = [i for i, o in enumerate(raced) if _trained(o).stopped is None]
    assert survivors
    assert len(survivors) < len(field)
    assert all(_same(raced[i], whole[i]) for i in survivors)


def test_the_peak_of_own_reward_is_kept_where_it_was_lost(train: Train) -> None:
    calls: list[int] = []

    def turning(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        calls.append(1)
        return rollout.reward - (10.0 if len(calls) > 20 else 0.0), {}

    [outcome] = train(
        [Trainee(id="turning", reward=turning, verified=None)], **OFF_POLICY | {"env_steps": 2560, "legs": 1}
    )
    peak = _trained(outcome).peak
    assert peak is not None
    assert 0 < peak.env_steps <= 21 * 64
    assert not torch.equal(peak.policy.tensors["actor.0.weight"], _trained(outcome).policy.tensors["actor.0.weight"])


def test_no_peak_is_of_the_warm_up_where_no_policy_acted(train: Train) -> None:
    def restless(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        action = rollout.led_by[:, :, 0]
        return (action[1:] - action[:-1]).abs(), {}

    warm = SacSettings(warmup_steps=1024, batch=16, learning_rate=1e-6)
    [outcome] = train(
        [Trainee(id="restless", reward=restless, verified=None)], algorithm="sac", sac=warm, env_steps=2048, legs=1
    )
    reward = _trained(outcome).curve("reward")
    assert reward is not None
    assert reward.values[0] > 1.5 * reward.values[-1]  # random actions change more from step to step
    peak = _trained(outcome).peak
    assert peak is None or peak.env_steps > 1024


def test_who_is_paid_for_leaving_is_stopped_for_hacking(train: Train) -> None:
    away = Trainee(id="away", reward=lambda r: (-r.reward, {}), verified=None)
    race = RaceSettings(patience=1)
    changes = EAGER | {"env_steps": 16 * 1024, "legs": 4, "race": race}
    [outcome] = train([away], task=point_task(episode_steps=20), **changes)
    stop = _trained(outcome).stopped
    assert stop is not None
    assert stop.kind == "hacking"


def test_a_fault_rejects_its_candidate_and_hurts_no_other(train: Train, trainee: Named) -> None:
    def spoiled(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return rollout.reward / 0.0, {}

    [alone] = train([trainee(0.0)], **OFF_POLICY)
    (fault, _), neighbour = train([Trainee(id="bad", reward=spoiled, verified=None), trainee(0.0)], **OFF_POLICY)
    assert isinstance(fault, Rejected)
    assert "not finite" in fault.reason
    assert _same(neighbour, alone)


def test_weights_that_blow_up_are_known_and_stopped(group: SacGroup) -> None:
    with torch.no_grad():
        group._critic.flat[1, 0] = math.nan
    assert group.broken() == [1]
    assert group.broken() == []
    before = group.state(1)["actor"]
    group._learn_actor(_batch(discount=0.9), torch.zeros(6, 2))
    assert torch.equal(group.state(1)["actor"], before)
    assert not torch.equal(group.state(0)["actor"], sac.fresh(SHAPE, group._settings, seed=0)["actor"])


def test_the_policy_acts_as_the_actor_does_without_its_noise(group: SacGroup) -> None:
    low, high = torch.tensor([-1.0, -2.0]), torch.tensor([1.0, 4.0])
    with torch.no_grad():
        group._actor.flat.normal_(generator=torch.Generator().manual_seed(0))
        obs = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(1))
    acts = deterministic([group.policy(0, low, high)])(obs)
    with torch.no_grad():
        wanted = torch.tanh(group._actor(group._normalise(obs.expand(2, -1, -1)))[:1, 0, :, :2])
    torch.testing.assert_close(acts, torch.tensor([0.0, 1.0]) + wanted * torch.tensor([1.0, 3.0]))
    assert (acts >= low).all()
    assert (acts <= high).all()


def test_a_state_taken_out_and_put_back_is_the_same(group: SacGroup) -> None:
    states = [group.state(k) for k in range(2)]
    again = SacGroup(states, SHAPE, group._settings, device=CPU)
    for k, state in enumerate(states):
        for name, tensor in again.state(k).items():
            assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("rollouts", [1, 2, 5])
def test_no_candidate_remembers_more_than_is_reckoned_with(rollouts: int) -> None:
    few = TrainSettings(**OFF_POLICY, num_envs=4, rollout_steps=8, env_steps=4 * 8 * rollouts)
    group = SacGroup([sac.fresh(SHAPE, few, seed=0)], SHAPE, few, device=CPU)
    for _ in range(rollouts):
        states, none = torch.zeros(9, 4, 3), torch.zeros(8, 4)
        group._replay.add(states, torch.zeros(8, 4, 2), none, terminated=none, valid=none)
    held = sum(x.nbytes for name, x in group.state(0).items() if name.startswith("replay.") and x.dim())
    assert held == sac.remembered_mib(SHAPE, few) * 2**20 / sac.COPIES


def test_where_the_memory_takes_one_at_a_time_one_at_a_time_learns_the_same(
    train: Train, trainee: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []

    class Watched(SacGroup):
        def __init__(self, states: Sequence[State], *args: Any, **options: Any) -> None:
            widths.append(len(states))
            super().__init__(states, *args, **options)

    field = [trainee(g) for g in (0.0, 1.0)]
    together = train(field, **OFF_POLICY, workers=1)
    monkeypatch.setattr(sac, "SacGroup", Watched)
    monkeypatch.setattr(memory, "env_mib", lambda *_: 0.0)
    shape = Shape(obs_dim=4, action_dim=2, hidden=(16, 16), activation="tanh", init_log_std=0.0)
    one = sac.remembered_mib(shape, TrainSettings(**OFF_POLICY, num_envs=4, rollout_steps=16, env_steps=256))
    monkeypatch.setattr(memory, "free_mib", lambda: 1.5 * one / memory.SHARE)
    apart = train(field, **OFF_POLICY, workers=1)
    assert max(widths) == 1
    assert all(_same(a, b) for a, b in zip(together, apart, strict=True))


# --- what there is not ----------------------------------------------------------------------------------------------


def test_a_policy_to_start_from_is_refused(train: Train, trainee: Named) -> None:
    start = Checkpoint(policy=_trained(train([trainee(0.0)])[0]).policy, env_steps=10)
    with pytest.raises(ConfigError, match="warm_start"):
        train([replace(trainee(0.0), start=start)], **OFF_POLICY, warm_start=0.5)


def test_a_budget_that_its_warm_up_takes_whole_is_refused(train: Train, trainee: Named) -> None:
    with pytest.raises(ConfigError, match=r"plays at random for the first 8,192 .* would learn nothing"):
        train([trainee(0.0)], **OFF_POLICY | {"sac": SacSettings(warmup_steps=8192)}, env_steps=4096)
