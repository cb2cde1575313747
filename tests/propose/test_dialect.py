"""What a model's refusals teach about its parameters."""

from __future__ import annotations

import pytest

from rewardsmith.propose.dialect import Dialect
from rewardsmith.propose.wire import Fault

OURS = {"temperature": 0.5, "max_tokens": 100, "seed": 3}


@pytest.fixture
def dialect(told: list[str]) -> Dialect:
    return Dialect(model="some/model", tell=told.append)


def test_nothing_is_changed_before_a_refusal(dialect: Dialect) -> None:
    assert dialect.spelled(OURS) == OURS


@pytest.mark.parametrize(
    ("fault", "then"),
    [
        (Fault(detail="Unsupported value", status=400, parameter="temperature"), {"max_tokens": 100, "seed": 3}),
        (Fault(detail="'temperature' is deprecated", status=400), {"max_tokens": 100, "seed": 3}),
        (Fault(detail="does not support parameters: ['seed']", status=400), {"temperature": 0.5, "max_tokens": 100}),
        (
            Fault(detail="Use max_completion_tokens instead of max_tokens", status=422),
            {"temperature": 0.5, "max_completion_tokens": 100, "seed": 3},
        ),
    ],
)
def test_a_refused_parameter_is_renamed_or_left_out(
    dialect: Dialect, told: list[str], fault: Fault, then: dict[str, float]
) -> None:
    assert dialect.learn(fault, dialect.spelled(OURS))
    assert dialect.spelled(OURS) == then
    assert len(told) == 1


def test_a_limit_refused_under_both_names_is_left_out(dialect: Dialect) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        assert dialect.learn(Fault(detail="no", status=400, parameter=name), dialect.spelled(OURS))
    assert dialect.spelled(OURS) == {"temperature": 0.5, "seed": 3}


def test_answers_to_concurrent_calls_teach_once(dialect: Dialect, told: list[str]) -> None:
    sent, fault = dialect.spelled(OURS), Fault(detail="no", status=400, parameter="max_tokens")
    assert [dialect.learn(fault, sent) for _ in range(8)] == [True] * 8
    assert dialect.spelled(OURS)["max_completion_tokens"] == 100
    assert len(told) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(detail="the temperature is fine, the prompt is too long", status=500),
        Fault(detail="the prompt is too long", status=400),
        Fault(detail="temperatures in Kelvin", status=400),
        Fault(detail="temperature", status=None),
        Fault(detail=f"no such field in {'You write rewards. ' * 40}, 'temperature': 0.5", status=422),
    ],
)
def test_any_other_fault_teaches_nothing(dialect: Dialect, told: list[str], fault: Fault) -> None:
    assert not dialect.learn(fault, dialect.spelled(OURS))
    assert told == []


def test_learning_comes_to_an_end(dialect: Dialect) -> None:
    fault = Fault(detail="temperature max_tokens max_completion_tokens seed", status=400)
    rounds = 0
    while dialect.learn(fault, dialect.spelled(OURS)):
        rounds += 1
    assert (rounds, dialect.spelled(OURS)) == (4, {})
