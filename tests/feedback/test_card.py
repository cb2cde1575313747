"""The loop under `--method card`: one dialogue, in which a failed screen is a turn and trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from rewardsmith import feedback
from rewardsmith.config import EvolveConfig, resolve
from rewardsmith.evolve import evolve
from rewardsmith.interfaces import Parts
from rewardsmith.sim.point import point_task
from rewardsmith.types import Generation, Judged, Rejected, Trajectory

TASK = point_task()
SMALL = (
    "train.env_steps=256", "train.num_envs=4", "train.rollout_steps=32", "train.epochs=1", "train.minibatches=2",
    "train.hidden=[8]", "train.device=cpu", "judge.episodes=4", "judge.final_episodes=4", "search.repairs=0",
)  # fmt: skip


def reply(formula: str) -> str:
    return (
        "Here it is.\n\n```python\nimport torch\n\n\n"
        "def compute_reward(distance: torch.Tensor, action: torch.Tensor):\n"
        f'    part = {formula} + 0.0 * action[:, 0]\n    return part, {{"part": part}}\n```\n'
    )


@pytest.fixture(scope="module")
def known() -> tuple[Trajectory, ...]:
    """Four episodes that come to the target from a metre away and stay, four that stay away from it."""

    def episode(distance: torch.Tensor, *, reached: bool) -> Trajectory:
        zeros = torch.zeros_like(distance)
        return Trajectory(
            source="random",
            signals={
                "position": -distance, "target": zeros, "offset": distance, "distance": distance,
                "action": zeros[:, None],
            },
            actions=zeros[1:, None],
            fitness_steps=-distance[1:],
            expert=None,
            fitness=-float(distance[-1]),
            success=reached,
            terminated=False,
        )  # fmt: skip

    steps = torch.arange(TASK.episode_steps + 1)
    came = [episode(torch.relu(1.0 - (0.1 + 0.01 * k) * steps), reached=True) for k in range(4)]
    away = [episode(torch.full((len(steps),), 1.0 + 0.1 * k), reached=False) for k in range(4)]
    return (*came, *away)


@pytest.fixture
def run(
    parts: Callable[..., Parts], scripted: Callable[..., object], known: tuple[Trajectory, ...]
) -> Callable[..., tuple[list[Generation], list[list[str]]]]:
    """Three rewards under CARD's settings; returns the generations and the messages each was asked for with."""

    def bred(*formulas: str) -> tuple[list[Generation], list[list[str]]]:
        config: EvolveConfig = resolve({}, method="card", sets=SMALL)
        script = {(f"g{i:03d}-00", 0): reply(formula) for i, formula in enumerate(formulas, start=1)}
        proposer = scripted(script=script)
        made = replace(parts(proposer), sources=feedback.sources(config.feedback.sources, config.feedback))
        generations = [g for g in evolve(TASK, made, config, start=known) if g.attempts]
        return generations, [[m.content for m in r.prompt.messages] for r in proposer.asked]  # type: ignore[attr-defined]

    return bred


def test_failed_screen_is_a_turn_of_the_dialogue_and_takes_no_env_step(
    run: Callable[..., tuple[list[Generation], list[list[str]]]],
) -> None:
    generations, asked = run("distance", "-distance", "-2.0 * distance.square()")
    first, second, _ = (g.attempts[0] for g in generations)
    assert isinstance(first.outcome, Rejected)
    assert first.outcome.stage == "screen"
    assert first.spend.env_steps == 0
    assert [f.source for f in first.feedback] == ["preference", "rejection"]
    assert isinstance(second.outcome, Judged)
    assert second.candidate.parents == ("g001-00",)
    assert [f.source for f in second.feedback if f.text] == ["process", "trajectory"]
    # the second is asked for after the first's code and what the known episodes say of it
    assert len(asked[1]) == 4
    assert "part = distance" in asked[1][2]
    assert first.feedback[0].text in asked[1][3]
    # the third is asked for with both, all feedback kept
    assert len(asked[2]) == 6
    assert first.feedback[0].text in asked[2][3]
    assert all(f.text in asked[2][5] for f in second.feedback)


def test_settings_are_cards() -> None:
    config = resolve({}, method="card")
    assert (config.search.generations, config.search.offspring, config.propose.temperature) == (3, 1, 0.7)
    assert (config.screen.preference, config.screen.share_at_least, config.screen.duplicates) == ("paper", 0.8, "off")


def test_text2reward_asks_once_and_feeds_nothing_back() -> None:
    config = resolve({}, method="text2reward")
    assert (config.search.generations, config.search.offspring, config.search.restarts) == (1, 1, 1)
    assert config.feedback.sources == ()


def test_eureka_keeps_its_table() -> None:
    assert resolve({}, method="eureka").feedback.sources == ("curves",)
