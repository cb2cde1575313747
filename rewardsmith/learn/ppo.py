"""PPO for a whole population at once: every candidate's policy in stacked tensors, every environment in a batch.

Candidates of one seed see the same environment seeds, first weights, action noise and minibatches, so that they differ
by their rewards alone; several seeds may train side by side too. A candidate's result is bit for bit the same alone and
in company, with racing (as long as it lasts) and without.

A training has legs. Within one, workers train some of the candidates each and never wait for one another; between two,
candidates are compared (`racing.py`), the survivors are dealt anew, and episodes begin afresh.

References: Schulman et al. 2017, arXiv:1707.06347 (PPO); 2016, arXiv:1506.02438 (GAE).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Checkpoints, Progress, Saved, SimulatorFactory, Trainee, Watcher
from rewardsmith.learn import checkpoint, kinds
from rewardsmith.learn.checkpoint import Standing
from rewardsmith.learn.crew import Crew, Here, Job, Stretch, dealt, torch_threads
from rewardsmith.learn.policy import Shape
from rewardsmith.learn.racing import dropped, stopped
from rewardsmith.learn.training import Seeds, Training
from rewardsmith.readings import Readings
from rewardsmith.seeds import spawn
from rewardsmith.types import Rejected, Spend, Task, Trained

Outcome = tuple[Trained | Rejected, Spend]

EPISODES = 4  # episodes a leg is long at least, so that racing has something to compare
SAVING = 0.02  # of the time may go into saving


class PopulationPPO:
    """The learner: trains any number of rewards at once, by a crew of this machine unless given another.

    Where there is a place for `checkpoints`, a training that was stopped goes on from the last.
    """

    def __init__(
        self,
        settings: TrainSettings,
        simulator: SimulatorFactory,
        *,
        crew: Crew | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        kinds.check(settings)
        self._settings = settings
        self._simulator = simulator
        self._crew = crew or Here(simulator)
        self._checkpoints = checkpoints

    def train(
        self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher, race: bool = True
    ) -> list[Outcome]:
        """Train one policy a trainee; a reward or policy that stops being finite is a `Rejected` that says where.

        Without `race` everybody gets the whole budget, whatever becomes of it.
        """
        if not trainees:
            return []
        with torch_threads(self._settings.threads):
            shape = look(task, self._settings, self._simulator)
            session = _Session(trainees, task, self._settings, self._crew, shape=shape, seed=seed, race=race)
            return session.run(watch, self._place(trainees, task, seed=seed, race=race))

    def _place(self, trainees: Sequence[Trainee], task: Task, *, seed: int, race: bool) -> Place | None:
        if self._checkpoints is None:
            return None
        key = checkpoint.key_of(trainees, task, self._settings, seed=seed, race=race)
        return Place(self._checkpoints, key, every_s=60 * self._settings.checkpoint_minutes)


def look(task: Task, s: TrainSettings, simulator: SimulatorFactory) -> Shape:
    """How wide observations and actions are, from one environment."""
    readings = Readings(task)
    sim = simulator(task, env_seeds=[0], info_fields=readings.info_fields, threads=1)
    try:
        return Shape(
            obs_dim=readings.policy_obs(sim.reset()).shape[1],
            action_dim=len(sim.action_low),
            hidden=s.hidden,
            activation=s.activation,
            init_log_std=s.init_log_std,
        )
    finally:
        sim.close()


class _Session:
    """One training of one population, from first weights to policies."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        task: Task,
        settings: TrainSettings,
        crew: Crew,
        *,
        shape: Shape,
        seed: int,
        race: bool,
    ) -> None:
        self._job = Job(task=task, settings=settings, shape=shape)
        self._settings, self._crew = settings, crew
        self._race = race and settings.race.enabled
        self._trainings = [_begun(t, shape, settings, seed=seed) for t in trainees]
        self._rollouts = kinds.rollouts(settings)
        self._started, self._done = time.monotonic(), 0

    def run(self, watch: Watcher, place: Place | None) -> list[Outcome]:
        def tell(done: int) -> None:
            self._done += done
            watch(self._progress())

        position = self._taken_up(place) if place else 0
        for legs in self._turns(apart=place is not None):
            going = [t for t in self._trainings if t.going]
            if not going:
                break
            if legs[-1].last <= position:
                continue
            self._crew.train(going, legs, self._job, tell)
            if self._race and legs[-1].last < self._rollouts and not legs[-1].goes_on:
                self._compare(legs_left=sum(end > legs[-1].last for end in self._ends()))
            self._let_go(legs[-1].last)
            if place:
                self._keep(place, legs[-1].last)
        return self._outcomes()

    def _taken_up(self, place: Place) -> int:
        """Go on from what is kept of this very training, if anything; after how many rollouts that is."""
        found = place.load()
        known = found and checkpoint.standings(found, ids=[t.trainee.id for t in self._trainings])
        if not found or not known or not self._fit(known, found.position):
            return 0
        for training in self._trainings:
            training.go_on_from(known[training.trainee.id])
        self._done = sum(t.env_steps for t in self._trainings) // self._batch
        self._started -= checkpoint.seconds_of(found)
        return found.position

    def _fit(self, known: Mapping[str, Standing], position: int) -> bool:
        """Whether all that train on after `position` rollouts can."""
        left = [(known[t.trainee.id], t.state) for t in self._trainings if position < self._rollouts]
        return 0 < position <= self._rollouts and all(
            s.fault or s.stop or kinds.fits(s.state, fresh, self._settings, rollouts=position) for s, fresh in left
        )

    def _let_go(self, position: int) -> None:
        """Forget what those have learned with who train no further: most of a checkpoint, and of SAC's memory."""
        for training in self._trainings:
            if position == self._rollouts or not training.going:
                training.state = {}

    def _keep(self, place: Place, position: int) -> None:
        """Save how everybody stands, where that is due; always once nobody trains any further."""
        done = position == self._rollouts or not any(t.going for t in self._trainings)
        if done or place.due():
            each = {t.trainee.id: t.standing() for t in self._trainings}
            seconds = time.monotonic() - self._started
            place.save(checkpoint.saved(each, position=position, seconds=seconds, done=done))

    @property
    def _batch(self) -> int:
        """Env steps of one candidate's rollout."""
        return self._settings.num_envs * self._settings.rollout_steps

    def _turns(self, *, apart: bool) -> Iterator[list[Stretch]]:
        """What the crew is given at a time: a leg, or a part of one, in a race and where parts are kept `apart`.

        Else it is given all legs at once.
        """
        ends = self._ends()
        most = max(self._least, self._settings.resume_steps // self._batch)
        parts = [part for first, last in pairwise([0, *ends]) for part in _parted(first, last, most)]
        legs = [Stretch(index=i, first=a, last=b, goes_on=b not in ends) for i, (a, b) in enumerate(parts)]
        yield from [[leg] for leg in legs] if self._race or apart else [legs]

    @property
    def _least(self) -> int:
        """Rollouts that a leg is long at least, and so is a part of one."""
        return -(-EPISODES * self._job.task.episode_steps // self._settings.rollout_steps)

    def _ends(self) -> list[int]:
        """After how many rollouts each leg is over."""
        count = max(1, min(self._settings.legs, self._rollouts // self._least))
        return [round(self._rollouts * i / count) for i in range(1, count + 1)]

    def _compare(self, *, legs_left: int) -> None:
        """Stop whom the race stops: of a candidate that trains on several seeds all or none, for its median counts."""
        for training in self._trainings:
            if training.going:
                training.stop = stopped(training.legs, self._settings.race)
        field = {t.trainee.id: t.legs for t in self._trainings if t.going}
        behind = dropped(field, self._settings.race, began=len(self._trainings), legs_left=legs_left)
        ahead = {_candidate(t) for t in self._trainings if (t.going and t.trainee.id not in behind) or _solved(t)}
        for training in self._trainings:
            if _candidate(training) not in ahead:
                training.stop = training.stop or behind.get(training.trainee.id)

    def _progress(self) -> Progress:
        """How far along: what has been stopped counts as done."""
        total = self._rollouts
        over = sum(total - t.env_steps // self._batch for t in self._trainings if not t.going)
        speed = self._done * self._batch / max(time.monotonic() - self._started, 1e-9)
        return Progress(
            generation=-1,
            stage="train",
            fraction=min(1.0, (self._done + over) / (total * len(self._trainings))),
            states={t.trainee.id: t.status() for t in self._trainings},
            env_steps_per_s=speed,
        )

    def _outcomes(self) -> list[Outcome]:
        """What became of each, in order; the seconds are shared out by env steps."""
        each = (time.monotonic() - self._started) / max(1, sum(t.env_steps for t in self._trainings))
        return [
            (t.outcome(seconds=each * t.env_steps), Spend(env_steps=t.env_steps, seconds=each * t.env_steps))
            for t in self._trainings
        ]


def _candidate(training: Training) -> str:
    """What trainings of one candidate have in common."""
    verified = training.trainee.verified
    return verified.graph.sha256 if verified else training.trainee.id


def _solved(training: Training) -> bool:
    return training.stop is not None and training.stop.kind == "solved"


def _begun(trainee: Trainee, shape: Shape, settings: TrainSettings, *, seed: int) -> Training:
    """A training with first weights, by the trainee's own seed or else by `seed`."""
    for_envs, for_weights, for_draws = spawn(seed if trainee.seed is None else trainee.seed, 3)
    state = kinds.fresh(shape, settings, seed=for_weights, start=trainee.start)
    return Training(trainee, state, settings, seeds=Seeds(envs=for_envs, draws=for_draws))


class Place:
    """Where one training is kept, and when it was last.

    That is `every_s` seconds apart, and further apart where saving takes long; 0: whenever it can be.
    """

    def __init__(self, checkpoints: Checkpoints, key: str, *, every_s: float) -> None:
        self._checkpoints, self._key, self._every_s = checkpoints, key, every_s
        self._last, self._took_s = time.monotonic(), 0.0

    def load(self) -> Saved | None:
        return self._checkpoints.load(self._key)

    def due(self) -> bool:
        apart_s = max(self._every_s, self._took_s / SAVING) if self._every_s else 0.0
        return time.monotonic() - self._last >= apart_s

    def save(self, saved: Saved) -> None:
        began = time.monotonic()
        self._checkpoints.save(self._key, saved)
        self._last = time.monotonic()
        self._took_s = self._last - began


def _parted(first: int, last: int, most: int) -> list[tuple[int, int]]:
    """The rollouts of a leg in parts of nearly equal length, none longer than `most`."""
    return [(first + a, first + b) for a, b in dealt(last - first, -(-(last - first) // most))]
