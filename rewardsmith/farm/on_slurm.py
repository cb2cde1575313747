"""Groups of candidates as jobs of a Slurm cluster, through submitit; `cluster: local` makes them processes here.

submitit writes each job as a pickle into a folder that all nodes see and reads its result from there; the folder of a
leg is removed once all of it came back, and stays, with the logs, where something went wrong.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rewardsmith.config import FarmSettings
from rewardsmith.errors import ConfigError, FarmError
from rewardsmith.farm.parcels import Parcel, work
from rewardsmith.farm.remote import Lost
from rewardsmith.learn.checkpoint import Standing

try:
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError
except ImportError as missing:
    raise ConfigError(
        "train.where is slurm, and submitit is not installed. Install it with `pip install 'rewardsmith[slurm]'`, or "
        "set train.where to here."
    ) from missing


END_S = 10.0  # a process of this machine that is cancelled is given to be gone
TOLD = re.compile(r"^rewardsmith\.errors\.\w+: (?P<words>.+)$", re.MULTILINE)
"""The last line of a traceback of an error of ours, which is meant for the person."""
ENDED = re.compile(r"^submitit\.core\.utils\.UncompletedJobError: (?P<words>.+?)\.?$", re.MULTILINE)
"""The last line of a traceback of a job that ran out of its time, or was preempted and cannot be queued again."""


class SlurmFarm:
    """One folder of jobs at a time, made when its first parcel is sent."""

    def __init__(self, settings: FarmSettings) -> None:
        self._settings = settings
        self._executor: Any = None
        self._folder = Path(settings.folder).expanduser()

    def send(self, parcel: Parcel) -> SlurmJob:
        """One job. Raises: FarmError: Slurm refuses it."""
        executor = self._executor = self._executor or self._made()
        try:
            job = executor.submit(Work(), parcel)
        except (FailedSubmissionError, OSError) as fault:
            raise FarmError(f"Slurm refused a job: {_line(fault)} See train.farm in the settings.") from fault
        return SlurmJob(job, patient=self._settings.cluster == "slurm")

    def clear(self) -> None:
        """Remove the jobs' folder."""
        if self._executor is not None:
            with contextlib.suppress(OSError):  # a log that is still open elsewhere is no reason to stop
                shutil.rmtree(self._executor.folder)
            self._executor = None

    def _made(self) -> Any:
        """An executor over a fresh folder. Raises: FarmError: there is no Slurm, or a parameter does not fit."""
        s = self._settings
        if not s.gpus.is_integer():
            raise FarmError(f"train.farm.gpus is {s.gpus:g}, but Slurm gives a job whole GPUs; Ray takes parts.")
        asked: dict[str, object] = {
            "name": "rewardsmith",
            "timeout_min": s.minutes,
            "cpus_per_task": s.cpus,
            "gpus_per_node": int(s.gpus),
        }
        memory = {} if s.memory_gib is None else {"mem_gb": s.memory_gib}
        folder = self._folder / uuid.uuid4().hex[:12]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what lies there is unpickled
            # how often a group is trained is counted in remote.py, the same way for every farm
            executor = submitit.AutoExecutor(folder=folder, cluster=s.cluster, slurm_max_num_timeout=0)
        except (RuntimeError, OSError) as fault:
            raise FarmError(
                f"Slurm cannot be used: {_line(fault)} Start the run on a machine that has sbatch and sees "
                f"{self._folder}; train.farm.cluster=local tries it without a cluster."
            ) from fault
        try:
            executor.update_parameters(**(asked | memory | s.parameters))
        except (NameError, TypeError, ValueError, AssertionError) as fault:
            raise FarmError(f"train.farm.parameters do not fit submitit's executor: {_line(fault)}") from fault
        return executor


class Work:
    """What a job does; where Slurm takes its node away, it is queued again and begins anew."""

    def __call__(self, parcel: Parcel) -> dict[str, Standing]:
        return work(parcel)

    def checkpoint(self, parcel: Parcel) -> Any:
        """Asked by submitit before a job is preempted or runs out of time."""
        return submitit.helpers.DelayedSubmission(self, parcel)


class SlurmJob:
    """A job under way; a `patient` one may take a while to show its result on a file system of many machines."""

    def __init__(self, job: Any, *, patient: bool) -> None:
        self._job, self._patient = job, patient

    def found(self) -> Mapping[str, Standing] | Lost | None:
        """The group's trainings; `Lost` where the job ended and left no result."""
        if not self._job.done():
            return None
        if not self._patient and not self._job.paths.result_pickle.exists():
            return self._lost()
        try:
            trained: Mapping[str, Standing] = self._job.result()
        except FailedJobError as fault:  # it is an UncompletedJobError too
            mendable, ended = TOLD.search(str(fault)), ENDED.search(str(fault))
            if mendable:
                raise FarmError(f"On another machine: {mendable['words']} Its log: {self._job.paths.stderr}") from fault
            if ended:
                return Lost(why=f"job {self._job.job_id} ended: {ended['words']}")
            raise  # a fault of ours: its traceback there is told with it
        except UncompletedJobError:
            return self._lost()
        return trained

    def _lost(self) -> Lost:
        return Lost(why=f"job {self._job.job_id} ended and left no result (state: {self._job.state})")

    def cancel(self) -> None:
        """Take it out of the queue, or end it; a process of this machine is given a while to be gone."""
        self._job.cancel(check=False)
        deadline = time.monotonic() + END_S
        while not self._patient and not self._job.done() and time.monotonic() < deadline:
            time.sleep(0.1)


def _line(fault: BaseException) -> str:
    """What a fault says, in one line that ends like a sentence."""
    return " ".join(str(fault).split())[:200].rstrip(".") + "."
