"""The human-normalised score: by hand, and when it is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rewardsmith.measures.normalised import human_normalised
from rewardsmith.types import Judged, Policy, ReferenceResult, Rejected, Score, Trained

REJECTED = Rejected(stage="train", reason="It diverged.", hint="")


def _scored(mean: float, ci95: float = 0.5) -> Score:
    return Score(episodes=(mean, mean), mean=mean, ci95=ci95, success_rate=None, success_ci95=None, mean_length=1.0)


def _references(expert: Score | Rejected | None, sparse: Score | Rejected | None) -> Sequence[ReferenceResult]:
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=0, seconds=0.0)
    found = []
    for name, score in (("expert", expert), ("sparse", sparse)):
        if score is not None:
            outcome = score if isinstance(score, Rejected) else Judged(trained=trained, score=score)
            found.append(ReferenceResult(name=name, outcome=outcome))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("ours", "expert", "sparse", "normalised"),
    [
        (8.0, 6.0, 2.0, 1.5),  # (8 - 2) / |6 - 2|
        (6.0, 6.0, 2.0, 1.0),
        (2.0, 6.0, 2.0, 0.0),
        (0.0, 6.0, 2.0, -0.5),
        (4.0, 2.0, 6.0, -0.5),  # the expert is the worse one: (4 - 6) / |2 - 6|
    ],
)
def test_human_normalised_worked_out_by_hand(ours: float, expert: float, sparse: float, normalised: float) -> None:
    assert human_normalised(_scored(ours), _references(_scored(expert), _scored(sparse))) == (normalised, "")


def test_human_normalised_is_refused_where_the_references_cannot_be_told_apart() -> None:
    # noise sqrt(3^2 + 4^2) = 5: a gap of 5 is within it, one of 5.1 is not
    close = _references(_scored(5.0, ci95=3.0), _scored(0.0, ci95=4.0))
    assert human_normalised(_scored(9.0), close) == (
        None,
        "Refused: expert and sparse differ by 5, within their noise of 5.",
    )
    assert human_normalised(_scored(10.2), _references(_scored(5.1, ci95=3.0), _scored(0.0, ci95=4.0))) == (
        pytest.approx(2.0),
        "",
    )


@pytest.mark.parametrize(
    ("expert", "sparse"), [(None, None), (_scored(1.0), None), (REJECTED, _scored(1.0)), (_scored(9.0), REJECTED)]
)
def test_human_normalised_needs_both_references(
    expert: Score | Rejected | None, sparse: Score | Rejected | None
) -> None:
    value, why = human_normalised(_scored(1.0), _references(expert, sparse))
    assert value is None
    assert why.startswith("Not defined")
