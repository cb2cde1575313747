"""Simplifying the winner: a useless term goes, a needed one stays, and both are shown with the numbers that say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from rewardsmith import sim
from rewardsmith.budget import Budget
from rewardsmith.config import EvolveConfig, JudgeSettings, LimitSettings, TrainSettings
from rewardsmith.interfaces import Learner, Sandbox, Trainee, Watcher
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.report.simplified import diff_of, outcome, simplified_page, simplified_words
from rewardsmith.sim.point import point_task
from rewardsmith.simplify import WINNER, Simplified, Tools, simplify
from rewardsmith.types import Rejected, Spend, Task, Trained

TASK = point_task(episode_steps=10)
CODE = """import torch


def compute_reward(distance: torch.Tensor, prev_distance: torch.Tensor, position: torch.Tensor):
    # get there
    progress = 10.0 * (prev_distance - distance)

    # of no consequence
    idle = 0.0001 * torch.cos(position)

    total = progress + idle
    return total, {"progress": progress, "idle": idle}
"""
CONFIG = EvolveConfig(
    seed=5,
    train=TrainSettings(
        env_steps=6000, num_envs=8, rollout_steps=64, epochs=4, minibatches=2, hidden=(16,), device="cpu", legs=1
    ),
    judge=JudgeSettings(episodes=16, simplify_seeds=3),
)


@dataclass(kw_only=True)
class Counting:
    """The real learner; keeps who was trained in company of whom, and whether they raced."""

    learner: Learner
    populations: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)

    def train(
        self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher, race: bool = True
    ) -> list[tuple[Trained | Rejected, Spend]]:
        self.populations.append((tuple(t.id for t in trainees), race))
        return self.learner.train(trainees, task, seed=seed, watch=watch, race=race)


Run = Callable[..., tuple[Simplified | Rejected, Counting]]


@pytest.fixture(scope="module")
def run(sandbox: Sandbox) -> Run:
    def run(code: str, config: EvolveConfig = CONFIG) -> tuple[Simplified | Rejected, Counting]:
        learner = Counting(learner=PopulationPPO(config.train, sim.make))
        tools = Tools(sandbox=sandbox, simulator=sim.make, learner=learner, watch=lambda _: None)
        return simplify(code, TASK, tools, config, budget=Budget(config.limits)), learner

    return run


@pytest.fixture(scope="module")
def done(run: Run) -> tuple[Simplified, Counting]:
    found, learner = run(CODE)
    assert isinstance(found, Simplified)
    return found, learner


def test_a_useless_term_goes_and_a_needed_one_stays(done: tuple[Simplified, Counting]) -> None:
    found, _ = done
    assert {t.component: t.verdict for t in found.tried} == {"progress": "needed", "idle": "dropped"}
    assert found.dropped == ("idle",)
    gone = "    # of no consequence\n    idle = 0.0001 * torch.cos(position)\n\n"
    shorter = CODE.replace(gone, "").replace(", position: torch.Tensor", "").replace(', "idle": idle', "")
    assert found.after == shorter.replace("progress + idle", "progress")


def test_all_are_trained_together_on_the_same_seeds_and_nobody_races(done: tuple[Simplified, Counting]) -> None:
    found, learner = done
    assert learner.populations == [((WINNER, "progress", "idle"), False)] * 3
    assert len(found.winner) == 3
    assert all(t.fitness is not None and len(t.fitness) == 3 for t in found.tried)
    assert found.spend.env_steps >= 9 * 6000


def test_the_result_is_shown_as_a_table_and_a_diff(done: tuple[Simplified, Counting]) -> None:
    found, _ = done
    words, page = simplified_words(found, name="g001-00", unit="m"), simplified_page(found, name="g001-00", unit="m")
    for text in (words, page):
        assert "fitness [m]" in text
        assert "Dropped: idle." in text
        assert "+    total = progress\n" in text
        assert "-    idle = 0.0001 * torch.cos(position)\n" in text
        assert "(g001-00)" in text
    assert diff_of(found, "g001-00").startswith("--- candidates/g001-00.py\n+++ simplified/g001-00.py\n@@")


def test_a_component_may_be_called_winner(run: Run) -> None:
    train = CONFIG.train.model_copy(update={"env_steps": 512})
    judge = CONFIG.judge.model_copy(update={"simplify_seeds": 2})
    found, learner = run(CODE.replace("idle", "winner"), CONFIG.model_copy(update={"train": train, "judge": judge}))
    assert isinstance(found, Simplified)
    assert learner.populations[0][0] == (WINNER, "progress", "winner")
    assert {t.component for t in found.tried if t.turn == 1} == {"progress", "winner"}


def test_a_limit_that_is_reached_ends_it_before_anything_is_trained(run: Run) -> None:
    config = CONFIG.model_copy(update={"limits": LimitSettings(hours=1e-9)})
    found, learner = run(CODE, config)
    assert isinstance(found, Simplified)
    assert found.stopped.startswith("limits.hours")
    assert found.after == CODE
    assert learner.populations == []
    assert outcome(found).startswith("Nothing was tried. It ended early: limits.hours = 1e-09 reached")


def test_what_cannot_be_taken_out_is_told_and_costs_nothing(run: Run) -> None:
    code = CODE.replace("progress + idle", "progress * idle")
    found, learner = run(code)
    assert isinstance(found, Simplified)
    assert {t.component for t in found.tried if t.verdict == "stuck"} == {"progress", "idle"}
    assert learner.populations == []
    assert "No component can go." in simplified_words(found, name="g001-00", unit="1")


def test_a_reward_that_does_not_pass_verification_is_not_simplified(run: Run) -> None:
    found, _ = run("import os\n")
    assert isinstance(found, Rejected)
