"""Fits the numbers of a reward to episodes whose worth is known. See the package for what it is part of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from rewardsmith.codetext import Number, rounded
from rewardsmith.interfaces import Sandbox
from rewardsmith.refit import knobs, pairs
from rewardsmith.refit.knobs import Knob
from rewardsmith.refit.model import Model, Record
from rewardsmith.refit.pairs import Pairs
from rewardsmith.refit.temperatures import search
from rewardsmith.refit.variants import Numbers, Tracer, variants
from rewardsmith.refit.weights import loss, sureness
from rewardsmith.types import HumanInput, Task, Trajectory

MOST_EPISODES = 200
WORTH = 0.01  # nats of held-out loss that a refit must gain to be one
HARDLY = 0.02  # a number that moves by less keeps its spelling


class Settings(Protocol):
    """What is read of `config.RefitSettings`."""

    @property
    def returns(self) -> Literal["discounted", "mean"]: ...

    @property
    def ridge(self) -> float: ...

    @property
    def least_pairs(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A number of the code, before and after."""

    name: str
    before: Number
    after: Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How a reward ranks held-out pairs: the share ranked right (ties half), and its log-loss in nats."""

    accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Refitted:
    """The reward with other numbers, and what speaks for them: agreement with `held_out` pairs before and after."""

    code: str
    changes: tuple[Change, ...]
    before: Agreement
    after: Agreement
    fitted_to: int
    held_out: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Why the present numbers stay, in a sentence."""

    why: str


def refit(
    code: str,
    episodes: Sequence[Trajectory],
    people: Sequence[HumanInput],
    task: Task,
    sandbox: Sandbox,
    settings: Settings,
    *,
    gamma: float,
) -> Refitted | Kept:
    """`code` with the weights and temperatures that best tell better episodes from worse.

    Only numbers that rank held-out pairs no worse than the present ones, and with less doubt, are taken. `gamma` is the
    discount of returns where `settings.returns` is discounted.

    Raises: SandboxUnavailable: this machine cannot trace code.
    """
    found = knobs.find(code)
    known = pairs.fitting(episodes, most=MOST_EPISODES)
    fitted_to, held_out = pairs.split(known, people)
    if not found:
        return Kept(why="Its code holds no weight or temperature as a plain number.")
    if min(len(fitted_to), 2 * len(held_out)) < settings.least_pairs:
        return Kept(why=_too_few(len(known), len(fitted_to), len(held_out), settings.least_pairs))
    tracer = Tracer(sandbox, task)
    [present] = tracer.graphs([code])
    if present is None:
        return Kept(why="Its code does not pass verification.")
    inputs = (*present.inputs, *present.unused)
    record = Record(
        known,
        inputs,
        episode_steps=task.episode_steps,
        gamma=gamma if settings.returns == "discounted" else None,
    )
    return _Search(code, found, tracer, record, fitted_to, held_out, ridge=settings.ridge).outcome()


def _too_few(episodes: int, fitted_to: int, held_out: int, least: int) -> str:
    return (
        f"Of {episodes} known episodes {fitted_to} pairs to fit to and {held_out} to check with can be ranked; "
        f"expected at least {least} and {least // 2} (setting refit.least_pairs)."
    )


class _Search:
    """One refit: model the reward, search, and compare what was found with what there is."""

    def __init__(
        self,
        code: str,
        found: Sequence[Knob],
        tracer: Tracer,
        record: Record,
        fitted_to: Pairs,
        held_out: Pairs,
        *,
        ridge: float,
    ) -> None:
        self._code, self._knobs, self._tracer, self._record = code, found, tracer, record
        self._fitted_to, self._held_out, self._ridge = fitted_to, held_out, ridge

    def outcome(self) -> Refitted | Kept:
        numbers = self._numbers()
        if isinstance(numbers, Kept):
            return numbers
        code = knobs.set_to(self._code, self._knobs, numbers)
        before, after = (self._agreement(c) for c in (self._code, code))
        if before is None or after is None:
            return Kept(why="The reward is not finite on the known episodes.")
        if after.accuracy < before.accuracy or after.loss > before.loss - WORTH:
            return Kept(why=_no_better(before, after, len(self._held_out)))
        pairs_of = zip(self._knobs, numbers, strict=True)
        return Refitted(
            code=code,
            changes=tuple(Change(name=k.name, before=k.value, after=n) for k, n in pairs_of),
            before=before,
            after=after,
            fitted_to=len(self._fitted_to),
            held_out=len(self._held_out),
        )

    def _numbers(self) -> Numbers | Kept:
        try:
            model = Model(self._knobs, variants(self._code, self._knobs, self._tracer), self._record)
        except ValueError:
            return Kept(why="The reward is not finite on the known episodes.")
        best = search(model, self._fitted_to, ridge=self._ridge)
        if best is None or not best.factors:
            return Kept(why="None of its weights and temperatures changes what the known episodes are worth.")
        numbers = tuple(_moved(k.value, best.factors.get(i, 1.0)) for i, k in enumerate(self._knobs))
        if numbers == tuple(k.value for k in self._knobs):
            return Kept(why="The present numbers fit the known episodes best.")
        return numbers

    def _agreement(self, code: str) -> Agreement | None:
        """What the code itself, traced again, makes of the held-out pairs; its sureness is fitted, not its numbers."""
        returns = self._record.returns(self._tracer.graphs([code])[0])
        if returns is None:
            return None
        seen, unseen = (_untied(p.differences(returns), returns) for p in (self._fitted_to, self._held_out))
        sure = sureness(seen, self._fitted_to.p_first, ridge=self._ridge)
        p_first = self._held_out.p_first
        return Agreement(accuracy=pairs.accuracy(unseen, p_first), loss=loss(sure * unseen, p_first))


def _moved(value: Number, factor: float) -> Number:
    """The number times its factor as it will stand in the code; itself where that is nearly the same."""
    new = rounded(value * factor)
    return value if abs(new - value) <= HARDLY * abs(value) else new


def _untied(differences: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Differences that float32 sums cannot tell from nothing made nothing."""
    found: np.ndarray = np.where(np.abs(differences) <= 1e-7 * np.abs(returns).max(), 0.0, differences)
    return found


def _no_better(before: Agreement, after: Agreement, held_out: int) -> str:
    return (
        f"Other numbers rank {held_out} held-out pairs no better: {after.accuracy:.1%} right and a loss of "
        f"{after.loss:.3f}, against {before.accuracy:.1%} and {before.loss:.3f} as it stands."
    )
