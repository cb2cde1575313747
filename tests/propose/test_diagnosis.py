"""Reading curves by rule."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rewardsmith.propose.diagnosis import Diagnosis, correlation, diagnose
from rewardsmith.propose.rendering import read, render
from rewardsmith.propose.terms import Genome, Term
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    EnvSpec,
    Measure,
    Outcome,
    Policy,
    References,
    Rejected,
    Signal,
    Task,
    Trained,
)

TASK = Task(
    name="made_up",
    goal="Run.",
    env=EnvSpec(backend="envpool", id="MadeUp-v1"),
    signals=(Signal(name="x", shape=(), unit="m", doc="", source="obs[0]"),),
    fitness=Measure(source="x", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.05,
)
NEAR = Term(kind="near", signals=("x",), weight=2.0)
LINEAR = Term(kind="linear", signals=("x",), weight=1.0)
UP = (1.0, 2.0, 3.0, 4.0, 5.0)


def trained(**curves: tuple[float, ...]) -> Trained:
    lines = tuple(
        Curve(name=k.replace("c__", "component/"), env_steps=tuple(range(len(v))), values=v) for k, v in curves.items()
    )
    return Trained(verified=None, policy=Policy(tensors={}), curves=lines, env_steps=1, seconds=1.0)


def diagnosis(outcome: Outcome, *terms: Term) -> Diagnosis:
    candidate = Candidate(id="g001-00", code="", sha256="", origin="offline", model="offline")
    return diagnose(Attempt(candidate=candidate, outcome=outcome), Genome(terms=terms), TASK)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ((0.01, 0.02, 0.01, 0.02, 0.03), "faded"),  # 0.03 of 2.0 is 1.5%
        ((1.97, 1.98, 1.99, 1.97, 1.98), "saturated"),
        ((1.0, 1.0, 1.0, 1.0, 1.0), "constant"),
        (UP[::-1], "opposes"),
        (UP, None),
    ],
)
def test_one_fault_a_component_is_found(values: tuple[float, ...], fault: str | None) -> None:
    found = diagnosis(trained(fitness=UP, c__near_x=values), NEAR).findings
    assert [f.fault for f in found] == ([fault] if fault else [])


def test_a_component_whose_weight_a_refit_turned_round_is_found_under_its_old_name() -> None:
    code = render(Genome(terms=(LINEAR, NEAR)), TASK).replace("more_x_weight = 1.0", "more_x_weight = -0.3")
    genome = read(code, TASK)
    assert genome is not None
    candidate = Candidate(id="g001-00", code=code, sha256="", origin="refit", model="")
    curves = trained(fitness=UP, c__more_x=tuple(-0.3 * v for v in UP), c__near_x=UP)
    [found] = diagnose(Attempt(candidate=candidate, outcome=curves), genome, TASK).findings
    assert (found.key, found.fault) == (LINEAR.key, "opposes")
    assert "'more_x'" in found.seen


def test_a_component_without_weight_stands_still() -> None:
    [found] = diagnosis(trained(fitness=UP, c__near_x=(0.0,) * 5), replace(NEAR, weight=0.0)).findings
    assert found.fault == "constant"


def test_a_component_that_drowns_the_others_is_found() -> None:
    found = diagnosis(trained(fitness=UP, c__near_x=(0.1, 0.12, 0.13, 0.14, 0.15), c__more_x=UP), NEAR, LINEAR).findings
    assert [(f.key, f.fault) for f in found] == [(LINEAR.key, "dominates")]


def test_a_cost_that_grows_with_fitness_is_no_fault() -> None:
    cost = Term(kind="effort", signals=("x",), weight=-1.0)
    assert diagnosis(trained(fitness=UP, c__effort_x=tuple(-v for v in UP)), cost).findings == ()


def test_an_attempt_without_training_has_no_findings() -> None:
    assert diagnosis(Rejected(stage="probe", reason="", hint=""), NEAR) == Diagnosis()


def test_fitness_may_have_fewer_points_than_a_component() -> None:
    attempt = trained(fitness=UP)
    finer = Curve(
        name="component/near_x",
        env_steps=tuple(range(10)),
        values=tuple(v for x in UP for v in (1.5 - 0.2 * x, 1.6 - 0.2 * x)),
    )
    fitness = replace(attempt.curves[0], env_steps=(1, 3, 5, 7, 9))
    [finding] = diagnosis(replace(attempt, curves=(fitness, finer)), NEAR).findings
    assert finding.fault == "opposes"


def test_missing_and_unfinite_curves_say_nothing() -> None:
    assert diagnosis(trained(fitness=UP), NEAR).findings == ()
    assert diagnosis(trained(fitness=UP, c__near_x=(math.nan, *UP[1:])), NEAR).findings == ()


@pytest.mark.parametrize(("fitness", "flat"), [(UP, False), (UP[::-1], True), ((1.0,) * 5, True), ((1.0, 2.0), False)])
def test_fitness_is_flat_where_it_did_not_rise(fitness: tuple[float, ...], flat: bool) -> None:
    assert diagnosis(trained(fitness=fitness), NEAR).fitness_flat is flat


def test_ending_early_is_no_fault_where_the_task_is_solved() -> None:
    assert diagnosis(trained(episode_length=(90.0, 40.0)), NEAR).ends_early
    assert not diagnosis(trained(episode_length=(90.0, 40.0), success=(0.0, 0.9)), NEAR).ends_early
    assert not diagnosis(trained(episode_length=(90.0, 60.0)), NEAR).ends_early


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(UP, UP, 1.0), (UP, UP[::-1], -1.0), (UP, (1.0,) * 5, None), (UP[:4], UP[:4], None), (UP, UP[:4], None)],
)
def test_correlation_is_none_where_it_is_not_defined(
    first: tuple[float, ...], second: tuple[float, ...], expected: float | None
) -> None:
    assert correlation(first, second) == (None if expected is None else pytest.approx(expected))
