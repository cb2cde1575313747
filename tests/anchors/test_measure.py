"""Measuring anchors: each once, in order, resumable between any two, and the same as a run's own references."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith import opening
from rewardsmith.anchors import record as file
from rewardsmith.anchors.measure import Batch, Bench, measure, missing, others_s, rewards, this_machine
from rewardsmith.anchors.record import Failed, Record, Scored, Training
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Progress
from rewardsmith.types import Judged, Measure, References, Task

Steps = Callable[..., Sequence[Record]]


def timeless(record: Record) -> Record:
    """Without how fast it went."""
    same = tuple(t.model_copy(update={"env_steps_per_s": None}) for t in record.trainings)
    return record.model_copy(update={"trainings": same})


def test_everything_is_measured_cheapest_first(task: Task, fresh: Record) -> None:
    assert missing(fresh, task, env_steps=(256, 128, 256), seeds=2) == (
        None,
        Batch(env_steps=128, seeds=(0, 1)),
        Batch(env_steps=256, seeds=(0, 1)),
    )


def test_each_step_holds_one_budget_more(fresh: Record, steps: Steps) -> None:
    found = steps(fresh)
    assert [(r.random is not None, len(r.trainings)) for r in found] == [(True, n) for n in (0, 4, 8)]
    assert {(t.reward, t.env_steps, t.seed) for t in found[-1].trainings} == {
        (reward, budget, seed) for reward in ("expert", "sparse") for budget in (128, 256) for seed in (0, 1)
    }
    assert all(isinstance(t.result, Scored) and (t.env_steps_per_s or 0) > 0 for t in found[-1].trainings)


def test_a_speed_on_a_machine_that_others_used_is_left_out(
    task: Task, config: EvolveConfig, bench: Bench, fresh: Record
) -> None:
    taken = iter((0.0, 1000.0))
    shared = replace(bench, others_s=lambda: next(taken, 1000.0))
    [done] = measure(fresh, [Batch(env_steps=128, seeds=(0,))], task, config, shared)
    assert all(isinstance(t.result, Scored) and t.env_steps_per_s is None for t in done.trainings)


def test_a_speed_is_left_out_where_nobody_knows_what_others_took(
    task: Task, config: EvolveConfig, bench: Bench, fresh: Record
) -> None:
    [done] = measure(fresh, [Batch(env_steps=128, seeds=(0,))], task, config, replace(bench, others_s=lambda: None))
    assert all(t.env_steps_per_s is None for t in done.trainings)


def test_what_this_process_takes_is_nobody_elses(tmp_path: Path) -> None:
    counts, tick = tmp_path / "stat", os.sysconf("SC_CLK_TCK")
    counts.write_text(f"cpu  {900 * tick} {50 * tick} {50 * tick} 7 7 7 7 0 0 0\ncpu0 1 2 3 4\n")
    assert others_s(counts) == pytest.approx(1000.0 - time.process_time(), abs=0.2)
    before, started = others_s(counts), time.process_time()
    while time.process_time() < started + 0.3:
        pass
    after = others_s(counts)
    assert before is not None
    assert after is not None
    assert after <= before - 0.3
    assert others_s(tmp_path / "none") is None


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_stop_between_trainings_leads_to_the_same_file(
    killed_after: int, fresh: Record, steps: Steps, tmp_path: Path
) -> None:
    unbroken = steps(fresh)
    file.write(tmp_path / "point.json", unbroken[killed_after - 1])
    resumed = steps(file.read(tmp_path / "point.json"))
    assert len(resumed) == len(unbroken) - killed_after
    assert timeless(resumed[-1]) == timeless(unbroken[-1])


def test_what_is_measured_is_not_measured_again_and_more_seeds_add_to_it(fresh: Record, steps: Steps) -> None:
    done = steps(fresh, env_steps=[128], seeds=1)[-1]
    assert steps(done, env_steps=[128], seeds=1) == []
    more = steps(done, env_steps=[128], seeds=2)
    assert len(more) == 1
    assert set(done.trainings) < set(more[-1].trainings)


def test_a_seed_gives_what_a_run_of_that_seed_gives_as_references(
    task: Task, config: EvolveConfig, bench: Bench, fresh: Record, steps: Steps
) -> None:
    """`config` trains for 256 env steps."""
    anchors = steps(fresh, env_steps=[256], seeds=2)[-1]
    seeded = config.model_copy(update={"seed": 1})
    results = opening.references(task, bench.learner(config.train), bench.simulator, seeded, watch=bench.watch)
    for found in results:
        assert isinstance(found.outcome, Judged)
        [training] = [t for t in anchors.trainings if t.reward == found.name and t.seed == 1]
        assert training.result == file.result(found.outcome.score)


def test_a_task_without_an_expert_reward_is_measured_with_the_sparse_one_alone(
    task: Task, fresh: Record, steps: Steps
) -> None:
    bare = replace(task, references=References(expert=None))
    assert rewards(bare) == ("sparse",)
    assert [t.reward for t in steps(fresh, env_steps=[128], seeds=1, of=bare)[-1].trainings] == ["sparse"]


def test_a_training_that_fails_is_kept_as_such_and_not_as_a_number(task: Task, fresh: Record, steps: Steps) -> None:
    """The square root of a negative number is none; the expert's training goes on beside it."""
    broken = replace(task, references=References(expert="reward", sparse="sqrt(-1 - distance)"))
    done = steps(fresh, env_steps=[128], seeds=1, of=broken)[-1]
    expert, sparse = done.trainings
    assert isinstance(expert.result, Scored)
    assert isinstance(sparse.result, Failed)
    assert sparse.result.stage == "train"
    assert "not finite" in sparse.result.reason
    assert sparse.env_steps_per_s is None
    assert missing(done, broken, env_steps=[128], seeds=1) == ()


def test_random_play_that_cannot_be_scored_is_kept_as_such(
    task: Task, config: EvolveConfig, bench: Bench, fresh: Record
) -> None:
    unscored = replace(task, fitness=Measure(source="sqrt(-1 - distance)", reduce="final"))
    [done] = measure(fresh, [None], unscored, config, bench)
    assert done.random is not None
    assert isinstance(done.random.result, Failed)


def test_a_stop_in_a_training_leaves_what_was_done(
    task: Task, config: EvolveConfig, bench: Bench, fresh: Record
) -> None:
    def stop(progress: Progress) -> None:  # noqa: ARG001 - the shape of a watcher
        if len(kept) == 2:
            raise KeyboardInterrupt

    kept: list[Record] = []
    jobs = missing(fresh, task, env_steps=[128, 256, 512], seeds=1)
    with pytest.raises(KeyboardInterrupt):
        kept.extend(measure(fresh, jobs, task, config, replace(bench, watch=stop)))
    assert [len(r.trainings) for r in kept] == [0, 2]


def test_this_machine_names_its_processor_and_what_ran() -> None:
    here = this_machine()
    assert here.cpu
    assert {"rewardsmith", "torch", "envpool", "python"} <= set(here.versions)


def test_trainings_are_told_apart_by_reward_budget_and_seed(fresh: Record, steps: Steps) -> None:
    [*_, done] = steps(fresh, env_steps=[128], seeds=1)
    first: Training = done.trainings[0]
    assert done.has(first.reward, env_steps=128, seed=0)
    assert not done.has(first.reward, env_steps=128, seed=1)
    assert not done.has(first.reward, env_steps=129, seed=0)
