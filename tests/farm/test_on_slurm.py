"""submitit for real, with jobs as processes of this machine; and what is said where there is no Slurm."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import farm, sim
from rewardsmith.config import FarmSettings, TrainSettings
from rewardsmith.errors import FarmError
from rewardsmith.farm.remote import Lost
from rewardsmith.interfaces import Trainee
from rewardsmith.learn.ppo import Outcome
from rewardsmith.sim.point import point_task

pytest.importorskip("submitit", reason="needs submitit: pip install 'rewardsmith[slurm]'")

Here = Callable[[bool], list[Outcome]]
Same = Callable[[list[Outcome], list[Outcome]], bool]
TASK = point_task(episode_steps=7)


@pytest.fixture
def local(tmp_path: Path) -> FarmSettings:
    return FarmSettings(groups=2, cpus=1, cluster="local", folder=str(tmp_path / "jobs"))


def test_a_training_in_jobs_is_the_one_here_and_outlives_a_killed_one(
    settings: TrainSettings, trained: Callable[..., list[Outcome]], here: Here, same: Same, local: FarmSettings,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The first job's process dies as by the hand of a node that goes down, before it has begun."""
    from rewardsmith.farm.on_slurm import SlurmFarm

    sent: list[Any] = []
    send = SlurmFarm.send

    def killing(self: SlurmFarm, parcel: Any) -> Any:
        job = send(self, parcel)
        sent.append(parcel)
        if len(sent) == 1:
            os.kill(int(job._job.job_id), signal.SIGKILL)
        return job

    monkeypatch.setattr(SlurmFarm, "send", killing)
    outcomes = trained(settings.model_copy(update={"where": "slurm", "farm": local}), racing=False)
    assert same(outcomes, here(False))
    assert [parcel.group[0].id for parcel in sent] == ["x -1.0", "x -0.5", "x -1.0"]
    assert list((tmp_path / "jobs").iterdir()) == []  # cleared


def test_what_a_person_can_mend_on_another_machine_is_one_line_with_its_log(
    settings: TrainSettings, local: FarmSettings, population: list[Trainee], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rewardsmith.farm.parcels.decisive_versions", lambda: {"torch": "1.0"})
    there = settings.model_copy(update={"where": "slurm", "farm": local.model_copy(update={"groups": 1})})
    with pytest.raises(FarmError, match=r"On another machine: .*\(the run has 1\.0\).* Its log: .*\.err"):
        farm.learner(there, sim.make).train(population, TASK, seed=0, watch=lambda _: None)


@pytest.fixture
def submit(tmp_path: Path) -> Callable[..., Any]:
    """A job of this machine, seen as one of a cluster."""
    import submitit

    executor = submitit.AutoExecutor(folder=tmp_path, cluster="local")

    def submit(does: Callable[..., object], *given: object) -> Any:
        job = executor.submit(does, *given)
        job._results_timeout_s = 0
        return job

    return submit


def _found(job: Any) -> object:
    from rewardsmith.farm.on_slurm import SlurmJob

    while not job.done():
        time.sleep(0.05)
    return SlurmJob(job, patient=True).found()


def test_a_lost_job_is_told_by_its_state_and_without_a_path(submit: Callable[..., Any]) -> None:
    job = submit(time.sleep, 60)
    os.kill(int(job.job_id), signal.SIGKILL)
    assert _found(job) == Lost(why=f"job {job.job_id} ended and left no result (state: INTERRUPTED)")


def test_a_job_that_runs_out_of_its_time_is_lost_and_ends_no_run(submit: Callable[..., Any]) -> None:
    def out_of_time() -> None:  # what submitit raises in the job
        from submitit.core.utils import UncompletedJobError

        raise UncompletedJobError("Job not requeued because: timed-out too many times.")

    job = submit(out_of_time)
    assert _found(job) == Lost(why=f"job {job.job_id} ended: Job not requeued because: timed-out too many times")


def test_without_slurm_it_says_so_and_what_to_do(
    settings: TrainSettings, population: list[Trainee], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no sbatch here, whatever this machine is
    at = settings.model_copy(update={"where": "slurm", "farm": FarmSettings(folder=str(tmp_path))})
    with pytest.raises(FarmError, match=r"Slurm cannot be used: .*sbatch"):
        farm.learner(at, sim.make).train(population, TASK, seed=0, watch=lambda _: None)


def test_an_unknown_parameter_of_the_executor_is_named(
    settings: TrainSettings, local: FarmSettings, population: list[Trainee]
) -> None:
    wrong = local.model_copy(update={"parameters": {"slurm_partitoin": "gpu"}})
    at = settings.model_copy(update={"where": "slurm", "farm": wrong})
    with pytest.raises(FarmError, match="slurm_partitoin"):
        farm.learner(at, sim.make).train(population, TASK, seed=0, watch=lambda _: None)


def test_slurm_is_not_asked_for_part_of_a_gpu(
    settings: TrainSettings, local: FarmSettings, population: list[Trainee]
) -> None:
    at = settings.model_copy(update={"where": "slurm", "farm": local.model_copy(update={"gpus": 0.5})})
    with pytest.raises(FarmError, match=r"train\.farm\.gpus is 0\.5"):
        farm.learner(at, sim.make).train(population, TASK, seed=0, watch=lambda _: None)
