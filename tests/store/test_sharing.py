"""Episodes handed from run to run: of the same task only, and called after the run they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.store import Run
from rewardsmith.store.episodes import to_bytes
from rewardsmith.store.sharing import known_to, meaning, read_shared, share
from rewardsmith.types import EnvSpec, Generation, Judged, Measure, References, Signal, Task, Trajectory


def _episode(source: str, fitness: float) -> Trajectory:
    return Trajectory(
        source=source,
        signals={"speed": torch.full((3,), fitness)},
        actions=torch.zeros(2, 1),
        fitness_steps=torch.full((2,), fitness),
        expert=None,
        fitness=fitness,
        success=None,
        terminated=False,
    )


@pytest.fixture
def known(run: Run, generations: tuple[Generation, ...]) -> Run:
    """A run that began with two random episodes and one of another run, whose last candidate kept one."""
    run.set_start_trajectories([_episode("random", 0.0), _episode("random", 0.5), _episode("old/g003-01", 1.0)])
    [attempt] = generations[1].attempts
    assert isinstance(attempt.outcome, Judged)
    outcome = replace(attempt.outcome, trajectories=(_episode("g002-00", 3.5),))
    run.add_generation(replace(generations[1], attempts=(replace(attempt, outcome=outcome),)))
    return run


def test_a_run_knows_what_it_began_with_and_what_its_candidates_played(known: Run) -> None:
    assert [t.source for t in known_to(known)] == ["random", "random", "old/g003-01", "g002-00"]


def test_what_is_shared_is_called_after_its_run_and_comes_back(known: Run, task: Task, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "known.safetensors"
    assert share(known, file) == 4
    found = read_shared([file, file], task)
    assert [t.source for t in found] == ["random", "random", "old/g003-01", "run/g002-00"] * 2
    assert [t.fitness for t in found[:4]] == [0.0, 0.5, 1.0, 3.5]


def test_no_files_are_no_episodes(task: Task) -> None:
    assert read_shared([], task) == ()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"name": "cheetah_hop"}, r"are of task 'cheetah_run', and this run is of 'cheetah_hop'\. Take"),
        ({"episode_steps": 500}, r"this run is of 'cheetah_run' as it is now: its signals, fitness or world"),
    ],
)
def test_episodes_of_another_task_are_refused(
    known: Run, task: Task, tmp_path: Path, other: dict[str, object], why: str
) -> None:
    share(known, tmp_path / "a")
    with pytest.raises(ConfigError, match=why):
        read_shared([tmp_path / "a"], replace(task, **other))  # type: ignore[arg-type]


def test_a_file_of_something_else_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_shared([tmp_path / "none"], task)
    (tmp_path / "text").write_text("nothing of the kind")
    with pytest.raises(ConfigError, match=r"holds no trajectories: .*`rewardsmith trajectories RUN --out FILE` writes"):
        read_shared([tmp_path / "text"], task)


def test_a_file_whose_signals_were_changed_is_refused(task: Task, tmp_path: Path) -> None:
    odd = replace(_episode("random", 0.0), signals={"speed": torch.zeros(3, 2)})
    (tmp_path / "a").write_bytes(to_bytes([odd], about={"task": task.name, "meaning": meaning(task)}))
    with pytest.raises(ConfigError, match="lack signals that task 'cheetah_run' declares"):
        read_shared([tmp_path / "a"], task)


def test_words_do_not_change_what_a_trajectory_means_and_sources_do(task: Task) -> None:
    told = Signal(name="speed", shape=(), unit="km/s", doc="how fast", source="info.x_velocity")
    hidden = Measure(source="speed", reduce="max")
    same = replace(task, goal="Go.", signals=(told,), path="elsewhere.yaml", hidden_fitness=hidden)
    assert meaning(same) == meaning(task)
    others = [
        replace(task, signals=(replace(told, source="obs[8]"),)),
        replace(task, fitness=replace(task.fitness, reduce="max")),
        replace(task, success=Measure(source="speed", reduce="any")),
        replace(task, references=References(expert=None)),
        replace(task, env=EnvSpec(backend="gymnasium", id="HalfCheetah-v5")),
        replace(task, control_dt_s=0.1),
    ]
    assert len({meaning(t) for t in [task, *others]}) == 1 + len(others)
