"""Training on other machines, over Ray or Slurm: groups of candidates out, their trainings back (docs/distributed.md).

The learner stays where the run is: it decides the legs, the race and the outcomes (`learn/ppo.py`). Only the work of a
leg is done elsewhere, by the same code as here, so that the numbers are the same. Queues, placement and dead nodes are
Ray's or Slurm's business; all that is done here is to send a group again whose machine was lost.
"""

from __future__ import annotations

from rewardsmith.config import TrainSettings
from rewardsmith.farm.remote import Remote
from rewardsmith.interfaces import Checkpoints, Learner, SimulatorFactory
from rewardsmith.learn.ppo import PopulationPPO


def learner(settings: TrainSettings, simulator: SimulatorFactory, *, checkpoints: Checkpoints | None = None) -> Learner:
    """The learner for `settings.where`; nothing is started before something is to be trained.

    `checkpoints` is where a training under way is kept, so that one that was stopped goes on.

    Raises: ConfigError: the package it takes is not installed.
    """
    match settings.where:
        case "here":
            return PopulationPPO(settings, simulator, checkpoints=checkpoints)
        case "ray":
            from rewardsmith.farm.on_ray import RayFarm

            crew = Remote(RayFarm(settings.farm), settings.farm, simulator)
        case "slurm":
            from rewardsmith.farm.on_slurm import SlurmFarm

            crew = Remote(SlurmFarm(settings.farm), settings.farm, simulator)
    return PopulationPPO(settings, simulator, crew=crew, checkpoints=checkpoints)
