"""The crew of other machines: deals trainings into groups, sends them out, takes them back, sends again what was lost.

A group that comes back not at all was lost with its machine and is sent anew, as it stood when the leg began, so a loss
costs a leg at most. What raises there raises here: it would raise on any machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rewardsmith.config import FarmSettings
from rewardsmith.errors import FarmError
from rewardsmith.farm.parcels import Parcel, pack
from rewardsmith.interfaces import SimulatorFactory
from rewardsmith.learn.checkpoint import Standing
from rewardsmith.learn.crew import TELL_S, Job, Stretch, Tell, dealt
from rewardsmith.learn.training import Training
from rewardsmith.types import Rejected

MOST_TOLD = 8  # kinds of machines in an error


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A group went down with its machine; `why` is what the cluster says, in a line."""

    why: str


class Pending(Protocol):
    """A parcel that was sent."""

    def found(self) -> Mapping[str, Standing] | Lost | None:
        """The group's trainings by id; None while it is under way.

        Raises: FarmError: what it does raised an exception there.
        """
        ...

    def cancel(self) -> None:
        """Give it up, done or not."""
        ...


class Farm(Protocol):
    """Machines that take parcels."""

    def send(self, parcel: Parcel) -> Pending:
        """Hand a parcel over. Raises: FarmError: the cluster cannot be reached or refuses it."""
        ...

    def clear(self) -> None:
        """All that was sent has come back: throw away what is left of it."""
        ...


class Room(NamedTuple):
    """What a machine has, or a group asks for."""

    cores: float
    gpus: float
    memory_gib: float

    def __str__(self) -> str:
        memory = f" and {self.memory_gib:.3g} GiB of memory" if self.memory_gib else ""
        return f"{self.cores:g} cores, {self.gpus:g} GPUs{memory}"


def refuse_too_large(settings: FarmSettings, machines: Iterable[Room]) -> None:
    """Raises: FarmError: none of the machines has all that a group asks for."""
    asked, kinds = Room(settings.cpus, settings.gpus, settings.memory_gib or 0.0), sorted(set(machines), reverse=True)
    if any(all(has >= needs for has, needs in zip(kind, asked, strict=True)) for kind in kinds):
        return
    told = "; ".join(map(str, kinds[:MOST_TOLD])) or "none is alive"
    raise FarmError(
        f"No machine of the cluster has room for a group of {asked}. What its machines have: {told}. Lower "
        "train.farm.cpus, train.farm.gpus or train.farm.memory_gib."
    )


class Remote:
    """Takes trainings through legs on a farm (`learn.crew.Crew`)."""

    def __init__(self, farm: Farm, settings: FarmSettings, simulator: SimulatorFactory) -> None:
        self._farm, self._settings, self._simulator = farm, settings, simulator

    def train(self, going: Sequence[Training], legs: Sequence[Stretch], job: Job, tell: Tell) -> None:
        """Raises: FarmError: every group was lost for good, or something raised there."""
        groups = [
            _Group(going[a:b], legs, job, self._farm, self._settings, self._simulator)
            for a, b in dealt(len(going), self._settings.groups)
        ]
        try:
            for group in groups:
                group.send()
            left = groups
            while left:
                time.sleep(TELL_S)
                left = [group for group in left if not group.done()]
                tell(sum(group.news() for group in groups))
        finally:
            for group in groups:
                group.cancel()
        if all(group.lost for group in groups):
            raise FarmError(
                f"Every machine that trained was lost, {self._settings.tries} times over; last: {groups[-1].lost}. "
                "See that the cluster is well; the run goes on from what was saved with "
                "`rewardsmith resume`, on this machine with `--set train.where=here`."
            )
        self._farm.clear()


class _Group:
    """Some trainings on their way through legs."""

    def __init__(
        self,
        trainings: Sequence[Training],
        legs: Sequence[Stretch],
        job: Job,
        farm: Farm,
        settings: FarmSettings,
        simulator: SimulatorFactory,
    ) -> None:
        self._trainings, self._farm, self._tries = trainings, farm, settings.tries
        self._parcel = pack(trainings, legs, job, simulator=simulator, cores=settings.cpus)
        self._rollouts = legs[-1].last - legs[0].first
        self._pending: Pending | None = None
        self._sent, self._news = 0, 0
        self.lost = ""

    def send(self) -> None:
        """Send it, for the first time or once more."""
        self._pending, self._sent = self._farm.send(self._parcel), self._sent + 1

    def done(self) -> bool:
        """Whether it has come back or is given up; where it was lost, it is sent again first."""
        found = self._pending.found() if self._pending else None
        match found:
            case None:
                return False
            case Lost(why=why) if self._sent < self._tries:
                self.send()
                return False
            case Lost(why=why):
                self._give_up(why)
            case _:
                for training in self._trainings:
                    training.go_on_from(found[training.trainee.id])
        self._pending, self._news = None, self._rollouts * len(self._trainings)
        return True

    def news(self) -> int:
        """Rollouts of single candidates that came back since this was last asked."""
        news, self._news = self._news, 0
        return news

    def cancel(self) -> None:
        """Give up what is still under way."""
        if self._pending is not None:
            self._pending.cancel()

    def _give_up(self, why: str) -> None:
        self.lost = why
        for training in self._trainings:
            training.fault = Rejected(
                stage="train",
                reason=f"Its training was lost with the machine it ran on, {self._sent} times; last: {why}",
                hint="This says nothing against the reward, unless it needs very much memory.",
            )
