"""The finalists in other worlds: what was measured, what could not be, and who fits one world alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rewardsmith.report import summary
from rewardsmith.report.probes import ahead, broken, probe_table, refusals
from rewardsmith.store import Run
from rewardsmith.types import Attempt, Disturbance, Final, Generation, Judged, Measured, Probe, Rejected, Score

BROKEN = Rejected(stage="judge", reason="The fitness of 1 of 4 episodes is not finite.", hint="")
MASS = Disturbance(kind="mass", factor=1.3)
Scores = Callable[..., Score]


@pytest.fixture
def final(score: Scores) -> Final:
    """The winner at 8, a second at 7; heavier bodies cost the winner 5, and friction cannot be changed."""
    fell = replace(score(3.0), episodes=(0.5, 4.0, 4.0, 3.5))
    return Final(
        winner="g002-00",
        score=score(8.0),
        finalists=(Measured(id="g002-00", score=score(8.0)), Measured(id="g001-01", score=score(7.0))),
        probes=(
            Probe(
                disturbance=MASS,
                scores=(Measured(id="g002-00", score=fell), Measured(id="g001-01", score=BROKEN)),
            ),
            Probe(disturbance=Disturbance(kind="friction", factor=0.6), refused="This simulator cannot."),
            Probe(
                disturbance=Disturbance(kind="horizon", factor=2.0),
                scores=(Measured(id="g002-00", score=score(1.0)), Measured(id="g001-01", score=score(14.0))),
            ),
        ),
    )


def test_each_world_is_a_row_and_each_finalist_a_column(final: Final) -> None:
    table = probe_table(final)
    assert table is not None
    assert table.heading == ("world", "g002-00", "g001-01")
    assert table.rows == [
        ("as it is", "8 ± 0.25; 8", "7 ± 0.25; 7"),
        ("every mass times 1.3", "3 ± 0.25; 0.5", "not finite"),
        ("episodes 2 times as long", "1 ± 0.25; 1", "14 ± 0.25; 14"),
    ]


def test_the_world_as_it_is_is_told_over_the_seeds_that_the_others_were_played_on(final: Final, score: Scores) -> None:
    """Of more episodes the worst is worse, in any world."""
    more = replace(score(5.0), episodes=(6.0, 8.0, 6.0, 8.0, -9.0))
    table = probe_table(replace(final, finalists=(Measured(id="g002-00", score=more), final.finalists[1])))
    assert table is not None
    # the first four: mean 7, deviation sqrt(4/3), t 3.182 of 3 degrees of freedom: 3.182 * 1.1547 / 2 = 1.837
    assert table.rows[0] == ("as it is", "7 ± 1.837; 6", "7 ± 0.25; 7")


def test_a_finalist_that_did_better_than_the_winner_is_named(final: Final, score: Scores) -> None:
    assert ahead(final) == []
    better = replace(final, finalists=(final.finalists[0], Measured(id="g001-01", score=score(8.5))))
    assert ahead(better) == [
        "g001-01 did better than the winner on these seeds, which it was not chosen by: 8.5 ± 0.25 against 8 ± 0.25."
    ]
    assert ahead(replace(final, finalists=(final.finalists[0], Measured(id="g001-01", score=BROKEN)))) == []


def test_what_was_not_tried_is_said_with_its_reason(final: Final) -> None:
    assert refusals(final) == ["Not tried: every friction times 0.6. This simulator cannot."]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (3.0, ["g002-00 falls from 8 to 3 with every mass times 1.3: it fits one world closely."]),
        (7.6, []),  # 7.6 + 0.25 reaches 8 - 0.25
        (9.0, []),
        (None, ["g002-00 breaks the simulation with every mass times 1.3."]),
    ],
)
def test_a_winner_that_does_clearly_worse_elsewhere_is_told(
    score: Scores, there: float | None, said: list[str]
) -> None:
    measured = Measured(id="g002-00", score=BROKEN if there is None else score(there))
    probes = (Probe(disturbance=MASS, scores=(measured,)),)
    assert broken(Final(winner="g002-00", score=score(8.0), probes=probes)) == said


def test_the_summary_tells_of_other_worlds_and_of_none_where_none_was_tried(
    empty_run: Run, final: Final, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    attempts = (attempt("g001-01", judged(7.0)), attempt("g002-00", judged(8.0)))
    empty_run.add_generation(Generation(index=1, chain=0, attempts=attempts))
    assert "## Other worlds" not in summary(empty_run)
    empty_run.set_final(final)
    told = summary(empty_run)
    assert "| every mass times 1.3 | 3 ± 0.25; 0.5 | not finite |" in told
    assert "- Not tried: every friction times 0.6." in told
    assert empty_run.final() == final
