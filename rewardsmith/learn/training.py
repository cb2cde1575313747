"""One candidate's training, from first weights to the policies it leaves, through legs that others share or do not."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Trainee
from rewardsmith.learn.checkpoint import Standing
from rewardsmith.learn.curves import CurveBook, Episodes
from rewardsmith.learn.group import State
from rewardsmith.learn.racing import Leg, Mean, gained, mean_of
from rewardsmith.types import Checkpoint, Policy, Rejected, Stop, Trained


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeds:
    """What a training's random numbers come from: those of its environments, and those of its actions and batches."""

    envs: int
    draws: int


class Training:
    """What is known of one candidate; `state` is its learner's, as of the last leg's end, if any goes on from it."""

    def __init__(self, trainee: Trainee, state: State, settings: TrainSettings, *, seeds: Seeds) -> None:
        self.trainee, self.state, self._settings, self.seeds = trainee, state, settings, seeds
        self.policy = Policy(tensors={})
        self.env_steps = 0
        self.legs: list[Leg] = []
        self.fault: Rejected | None = None
        self.stop: Stop | None = None
        self._book = CurveBook()
        self._leg: list[Episodes] = []
        self._own: deque[float] = deque(maxlen=2 * settings.num_envs)
        self._peak: tuple[float, Checkpoint] | None = None

    def standing(self) -> Standing:
        """All that is known but for the trainee, between two legs: for the disk or another process."""
        return Standing(
            state=self.state,
            policy=self.policy,
            env_steps=self.env_steps,
            legs=tuple(self.legs),
            fault=self.fault,
            stop=self.stop,
            points=self._book.points,
            leg=tuple(self._leg),
            own=tuple(self._own),
            peak=self._peak,
        )

    def go_on_from(self, s: Standing) -> None:
        """Be as a training of the same trainee stood."""
        self.state, self.policy, self.env_steps = s.state, s.policy, s.env_steps
        self.legs, self.fault, self.stop, self._peak = list(s.legs), s.fault, s.stop, s.peak
        self._book, self._leg, self._own = CurveBook(s.points), list(s.leg), deque(s.own, maxlen=self._own.maxlen)

    @property
    def going(self) -> bool:
        """Whether there is any more to train."""
        return self.fault is None and self.stop is None

    def record(self, ended: Episodes, reward_means: Mapping[str, float], env_steps: int, *, acted: bool = True) -> bool:
        """Take in a rollout that ended at `env_steps`; True where own return stands higher than ever before.

        Own return is that of rollouts in which the policy `acted`, as it does not while SAC warms up.
        """
        self.env_steps = env_steps
        self._book.record(ended, reward_means, env_steps)
        self._leg.append(ended)
        if not acted:
            return False
        self._own.extend(ended.own_return[np.isfinite(ended.own_return)].tolist())
        full = len(ended.own_return) > 0 and len(self._own) == self._own.maxlen
        return full and (self._peak is None or self._own_return() > self._peak[0])

    def keep_peak(self, policy: Policy) -> None:
        """Keep the policy of the rollout just recorded."""
        self._peak = self._own_return(), Checkpoint(policy=policy, env_steps=self.env_steps)

    def _own_return(self) -> float:
        return float(np.mean(self._own))

    def rest(self, state: State, policy: Policy) -> None:
        """Its learner is gone for now, within a leg or at its end; another goes on from `state`."""
        self.state, self.policy = state, policy

    def end_leg(self) -> None:
        """The leg is over: how the candidate stands, by the episodes that ended in the later half of the leg."""
        half = len(self._leg) // 2
        early, recent, self._leg = self._leg[:half], self._leg[half:], []
        success = [e.success for e in recent if e.success is not None]
        self.legs.append(
            Leg(
                env_steps=self.env_steps,
                fitness=_fitness(recent),
                own_return=mean_of(np.concatenate([e.own_return for e in recent]).tolist()),
                solved=mean_of(np.concatenate(success).tolist()) if success else None,
                gained=gained(_fitness(early), _fitness(recent)),
            )
        )

    def status(self) -> str:
        """A word or two for a progress display."""
        if self.fault is not None:
            return "rejected"
        return f"{self._book.status()} ({self.stop.kind})" if self.stop else self._book.status()

    def outcome(self, *, seconds: float) -> Trained | Rejected:
        """What the training came to."""
        return self.fault or Trained(
            verified=self.trainee.verified,
            policy=self.policy,
            curves=self._book.curves(self._settings.curve_points, rollout_steps=self._settings.rollout_steps),
            env_steps=self.env_steps,
            seconds=seconds,
            peak=self._fallen_from(),
            stopped=self.stop,
        )

    def _fallen_from(self) -> Checkpoint | None:
        """The checkpoint at the peak of own return, where own return has clearly fallen since."""
        if self._peak is None:
            return None
        doubt = float(np.std(self._own, ddof=1)) / math.sqrt(len(self._own))
        return self._peak[1] if self._peak[0] > self._own_return() + doubt else None


def _fitness(episodes: Sequence[Episodes]) -> Mean | None:
    return mean_of([value for e in episodes for value in e.fitness.tolist()])
