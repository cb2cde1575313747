"""What is measured after the last generation: the finalists on fresh seeds, and in worlds that differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rewardsmith import sim
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError, LimitReached
from rewardsmith.evolve import evolve
from rewardsmith.finals import FACTORS, disturbed, finish
from rewardsmith.interfaces import Parts, Progress
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.opening import references
from rewardsmith.sim.point import point_task
from rewardsmith.types import (
    Attempt,
    Disturbance,
    Final,
    Generation,
    Judged,
    Mark,
    Policy,
    ReferenceResult,
    Rejected,
    Score,
    Task,
)

MakeParts = Callable[..., Parts]
TASK = point_task(episode_steps=10)
WHO = {"who": "ada", "when": "2026-01-01T00:00:00Z"}


@pytest.fixture
def unbroken(parts: MakeParts, config: EvolveConfig) -> list[Generation]:
    """A finished run of four judged candidates or so."""
    return list(evolve(TASK, parts(), config))


def trained_references(task: Task, config: EvolveConfig) -> tuple[ReferenceResult, ...]:
    return references(task, PopulationPPO(config.train, sim.make), sim.make, config, watch=lambda _: None)


def _finished(history: list[Generation], parts: Parts, config: EvolveConfig) -> Final:
    final = finish(TASK, parts, config, history)
    assert isinstance(final, Final)
    return final


# --- on fresh seeds -------------------------------------------------------------------------------------------------


def test_the_winner_is_measured_again_on_episodes_that_nobody_selected_on(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    final = finish(TASK, parts(), config, unbroken)
    assert isinstance(final, Final)
    judged = {a.id: a for g in unbroken for a in g.attempts if isinstance(a.outcome, Judged)}
    winner = judged[final.winner]
    assert winner.fitness == max(a.fitness for a in judged.values() if a.fitness is not None)
    assert len(final.score.episodes) == config.judge.final_episodes
    for attempt in judged.values():
        assert isinstance(attempt.outcome, Judged)
        assert not set(final.score.episodes) & set(attempt.outcome.score.episodes)
    assert (final.references, final.human_normalised, final.human_normalised_note) == ((), None, "")


def test_the_final_score_is_set_beside_the_references(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    measured = trained_references(TASK, config)
    final = finish(TASK, parts(), config, unbroken, measured)
    assert isinstance(final, Final)
    assert {name for name, _ in final.references} == {"expert", "sparse"}
    assert (final.human_normalised is None) == bool(final.human_normalised_note)


def test_a_pinned_attempt_wins_the_run(unbroken: list[Generation], parts: MakeParts, config: EvolveConfig) -> None:
    judged = [a for g in unbroken for a in g.attempts if isinstance(a.outcome, Judged)]
    worst = min(judged, key=lambda a: a.fitness or 0.0)
    said = Generation(index=5, chain=1, attempts=(), people=(Mark(kind="pin", on=worst.id, **WHO),))
    final = finish(TASK, parts(), config, [*unbroken, said])
    assert isinstance(final, Final)
    assert final.winner == worst.id


def test_who_was_vetoed_after_the_last_generation_does_not_win(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    best = _finished(unbroken, parts(), config).winner
    said = {len(unbroken): (Mark(kind="veto", on=best, **WHO),)}
    final = _finished(unbroken, parts(said=said), config)
    assert best not in {m.id for m in final.finalists}


def test_a_winner_that_breaks_on_fresh_seeds_is_told_from_a_run_without_one(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    """A policy whose weights are not finite sends the point nowhere: there is a winner, and it has no fitness."""

    def broken(attempt: Attempt) -> Attempt:
        if not isinstance(attempt.outcome, Judged):
            return attempt
        trained = attempt.outcome.trained
        weights = {n: t * float("nan") if t.is_floating_point() else t for n, t in trained.policy.tensors.items()}
        return replace(
            attempt, outcome=replace(attempt.outcome, trained=replace(trained, policy=Policy(tensors=weights)))
        )

    history = [replace(g, attempts=tuple(broken(a) for a in g.attempts)) for g in unbroken]
    final = finish(TASK, parts(), config, history)
    assert isinstance(final, Rejected)
    assert "not finite" in final.reason
    assert finish(TASK, parts(), config, []) is None


def test_finishing_twice_gives_the_same(unbroken: list[Generation], parts: MakeParts, config: EvolveConfig) -> None:
    assert finish(TASK, parts(), config, unbroken) == finish(TASK, parts(), config, unbroken)


def test_a_watcher_hears_of_finals_and_of_no_generation_that_is_judged(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    seen: list[Progress] = []
    _finished(unbroken[:2], parts(watch=seen.append), config)  # as where a limit ended the run
    assert {(p.generation, p.stage) for p in seen} == {(2, "finals")}


# --- in worlds that differ ------------------------------------------------------------------------------------------


def test_the_finalists_are_the_best_and_the_winner_comes_first(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    final = _finished(unbroken, parts(), config)
    judged = sorted((a for g in unbroken for a in g.attempts if a.fitness is not None), key=lambda a: -(a.fitness or 0))
    assert [m.id for m in final.finalists] == [a.id for a in judged[: config.judge.finalists]]
    assert final.finalists[0].id == final.winner
    assert final.finalists[0].score == final.score


def test_what_the_simulator_cannot_change_is_said_and_not_measured(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    """The point has no masses; a longer horizon is the task's own."""
    final = _finished(unbroken, replace(parts(), refuses=sim.refuses), config)
    found = {p.disturbance.kind: p for p in final.probes}
    assert list(found) == list(config.judge.probes)
    assert found["mass"].refused == "The simulator 'point' offers no disturbances."
    assert found["mass"].scores == ()
    assert found["horizon"].refused == ""
    assert [m.id for m in found["horizon"].scores] == [m.id for m in final.finalists]
    for measured in found["horizon"].scores:
        assert isinstance(measured.score, Score)
        assert measured.score.mean_length == 20.0
        assert len(measured.score.episodes) == config.judge.episodes
    unknown = _finished(unbroken, parts(), config).probes
    assert all(p.refused for p in unknown if p.disturbance.kind != "horizon")


def test_a_world_that_can_be_made_is_made(unbroken: list[Generation], parts: MakeParts, config: EvolveConfig) -> None:
    """A simulator that takes any disturbance hears of each; without probes it hears of none."""
    heard: list[Disturbance | None] = []

    def make(task: Task, **more: object) -> object:
        heard.append(task.env.disturbance)
        return sim.make(replace(task, env=replace(task.env, disturbance=None)), **more)  # type: ignore[arg-type]

    able = replace(parts(), simulator=make, refuses=lambda _: None)  # type: ignore[arg-type]
    final = _finished(unbroken, able, config)
    asked = [None if d is None else d.kind for d in heard]
    assert asked == [None, "reset_noise", "mass", "friction", None]
    assert all(len(p.scores) == len(final.finalists) for p in final.probes)
    heard.clear()
    none = config.model_copy(update={"judge": config.judge.model_copy(update={"probes": ()})})
    assert _finished(unbroken, able, none).probes == ()
    assert heard == [None]


@pytest.mark.parametrize("fails", ["asked", "made"])
def test_a_world_that_fails_is_refused_with_its_reason_and_the_others_are_measured(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig, fails: str
) -> None:
    def fail(stage: str, task: Task) -> None:
        if stage == fails and task.env.disturbance is not None and task.env.disturbance.kind == "mass":
            raise ConfigError("'Mine-v0' cannot be stepped: it fell apart.")

    def make(task: Task, **more: object) -> object:
        fail("made", task)
        return sim.make(replace(task, env=replace(task.env, disturbance=None)), **more)  # type: ignore[arg-type]

    able = replace(parts(), simulator=make, refuses=lambda task: fail("asked", task))  # type: ignore[arg-type]
    found = {p.disturbance.kind: p for p in _finished(unbroken, able, config).probes}
    assert list(found) == list(config.judge.probes)
    assert (found["mass"].refused, found["mass"].scores) == ("'Mine-v0' cannot be stepped: it fell apart.", ())
    assert all(p.scores and not p.refused for kind, p in found.items() if kind != "mass")


def test_a_limit_that_is_reached_in_a_disturbed_world_is_no_refusal(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    def asked(task: Task) -> str | None:  # noqa: ARG001 - none of them can be asked
        raise LimitReached

    with pytest.raises(LimitReached):
        finish(TASK, replace(parts(), refuses=asked), config, unbroken)


def test_a_longer_horizon_changes_the_task_and_not_its_world() -> None:
    longer = disturbed(TASK, Disturbance(kind="horizon", factor=FACTORS["horizon"]))
    assert (longer.episode_steps, longer.env) == (20, TASK.env)
    heavier = disturbed(TASK, Disturbance(kind="mass", factor=1.3))
    assert heavier.episode_steps == 10
    assert heavier.env.disturbance == Disturbance(kind="mass", factor=1.3)
