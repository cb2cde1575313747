"""What is drawn from an anchor file: means and intervals by hand, and nothing of a task that has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith import resources, taskfile
from rewardsmith.anchors import record as file
from rewardsmith.anchors.record import Machine, Record, Reward, task_sha256
from rewardsmith.anchors.scale import anchors, fitting, shipped
from rewardsmith.errors import ConfigError
from rewardsmith.types import Anchor, Measure, Rejected, Score, Task

HERE = Machine(cpu="a", cores=2, gpu=None, versions={})
NO_SCORE = Rejected(stage="train", reason="The reward is not finite.", hint="")


def score(mean: float, success: float | None = None, *, length: float = 9.0) -> Score:
    interval = None if success is None else (success, success)
    return Score(
        episodes=(mean, mean), mean=mean, ci95=0.5, success_rate=success, success_ci95=interval, mean_length=length
    )


def trained(record: Record, outcomes: Sequence[Score | Rejected], *, reward: Reward, env_steps: int) -> Record:
    for seed, outcome in enumerate(outcomes):
        record = file.with_training(
            record, outcome, reward=reward, env_steps=env_steps, seed=seed,
            env_steps_per_s=None, machine=HERE, date="2026-11-21",
        )  # fmt: skip
    return record


@pytest.fixture
def full(fresh: Record) -> Record:
    record = file.with_random(fresh, score(-1.0, 0.25), machine=HERE, date="2026-11-21")
    record = trained(
        record, [score(1.0, 0.5, length=3.0), score(2.0, 0.75), score(3.0, 1.0)], reward="expert", env_steps=300
    )
    record = trained(record, [score(5.0, 1.0), NO_SCORE], reward="expert", env_steps=1000)
    return trained(record, [NO_SCORE, NO_SCORE], reward="sparse", env_steps=300)


def test_means_and_intervals_over_seeds_worked_out_by_hand(full: Record) -> None:
    random, at_300, at_1000 = anchors(full)
    assert random == Anchor(
        policy="random", env_steps=0, fitness=-1.0, ci95=0.5, success_rate=0.25, success_ci95=(0.25, 0.25),
        mean_length=9.0, seeds=1,
    )  # fmt: skip
    # deviation of 1 2 3 is 1; Student's t of 2 degrees is 4.303: 4.303 / sqrt 3 = 2.4844
    assert (at_300.policy, at_300.env_steps, at_300.seeds, at_300.failed) == ("expert", 300, 3, 0)
    assert (at_300.fitness, at_300.mean_length) == (2.0, 7.0)
    assert at_300.ci95 == pytest.approx(2.4844, abs=1e-4)
    # deviation of 0.5 0.75 1 is 0.25: 0.75 +- 0.6211, and a rate is never above 1
    assert at_300.success_rate == 0.75
    assert at_300.success_ci95 == pytest.approx((0.1289, 1.0), abs=1e-4)
    assert (at_1000.fitness, at_1000.ci95, at_1000.success_ci95) == (5.0, None, None)
    assert (at_1000.seeds, at_1000.failed) == (1, 1)
    assert [(a.lowest, a.highest) for a in (random, at_300, at_1000)] == [(None, None), (1.0, 3.0), (None, None)]


def test_seeds_that_all_succeed_leave_the_doubt_that_their_episodes_leave(fresh: Record) -> None:
    """Two seeds of 6 episodes: Wilson's interval of 12 out of 12 begins at 12 / (12 + 1.96^2) = 0.7575."""
    assert fresh.episodes == 6
    [anchor] = anchors(trained(fresh, [score(1.0, 1.0), score(1.0, 1.0)], reward="expert", env_steps=300))
    assert anchor.success_ci95 == pytest.approx((0.7575, 1.0), abs=1e-4)


def test_what_never_gave_a_score_is_no_anchor(full: Record, fresh: Record) -> None:
    assert "sparse" not in {a.policy for a in anchors(full)}
    assert anchors(fresh) == ()
    assert anchors(file.with_random(fresh, NO_SCORE, machine=HERE, date="")) == ()


def test_a_task_without_success_has_anchors_without_a_rate(fresh: Record) -> None:
    [anchor] = anchors(trained(fresh, [score(1.0), score(2.0)], reward="expert", env_steps=300))
    assert (anchor.success_rate, anchor.success_ci95) == (None, None)


@pytest.mark.parametrize(("env_steps", "budget"), [(100, 300), (300, 300), (999, 300), (1000, 1000), (9999, 1000)])
def test_a_run_is_held_against_the_largest_budget_within_its_own(env_steps: int, budget: int, full: Record) -> None:
    assert [(a.policy, a.env_steps) for a in fitting(anchors(full), env_steps=env_steps)] == [
        ("random", 0),
        ("expert", budget),
    ]


# --- what ships -----------------------------------------------------------------------------------------------------


def test_anchors_are_found_for_the_task_that_was_measured(full: Record, task: Task, tmp_path: Path) -> None:
    file.write(tmp_path / "point.json", full)
    found = shipped(replace(task, goal="Other words."), env_steps=300, folder=tmp_path)
    assert [a.policy for a in found] == ["random", "expert"]


def test_a_task_that_has_changed_has_no_anchors(full: Record, task: Task, tmp_path: Path) -> None:
    file.write(tmp_path / "point.json", full)
    assert shipped(replace(task, fitness=Measure(source="1", reduce="sum")), env_steps=300, folder=tmp_path) == ()


def test_a_task_that_was_never_measured_has_no_anchors(task: Task, tmp_path: Path) -> None:
    assert shipped(task, env_steps=300, folder=tmp_path) == ()
    assert shipped(task, env_steps=300) == ()  # the point task is not among those that ship


def test_a_damaged_anchor_file_is_told(task: Task, tmp_path: Path) -> None:
    (tmp_path / "point.json").write_text("{")
    with pytest.raises(ConfigError, match=r"point\.json: is damaged"):
        shipped(task, env_steps=300, folder=tmp_path)


def test_every_anchor_file_that_ships_is_of_a_task_as_it_is_now() -> None:
    """Where this fails, a task was changed: measure it anew with `rewardsmith anchors`, or delete its file."""
    known = {name: task_sha256(taskfile.load(name).task) for name in taskfile.names()}
    for path in resources.anchors_folder().glob("*.json"):
        record = file.read(path)
        assert path.stem == record.task
        assert record.task_sha256 == known[record.task], path
        assert anchors(record)
