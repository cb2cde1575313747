"""Who was paid without doing the task is named, who was not is left in peace, and persons hear what was hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from rewardsmith.graph import RewardGraph
from rewardsmith.report import summary
from rewardsmith.report.hacking import VERDICTS, Looked, hacking, hacking_page, hidden_words, look
from rewardsmith.store import Run
from rewardsmith.types import Attempt, Curve, Generation, Judged, Measure, Task, Trajectory, Verified

SPEED = (
    '{"version":1,"inputs":["speed"],"unused":[],"constants":[],"nodes":[],'
    '"total":{"t":0},"components":[["speed",{"t":0}]]}'
)
"""A reward that pays the speed."""
STEPS = 20


def _episode(source: str, speed: float, fitness: float, *, together: float) -> Trajectory:
    """A wavering speed; each step's fitness goes along with it (`together` 1), against it (-1) or neither (0)."""
    wave = torch.sin(torch.arange(STEPS + 1.0) + speed)
    other = torch.cos(torch.arange(STEPS + 1.0) + speed)
    along = together * wave + (1 - abs(together)) * other
    return Trajectory(
        source=source,
        signals={"speed": speed + wave},
        actions=torch.zeros(STEPS, 1),
        fitness_steps=fitness + along[1:],
        expert=None,
        fitness=fitness,
        success=None,
        terminated=False,
    )


def _random(together: float) -> list[Trajectory]:
    return [_episode("random", 0.1 * i, 0.1 * i, together=together) for i in range(10)]


@pytest.fixture
def paid(judged: Callable[..., Judged]) -> Callable[..., Judged]:
    """A judged candidate that pays the speed, with two episodes of its own policy."""

    def build(
        speed: float, fitness: float, *, name: str = "g001-00", together: float = 1.0, hidden: float | None = None
    ) -> Judged:
        plain = judged(fitness)
        graph = RewardGraph.from_json(SPEED, signals={"speed": ()})
        return replace(
            plain,
            trained=replace(plain.trained, verified=Verified(graph=graph)),
            score=replace(plain.score, hidden=() if hidden is None else (hidden,) * 4),
            trajectories=tuple(_episode(name, speed + i / 10, fitness + i / 10, together=together) for i in range(2)),
        )

    return build


Paid = Callable[..., Judged]
Build = Callable[..., Attempt]
TASK_FITNESS = Measure(source="speed", reduce="mean", unit="m/s")


def test_correlations_are_over_the_steps_of_random_actions_and_of_its_own_policy(
    paid: Paid, attempt: Build, empty_run: Run
) -> None:
    """Fitness goes with the reward under random actions (1) and against it under the trained policy (-1)."""
    found = look(attempt("g001-00", paid(5.0, 5.0, together=-1.0)), empty_run.task, _random(1.0))
    assert found.random == pytest.approx(1.0, abs=0.05)
    assert found.own == pytest.approx(-1.0, abs=0.05)
    assert found.ranking == pytest.approx(1.0)  # whole episodes rank alike all the same


def test_for_a_fitness_read_at_the_end_a_step_counts_by_how_it_moved_it(
    paid: Paid, attempt: Build, empty_run: Run
) -> None:
    """Of a position, the change over a step is what a speed pays for; the position itself is not."""
    task = replace(empty_run.task, fitness=replace(TASK_FITNESS, reduce="final"))
    judged = paid(5.0, 5.0)
    moved = [replace(t, fitness_steps=t.signals["speed"][1:].cumsum(0)) for t in judged.trajectories]
    found = look(attempt("g001-00", replace(judged, trajectories=tuple(moved))), task, [])
    assert found.own == pytest.approx(1.0, abs=1e-4)


def test_a_policy_that_earns_much_and_does_nothing_is_named(paid: Paid, attempt: Build, empty_run: Run) -> None:
    found = look(attempt("g001-00", paid(9.0, 0.2)), empty_run.task, _random(1.0))
    assert [kind for kind, _ in found.alarms] == ["earns_without_fitness", "prefers_worse"]
    assert found.verdict == "; ".join(VERDICTS[kind] for kind, _ in found.alarms)


def test_a_policy_that_earns_and_does_the_task_is_left_in_peace(paid: Paid, attempt: Build, empty_run: Run) -> None:
    found = look(attempt("g001-00", paid(9.0, 9.0)), empty_run.task, _random(1.0))
    assert (found.alarms, found.verdict) == ((), "nothing found")


def test_a_reward_that_rose_while_fitness_fell_is_named(paid: Paid, attempt: Build, empty_run: Run) -> None:
    judged = paid(9.0, 9.0)
    steps, rising = tuple(range(12)), tuple(map(float, range(12)))
    falling = (0.0, 2.0, 4.0, 6.0, 8.0, 9.0, 9.0, 7.0, 5.0, 3.0, 2.0, 1.0)
    curves = (
        Curve(name="reward", env_steps=steps, values=rising),
        Curve(name="fitness", env_steps=steps, values=falling),
    )
    found = look(
        attempt("g001-00", replace(judged, trained=replace(judged.trained, curves=curves))), empty_run.task, []
    )
    assert [kind for kind, _ in found.alarms] == ["rose_while_fitness_fell"]


def test_without_episodes_of_its_own_nothing_is_claimed(
    judged: Callable[..., Judged], attempt: Build, run: Run
) -> None:
    found = look(attempt("g001-00", judged(1.0)), run.task, _random(1.0))
    assert (found.random, found.own, found.ranking) == (None, None, None)
    assert found.verdict == "cannot be told: none of its episodes was kept"


# --- of a run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def hacked(empty_run: Run, paid: Paid, attempt: Build) -> Run:
    """A run of two rewards: the first does the task, the second is paid for something else."""
    empty_run.set_start_trajectories(_random(1.0))
    attempts = (attempt("g001-00", paid(4.0, 4.0)), attempt("g001-01", paid(9.0, 0.2, name="g001-01")))
    empty_run.add_generation(Generation(index=1, chain=0, attempts=attempts))
    return empty_run


def test_the_summary_names_who_was_paid_without_the_task_and_how_the_leader_stands(hacked: Run) -> None:
    lines = hacking(hacked)
    assert [line.split(":")[0] for line in lines] == ["g001-01", "g001-01", "g001-00, which leads"]
    assert lines[-1].endswith("Nothing found.")
    assert "## Hacking" in summary(hacked)


def test_the_page_has_a_row_a_candidate(hacked: Run) -> None:
    page = hacking_page(hacked)
    assert [line.split()[0] for line in page.splitlines()[:3]] == ["id", "g001-00", "g001-01"]
    assert VERDICTS["earns_without_fitness"] in page


def test_a_run_of_honest_rewards_says_so(empty_run: Run, paid: Paid, attempt: Build) -> None:
    empty_run.set_start_trajectories(_random(1.0))
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", paid(4.0, 4.0)),)))
    assert "No reward seems to be earned without doing the task." in hacking_page(empty_run)


def test_a_run_without_candidates_has_no_report(empty_run: Run) -> None:
    assert hacking(empty_run) == []
    assert hacking_page(empty_run) == "No candidate has been judged yet.\n"


def test_damaged_episodes_take_nothing_else_from_the_summary(hacked: Run) -> None:
    (hacked.folder / "trajectories/g001-00.safetensors").write_bytes(b"")
    with Run.open(hacked.folder, write=False) as reader:
        [line] = hacking(reader)
        assert line.startswith("It cannot be told whether a reward was hacked:")
        assert "## Candidates" in summary(reader)


# --- the hidden fitness ---------------------------------------------------------------------------------------------


def _with_hidden(task: Task) -> Task:
    hidden = Measure(source="0 - abs(speed)", reduce="sum", doc="distance for the energy it took")
    return replace(task, hidden_fitness=hidden)


def _looked(name: str, fitness: float, hidden: float | None) -> Looked:
    return Looked(id=name, fitness=fitness, hidden=hidden, random=None, own=None, ranking=None)


@pytest.mark.parametrize(
    ("hidden", "agreement", "best"),
    [
        ((1.0, 2.0, 3.0), "1.00", "c is the best by both."),
        ((3.0, 2.0, 1.0), "-1.00", "c is the best by what was shown (hidden 1), a by the hidden one (3)."),
        ((2.0, 2.0, 2.0), None, "a"),
        ((1.0, 3.0, 2.0), "0.33", "c is the best by what was shown (hidden 2), b by the hidden one (3)."),
    ],
)
def test_the_hidden_fitness_is_set_against_what_was_shown(
    run: Run, hidden: tuple[float, ...], agreement: str | None, best: str
) -> None:
    """Kendall's tau-b of three: (concordant - discordant) / 3 pairs."""
    found = [_looked(name, shown, h) for name, shown, h in zip("abc", (1.0, 2.0, 3.0), hidden, strict=True)]
    [line] = hidden_words(_with_hidden(run.task), found)
    assert line.startswith("Hidden fitness against shown (distance for the energy it took): agreement ")
    assert (f"agreement {agreement} (1:" if agreement else "agreement cannot be told") in line
    assert best in line


def test_a_task_without_a_hidden_fitness_says_nothing_of_it(run: Run) -> None:
    assert hidden_words(run.task, [_looked("a", 1.0, None)]) == []
    assert hidden_words(_with_hidden(run.task), [_looked("a", 1.0, None)]) == []
