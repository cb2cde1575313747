"""Which components the winner can do without: each is taken out, trained on several seeds, and judged.

The component whose removal leaves the highest fitness goes, if that is not below the 95% interval of the winner's own
mean over the same seeds; then the same is asked of what is left, always against the winner, so that losses too small to
see do not add up. Nothing here writes; see `report/simplified.py` for the words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rewardsmith import judge, train, verify
from rewardsmith.budget import Budget
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Learner, Sandbox, SimulatorFactory, Trainee, Watcher
from rewardsmith.play import random_states
from rewardsmith.readings import Readings
from rewardsmith.refit import Stuck, without
from rewardsmith.repeats import Streams, judged_by_seed
from rewardsmith.seeds import stream
from rewardsmith.types import Attempt, Candidate, Drafted, Judged, Rejected, Spend, Task, Verified

WINNER = "the winner itself"  # beside components by their names, so a name that none has

Fitness = tuple[float, ...]
"""Mean fitness by training seed."""
Verdict = Literal["dropped", "spare", "needed", "stuck"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A component taken out in a round. `fitness` is None where there is none: `why` says what was in the way.

    `dropped`: it went. `spare`: it could have gone, but another did better. `needed`: fitness falls without it.
    `stuck`: the code does not say plainly what belongs to it.
    """

    turn: int
    component: str
    verdict: Verdict
    fitness: Fitness | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simplified:
    """The winner's code before and after, its own fitness, and what was tried in order; `stopped` by which limit."""

    before: str
    after: str
    winner: Fitness
    tried: tuple[Tried, ...]
    spend: Spend
    stopped: str = ""

    @property
    def dropped(self) -> tuple[str, ...]:
        return tuple(t.component for t in self.tried if t.verdict == "dropped")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The parts of a run that verify, train and judge."""

    sandbox: Sandbox
    simulator: SimulatorFactory
    learner: Learner
    watch: Watcher


def simplify(code: str, task: Task, tools: Tools, config: EvolveConfig, *, budget: Budget) -> Simplified | Rejected:
    """The reward without the components it can do without, trained with the run's settings and without a race.

    A limit of `budget` that is reached ends it between rounds. `Rejected` where the reward itself gives no fitness.
    """
    return _Simplification(task, tools, config, budget).of(code)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Variant:
    code: str
    verified: Verified


class _Simplification:
    def __init__(self, task: Task, tools: Tools, config: EvolveConfig, budget: Budget) -> None:
        self._task, self._tools, self._config, self._budget = task, tools, config, budget
        self._states = random_states(task, tools.simulator, seed=stream(config.seed, 0, "probe"))
        self._spend = Spend()

    def of(self, code: str) -> Simplified | Rejected:
        [present] = self._verified({WINNER: code})
        if isinstance(present, Rejected):
            return present
        kept, left = _Variant(code=code, verified=present), present.graph.components
        tried: list[Tried] = []
        winner: Fitness = ()
        stopped, turn = self._budget.exceeded(), 1
        while len(left) > 1 and stopped is None:
            variants, stuck = self._variants(kept, left, turn=turn)
            tried += stuck
            if not variants:
                break
            measured = self._measured(variants if winner else {WINNER: kept, **variants})
            own = measured.pop(WINNER, winner)
            if isinstance(own, Rejected):
                return own
            winner = own
            judged = _verdicts(measured, winner, turn=turn)
            tried += judged
            gone = next((t.component for t in judged if t.verdict == "dropped"), None)
            if gone is None:
                break
            kept, left = variants[gone], tuple(c for c in left if c != gone)
            stopped, turn = self._budget.exceeded(), turn + 1
        return Simplified(
            before=code,
            after=kept.code,
            winner=winner,
            tried=tuple(tried),
            spend=self._spend,
            stopped=stopped or "",
        )

    def _variants(self, kept: _Variant, left: Sequence[str], *, turn: int) -> tuple[dict[str, _Variant], list[Tried]]:
        """The reward without each of its components, and why there is none without some."""
        cut = {c: without(kept.code, c) for c in left}
        codes = {c: found for c, found in cut.items() if isinstance(found, str)}
        why = {c: found.why for c, found in cut.items() if isinstance(found, Stuck)}
        variants: dict[str, _Variant] = {}
        for component, outcome in zip(codes, self._verified(codes), strict=True):
            if isinstance(outcome, Rejected):
                why[component] = f"without it the reward is rejected: {outcome.reason}"
            elif set(outcome.graph.components) != {*left} - {component}:
                why[component] = "taking it out takes others along"
            else:
                variants[component] = _Variant(code=codes[component], verified=outcome)
        return variants, [Tried(turn=turn, component=c, verdict="stuck", why=w) for c, w in why.items()]

    def _verified(self, codes: Mapping[str, str]) -> list[Verified | Rejected]:
        batch = [
            Attempt(
                candidate=Candidate(
                    id=name, code=code, sha256=hashlib.sha256(code.encode()).hexdigest(), origin="refit", model=""
                ),
                outcome=Drafted(),
            )
            for name, code in codes.items()
        ]
        checked = verify.gauntlet(batch, self._task, self._tools.sandbox, self._states)
        return [a.outcome for a in checked if isinstance(a.outcome, Verified | Rejected)]

    def _measured(self, variants: Mapping[str, _Variant]) -> dict[str, Fitness | Rejected]:
        """Each variant's mean fitness by seed; why it has none where one of its trainings failed."""
        by_seed = [self._trained_and_judged(variants, item) for item in range(self._config.judge.simplify_seeds)]
        return {name: _all_of([outcomes[name] for outcomes in by_seed]) for name in variants}

    def _trained_and_judged(self, variants: Mapping[str, _Variant], item: int) -> dict[str, Judged | Rejected]:
        """One population, one seed: the same environments, first weights and judged episodes for all."""
        readings = Readings(self._task)
        trainees = [
            Trainee(id=name, reward=train.graph_reward(v.verified.graph, readings), verified=v.verified)
            for name, v in variants.items()
        ]
        streams = Streams(
            train=stream(self._config.seed, item, "simplify", 0), judge=stream(self._config.seed, item, "simplify", 1)
        )
        tools, episodes = self._tools, self._config.judge.episodes
        [found] = judged_by_seed(
            trainees, {item: streams}, self._task, tools.learner, tools.simulator, episodes=episodes, watch=tools.watch
        ).values()
        self._charge([r.spend for r in found])
        return dict(zip(variants, (r.outcome for r in found), strict=True))

    def _charge(self, costs: Sequence[Spend]) -> None:
        cost = sum(costs, Spend())
        self._spend += cost
        nobody = Candidate(id=WINNER, code="", sha256="", origin="refit", model="")
        self._budget.charge([Attempt(candidate=nobody, outcome=Drafted(), spend=cost)])


def _all_of(outcomes: Sequence[Judged | Rejected]) -> Fitness | Rejected:
    failed = next((o for o in outcomes if isinstance(o, Rejected)), None)
    return failed or tuple(o.score.mean for o in outcomes if isinstance(o, Judged))


def _verdicts(measured: Mapping[str, Fitness | Rejected], winner: Fitness, *, turn: int) -> list[Tried]:
    """What each removal came to: the best one that is not below the winner's interval is dropped."""
    least = float(np.mean(winner)) - judge.mean_ci95(np.array(winner))
    able = {name: f for name, f in measured.items() if not isinstance(f, Rejected) and float(np.mean(f)) >= least}
    best = max(able, key=lambda name: float(np.mean(able[name])), default=None)
    return [
        Tried(turn=turn, component=name, verdict="needed", why=fitness.reason)
        if isinstance(fitness, Rejected)
        else Tried(turn=turn, component=name, verdict=_verdict(name, able, best), fitness=fitness)
        for name, fitness in measured.items()
    ]


def _verdict(name: str, able: Container[str], best: str | None) -> Verdict:
    if name == best:
        return "dropped"
    return "spare" if name in able else "needed"
