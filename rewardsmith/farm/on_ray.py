"""Groups of candidates as tasks of a Ray cluster, or of this machine's own processes where no cluster is named."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from rewardsmith.config import FarmSettings
from rewardsmith.errors import ConfigError, FarmError, RewardsmithError
from rewardsmith.farm.parcels import Parcel, work
from rewardsmith.farm.remote import Lost, Room, refuse_too_large
from rewardsmith.learn.checkpoint import Standing

try:
    import ray
except ImportError as missing:
    raise ConfigError(
        "train.where is ray, and Ray is not installed. Install it on every machine with "
        "`pip install 'rewardsmith[ray]'`, or set train.where to here."
    ) from missing


class RayFarm:
    """Connects when the first parcel is sent; a cluster that this process is connected to already is used as it is."""

    def __init__(self, settings: FarmSettings) -> None:
        self._settings = settings

    def send(self, parcel: Parcel) -> RayTask:
        """One task, on whichever machine has the room."""
        self._connect()
        s = self._settings
        task = ray.remote(work).options(
            num_cpus=s.cpus,
            num_gpus=s.gpus,
            memory=None if s.memory_gib is None else int(s.memory_gib * 2**30),
            max_retries=0,  # counted in remote.py, the same way for every farm
            name=f"rewardsmith {parcel.group[0].id}",
        )
        return RayTask(task.remote(parcel))

    def clear(self) -> None:
        """Ray keeps nothing that nobody refers to."""

    def _connect(self) -> None:
        if not ray.is_initialized():
            self._initialise()
        self._refuse_impossible()

    def _initialise(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(
                address=self._settings.address,
                include_dashboard=_own(self._settings),
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as fault:
            raise FarmError(
                f"Ray cannot be reached at {self._settings.address or 'RAY_ADDRESS'}: {_line(fault)} Start it with "
                "`ray start --head` and name its address in train.farm.address."
            ) from fault

    def _refuse_impossible(self) -> None:
        """A task that fits no machine would wait for ever. Raises: FarmError."""
        refuse_too_large(self._settings, [_room(node["Resources"]) for node in ray.nodes() if node["Alive"]])


class RayTask:
    """A parcel under way."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def found(self) -> Mapping[str, Standing] | Lost | None:
        """The group's trainings; `Lost` where the worker, its machine or its result is gone."""
        if not ray.wait([self._reference], timeout=0)[0]:
            return None
        try:
            trained: Mapping[str, Standing] = ray.get(self._reference)
        except ray.exceptions.RayTaskError as fault:
            if isinstance(fault.cause, RewardsmithError):
                raise FarmError(f"On another machine: {fault.cause}") from fault
            raise  # a fault of ours: its traceback there is told with it
        except ray.exceptions.RayError as fault:
            return Lost(why=_line(fault))
        return trained

    def cancel(self) -> None:
        """Kill the worker."""
        ray.cancel(self._reference, force=True)


def _room(resources: Mapping[str, float]) -> Room:
    return Room(resources.get("CPU", 0), resources.get("GPU", 0), resources.get("memory", 0) / 2**30)


def _own(settings: FarmSettings) -> bool | None:
    """No dashboard for a cluster of our own; what another's has is its own affair."""
    return None if settings.address or os.environ.get("RAY_ADDRESS") else False


def _line(fault: BaseException) -> str:
    """The first line of what a fault says."""
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
