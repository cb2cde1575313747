"""Alarms where reward is earned without the task, each planted once, and silence where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.hacking import _in_training
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Curve, Policy, Task, Trained, Trajectory

[HACKING] = sources(["hacking"], FeedbackSettings())
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]
RISING = tuple(float(i) for i in range(1, 11))
FALLING = RISING[::-1]
PEAKED = (0.0, 2.0, 4.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0)


def alarms(attempt: Attempt, task: Task, known: Sequence[Trajectory] = ()) -> list[tuple[str, str]]:
    feedback = HACKING.comment(attempt, Scene(task=task, trajectories=tuple(known)))
    if feedback is None:
        return []
    assert feedback.text.startswith("ALARM, the reward is earned without the task:\n- ")
    assert json.loads(json.dumps(feedback.data, allow_nan=False)) == feedback.data
    return [(a["kind"], a["text"]) for a in feedback.data["alarms"]]  # type: ignore[attr-defined]


def test_reward_up_while_fitness_down_is_told_with_the_step(judged: MakeAttempt, task: Task) -> None:
    # means of three points in a row: fitness 2, 4, 4.67 (at 400), 4.33, ... 0.33; reward 2, 3, 4 (at 400), ..., 9
    assert alarms(judged(code=None, curves={"reward": RISING, "fitness": PEAKED}), task) == [
        (
            "rose_while_fitness_fell",
            "From step 400 of the training on the reward rose (4 to 9 per step) while fitness fell (4.67 to 0.333).",
        )
    ]


def test_training_that_goes_well_or_badly_as_a_whole_raises_no_alarm(judged: MakeAttempt, task: Task) -> None:
    for reward, fitness in ((RISING, RISING), (FALLING, FALLING), (FALLING, RISING), (RISING, (1.0,) * 10)):
        assert alarms(judged(code=None, curves={"reward": reward, "fitness": fitness}), task) == []
    assert alarms(judged(code=None, curves={"reward": RISING}), task) == []


def test_small_dip_at_the_end_raises_no_alarm(judged: MakeAttempt, task: Task) -> None:
    fitness = (0.0, 2.0, 4.0, 6.0, 8.0, 9.0, 9.5, 10.0, 9.5, 9.0)
    assert alarms(judged(code=None, curves={"reward": RISING, "fitness": fitness}), task) == []


def test_known_episode_that_is_fitter_but_poorer_is_told_with_what_pays(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    # the policy rushes about far from the goal: fast = 0.1 * 50 = 5 a step; the known one stands at the goal: near = 1
    rushing = [episode([-9.0] * 11, speed=50.0) for _ in range(4)]
    there = episode([1.0] * 11, source="g000-00")
    [(kind, text)] = alarms(judged(rushing), task, [there])
    assert kind == "prefers_worse"
    assert text == (
        "A known episode of another policy has fitness 0 m and would earn 10 by your reward; this policy's episodes "
        "reach -10 m at best and earn 50 or more. The difference lies in `fast` (50 against 0)."
    )


def test_random_actions_that_failed_soon_are_no_better_episode(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    rushing = [episode([-9.0] * 11, speed=50.0) for _ in range(4)]
    fell = episode([1.0] * 4, source="random", terminated=True)
    assert alarms(judged(rushing), task, [fell]) == []
    [(kind, _)] = alarms(judged(rushing), task, [replace(fell, source="g000-00")])
    assert kind == "prefers_worse"


def test_a_policy_that_does_the_task_while_it_explores_is_not_said_to_earn_for_nothing(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    chance = [episode([-20.0 - 0.1 * k] * 11, source="random") for k in range(3)]
    kept = [episode([-30.0] * 11, speed=50.0) for _ in range(4)]
    for exploring, kinds in (((-25.0,) * 10, ["earns_without_fitness"]), ((-25.0, *(-3.0,) * 9), [])):
        found = alarms(judged(kept, curves={"fitness": exploring}), task, chance)
        assert [kind for kind, _ in found if kind == "earns_without_fitness"] == kinds


def test_fitness_that_only_jitters_raises_no_alarm(judged: MakeAttempt, task: Task) -> None:
    jitter = (0.0040, 0.0051, 0.0038, 0.0049, 0.0041, 0.0052, 0.0037, 0.0046, 0.0034, 0.0045, 0.0033, 0.0038)
    rising = tuple(-0.2 + 0.003 * i for i in range(12))
    assert alarms(judged(code=None, curves={"reward": rising, "fitness": jitter}), task) == []


def test_known_episode_that_is_fitter_and_richer_raises_no_alarm(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    there = episode([1.0] * 11, source="g000-00", speed=50.0)
    assert alarms(judged([episode([-9.0] * 11, speed=1.0) for _ in range(4)]), task, [there]) == []


def test_policy_that_earns_more_than_chance_and_does_worse_is_told(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    chance = [episode([0.1 * k] * 11, source="random") for k in range(3)]
    rushing = [episode([-9.0] * 11, speed=50.0) for _ in range(4)]
    [(first, text), (second, _)] = alarms(judged(rushing), task, chance)
    assert (first, second) == ("earns_without_fitness", "prefers_worse")
    # near is exp(-1 / 0.5) = 0.135, exp(-0.9 / 0.5) = 0.165 and exp(-0.8 / 0.5) = 0.202 for ten steps: 1.68 on average
    assert text == (
        "The policy earns 50 an episode where random actions earn 1.68, yet its fitness of -10 m is no better than "
        "theirs of -0.9 m: what it has learnt to earn is not the task, or not yet."
    )


def test_reward_that_goes_with_fitness_by_chance_but_not_when_optimised_is_told(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    chance = [episode([-0.1 * k] * 11, source="random") for k in range(8)]
    # the policy is nearer than chance, but of its episodes the nearest is the slowest, and pays least: 5 a step, then 9
    trained = [episode([0.5 - 0.1 * k] * 11, speed=50.0 + 40 * k) for k in reversed(range(8))]
    assert [kind for kind, _ in alarms(judged(trained), task, chance)] == ["decorrelated"]


def test_good_policy_raises_no_alarm(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    known = [episode([-0.1 * k] * 11, source="random") for k in range(8)]
    kept = [episode([0.9 + 0.02 * k] * 11) for k in range(4)]
    assert alarms(judged(kept, curves={"reward": RISING, "fitness": RISING}), task, known) == []


CURVE = st.lists(st.floats(-1e9, 1e9), max_size=40)


@given(reward=CURVE, fitness=CURVE)
def test_an_alarm_in_training_always_has_reward_up_and_fitness_down(reward: list[float], fitness: list[float]) -> None:
    curves = tuple(
        Curve(name=n, env_steps=tuple(range(1, len(v) + 1)), values=tuple(v))
        for n, v in (("reward", reward), ("fitness", fitness))
    )
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=curves, env_steps=40, seconds=1.0)
    for alarm in _in_training(trained):
        assert alarm.env_steps is not None
        assert max(fitness) > fitness[-1] or min(fitness[-5:]) < max(fitness)
        assert min(reward) < max(reward)
