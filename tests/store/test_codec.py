"""Values come back from JSON as they went in, and what does not fit is refused with its place."""

from __future__ import annotations

import dataclasses
import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith import types
from rewardsmith.errors import RunError
from rewardsmith.graph import RewardGraph
from rewardsmith.store.codec import (
    Json,
    Keepers,
    PolicyFile,
    Readers,
    TrajectoriesFile,
    decode,
    decode_human,
    dumps,
    encode,
    loads,
)
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    Drafted,
    Feedback,
    Final,
    Generation,
    Judged,
    Mark,
    Note,
    Policy,
    Preference,
    Rejected,
    Repair,
    Score,
    Spend,
    Stage,
    Trained,
    Trajectory,
    Verified,
)

GRAPH = (
    '{"version":1,"inputs":["speed"],"unused":[],"constants":[],"nodes":[],'
    '"total":{"t":0},"components":[["speed",{"t":0}]]}'
)
SHAPES = {"speed": ()}
POLICY = Policy(tensors={})
FILE = PolicyFile(file="policies/a.safetensors", sha256="0" * 64)
EPISODES = TrajectoriesFile(file="trajectories/a.safetensors", sha256="1" * 64, count=1)
KEEP = Keepers(policy=lambda _policy, _where: FILE, trajectories=lambda _: EPISODES)
TRAJECTORIES = (
    Trajectory(
        source="g001-00",
        signals={"speed": torch.zeros(3)},
        actions=torch.zeros(2, 1),
        fitness_steps=torch.zeros(2),
        expert=None,
        fitness=1.5,
        success=True,
        terminated=False,
    ),
)
READERS = Readers(
    policy=lambda _: POLICY,
    trajectories=lambda _: TRAJECTORIES,
    graph=lambda text: RewardGraph.from_json(text, signals=SHAPES),
)

# Any text at all: a broken reply may hold lone surrogates, which UTF-8 does not.
words = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(min_value=0, max_value=2**40)
plain = st.recursive(
    st.none() | st.booleans() | counts | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
several_words = st.lists(words, max_size=3).map(tuple)
several_numbers = st.lists(numbers, max_size=3).map(tuple)

candidates = st.builds(
    Candidate,
    id=words,
    code=words,
    sha256=words,
    origin=st.sampled_from(get_args(types.Origin)),
    model=words,
    parents=several_words,
    prompt_sha256=words,
    reply_sha256=words,
)
spends = st.builds(Spend, tokens_in=counts, tokens_out=counts, cost_usd=numbers, env_steps=counts, seconds=numbers)
rejections = st.builds(
    Rejected, stage=st.sampled_from(get_args(Stage)), reason=words, hint=words, line=st.none() | counts
)
verified = st.builds(Verified, graph=st.just(RewardGraph.from_json(GRAPH, signals=SHAPES)), warnings=several_words)
curves = st.lists(st.tuples(counts, numbers), max_size=3).flatmap(
    lambda points: st.builds(
        Curve,
        name=words,
        env_steps=st.just(tuple(s for s, _ in points)),
        values=st.just(tuple(v for _, v in points)),
    )
)
trained = st.builds(
    Trained,
    verified=st.none() | verified,
    policy=st.just(POLICY),
    curves=st.lists(curves, max_size=2).map(tuple),
    env_steps=counts,
    seconds=numbers,
)
scores = st.builds(
    Score,
    episodes=several_numbers,
    mean=numbers,
    ci95=numbers,
    success_rate=st.none() | numbers,
    success_ci95=st.none() | st.tuples(numbers, numbers),
    mean_length=numbers,
)
outcomes = st.just(Drafted()) | rejections | verified | trained | st.builds(Judged, trained=trained, score=scores)
feedback = st.builds(Feedback, source=words, text=words, data=st.dictionaries(words, plain, max_size=3))
attempts = st.builds(
    Attempt,
    candidate=candidates,
    outcome=outcomes,
    feedback=st.lists(feedback, max_size=2).map(tuple),
    repairs=st.lists(st.builds(Repair, code=words, rejected=rejections), max_size=2).map(tuple),
    spend=spends,
)
people = (
    st.builds(Note, text=words, on=words, who=words, when=words)
    | st.builds(
        Preference,
        first=words,
        second=words,
        p_first=st.none() | numbers,
        source=st.sampled_from(["person", "llm", "fitness"]),
        who=words,
        when=words,
    )
    | st.builds(Mark, kind=st.sampled_from(["veto", "pin"]), on=words, who=words, when=words)
)
generations = st.builds(
    Generation,
    index=counts,
    chain=counts,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    people=st.lists(people, max_size=2).map(tuple),
    parents=several_words,
)


@settings(max_examples=60, deadline=None)
@given(generations)
def test_a_generation_comes_back_from_text_as_it_went_in(generation: Generation) -> None:
    text = dumps(encode(generation, keep=KEEP))
    assert decode(Generation, loads(text), readers=READERS) == generation


@given(people)
def test_what_a_person_said_comes_back_as_its_own_kind(said: types.HumanInput) -> None:
    assert decode_human(loads(dumps(encode(said)))) == said


@settings(max_examples=50)
@given(st.dictionaries(words, plain), st.randoms())
def test_equal_data_has_one_text(data: dict[str, Json], random: object) -> None:
    shuffled = list(data.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dumps(data) == dumps(dict(shuffled))
    assert dumps(data).isascii()


def test_every_outcome_is_among_the_generated_ones() -> None:
    assert {Drafted, Rejected, Verified, Trained, Judged} == set(get_args(types.Outcome))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_with_its_place(number: float) -> None:
    score = Score(episodes=(1.0, number), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    with pytest.raises(RunError, match=r"Score\.episodes\[1\] is .*; the ledger holds finite numbers only"):
        encode(score)


@pytest.mark.parametrize("text", ['{"mean": NaN}', "[Infinity]", "{", ""])
def test_text_that_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="Expected JSON"):
        loads(text)


def test_a_value_the_ledger_cannot_hold_is_refused_with_its_place() -> None:
    said = Feedback(source="curves", text="", data={"points": {1, 2}})
    with pytest.raises(RunError, match=r"Feedback\.data\.points is of type set"):
        encode(said)


SPEND: dict[str, Json] = {
    "type": "Spend",
    "tokens_in": 1,
    "tokens_out": 2,
    "cost_usd": 0,
    "env_steps": 3,
    "seconds": 4.5,
}
REJECTED: dict[str, Json] = {"type": "Rejected", "stage": "static", "reason": "r", "hint": "h", "line": None}


def test_a_whole_number_is_read_where_a_decimal_one_is_meant() -> None:
    assert decode(Spend, SPEND) == Spend(tokens_in=1, tokens_out=2, cost_usd=0.0, env_steps=3, seconds=4.5)
    assert isinstance(decode(Spend, SPEND).cost_usd, float)


def test_a_field_added_since_takes_its_default() -> None:
    older = {name: value for name, value in REJECTED.items() if name != "line"}
    assert decode(Rejected, older) == Rejected(stage="static", reason="r", hint="h")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**REJECTED, "type": "Refused"}, r"Rejected has the unknown type 'Refused'; expected Rejected\."),
        ({k: v for k, v in REJECTED.items() if k != "reason"}, r"Rejected lacks the field 'reason' of Rejected\."),
        ({**REJECTED, "reasons": "r"}, r"unknown field 'reasons'\. Did you mean 'reason'\? Known: stage, "),
        ({**REJECTED, "stage": "later"}, r"Rejected\.stage is 'later'; expected one of 'reply', 'static'"),
        ({**REJECTED, "line": True}, r"Rejected\.line is True; expected a whole number"),
        ({**REJECTED, "line": "3"}, r"Rejected\.line is '3' \(str\); expected int"),
        ([], r"Rejected is '\[\]' \(list\); expected dict"),
    ],
)
def test_data_that_does_not_fit_is_refused_with_its_place(data: Json, message: str) -> None:
    with pytest.raises(RunError, match=message):
        decode(Rejected, data)


def test_an_unknown_outcome_names_its_place_and_the_known_ones(generations: tuple[Generation, ...]) -> None:
    data = encode(generations[0].attempts[0])
    assert isinstance(data, dict)
    data["outcome"] = {"type": "Failed"}
    with pytest.raises(RunError, match=r"Attempt\.outcome has the unknown type 'Failed'; expected Drafted or Rejected"):
        decode(Attempt, data)


def test_a_tuple_of_fixed_length_keeps_it() -> None:
    final = Final(winner="g001-00", score=_score(), references=(("expert", _score()),))
    data = encode(final)
    assert decode(Final, data) == final
    assert isinstance(data, dict)
    data["references"] = [["expert"]]
    with pytest.raises(RunError, match=r"Final\.references\[0\] has 1 items; expected 2"):
        decode(Final, data)


def test_a_policy_needs_a_place_to_be_kept_and_a_way_to_be_read(generations: tuple[Generation, ...]) -> None:
    with pytest.raises(RunError, match="no place to keep it"):
        encode(generations[1])
    data = encode(generations[1], keep=KEEP)
    with pytest.raises(RunError, match="no way to"):
        decode(Generation, data)


def _score() -> Score:
    return Score(episodes=(1.0,), mean=1.0, ci95=0.0, success_rate=0.5, success_ci95=(0.1, 0.9), mean_length=9.0)


def test_every_field_of_every_stored_value_is_named_in_its_json() -> None:
    data = encode(Spend())
    assert isinstance(data, dict)
    assert set(data) == {"type", *(f.name for f in dataclasses.fields(Spend))}
