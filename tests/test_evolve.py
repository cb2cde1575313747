"""The loop: the planned generations, the same again from any point of its history, and people before numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from rewardsmith import drafting, feedback, sim
from rewardsmith.config import EvolveConfig, LimitSettings
from rewardsmith.errors import LimitReached, ProposerError
from rewardsmith.evolve import evolve
from rewardsmith.interfaces import Parts, Progress, ReplyStore, Request, Scene
from rewardsmith.opening import random_episodes
from rewardsmith.sim.point import point_task
from rewardsmith.store.codec import Json, Keepers, PolicyFile, TrajectoriesFile, encode
from rewardsmith.store.episodes import to_bytes
from rewardsmith.types import (
    Anchor,
    Attempt,
    Candidate,
    Feedback,
    Generation,
    HumanInput,
    Judged,
    Mark,
    Measure,
    Note,
    Policy,
    Rejected,
    Reply,
    Trained,
    Trajectory,
)

MakeParts = Callable[..., Parts]
TASK = point_task(episode_steps=10)
WHO = {"who": "ada", "when": "2026-01-01T00:00:00Z"}


def _reply(weight: float) -> str:
    return (
        "```python\nimport torch\n\n\ndef compute_reward(distance: torch.Tensor, action: torch.Tensor):\n"
        f"    near = -{weight} * distance\n    return near, {{'near': near}}\n```\n"
    )


def _replies() -> dict[tuple[str, int], str]:
    """A reply for every candidate, each another program: an equal one is not trained again."""
    ids = [f"g{generation:03d}-{i:02d}" for generation in range(1, 5) for i in range(2)]
    return {(name, 0): _reply(1.0 + i) for i, name in enumerate(ids)}


def _plain(generations: Sequence[Generation]) -> list[Json]:
    """Everything that generations hold, policies as hashes of their numbers, without the time it took."""

    def policy(policy: Policy, _: str) -> PolicyFile:
        digest = hashlib.sha256()
        for name, value in sorted(policy.tensors.items()):
            digest.update(name.encode() + value.numpy().tobytes())
        return PolicyFile(file="", sha256=digest.hexdigest())

    def trajectories(kept: Sequence[Trajectory]) -> TrajectoriesFile:
        return TrajectoriesFile(file="", sha256=hashlib.sha256(to_bytes(kept)).hexdigest(), count=len(kept))

    keep = Keepers(policy=policy, trajectories=trajectories)
    return [_timeless(encode(generation, keep=keep)) for generation in generations]


def _timeless(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key != "seconds"}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _with(config: EvolveConfig, **search: object) -> EvolveConfig:
    return config.model_copy(update={"search": config.search.model_copy(update=search)})


# --- an unbroken run ------------------------------------------------------------------------------------------------


@pytest.fixture
def unbroken(parts: MakeParts, config: EvolveConfig) -> list[Generation]:
    return list(evolve(TASK, parts(), config))


def test_as_many_generations_come_as_were_planned(unbroken: list[Generation]) -> None:
    assert [g.index for g in unbroken] == [0, 1, 2, 3, 4]  # the seeded one, and two chains of two
    assert [g.chain for g in unbroken] == [0, 0, 0, 1, 1]
    assert [[a.id for a in g.attempts] for g in unbroken] == [
        [],
        ["g001-00", "g001-01"],
        ["g002-00", "g002-01"],
        ["g003-00", "g003-01"],
        ["g004-00", "g004-01"],
    ]


def test_every_attempt_is_judged_told_and_charged_or_rejected_with_a_reason(unbroken: list[Generation]) -> None:
    attempts = [a for g in unbroken for a in g.attempts]
    assert any(isinstance(a.outcome, Judged) for a in attempts)
    for attempt in attempts:
        assert attempt.feedback
        if isinstance(attempt.outcome, Judged):
            assert len(attempt.outcome.score.episodes) == 4
            assert attempt.spend.env_steps == attempt.outcome.trained.env_steps == 256
            assert attempt.outcome.trained.verified is not None
        else:
            assert isinstance(attempt.outcome, Rejected)
            assert attempt.outcome.reason


def test_the_parent_is_the_best_of_its_chain_and_the_children_name_it(unbroken: list[Generation]) -> None:
    def best(generation: Generation) -> str:
        judged = [a for a in generation.attempts if a.fitness is not None]
        return max(judged, key=lambda a: a.fitness or 0.0).id

    assert [g.parents for g in unbroken] == [(), (), (best(unbroken[1]),), (), (best(unbroken[3]),)]
    for generation in unbroken:
        assert all(a.candidate.parents == generation.parents for a in generation.attempts)


def test_a_restart_is_another_search(unbroken: list[Generation]) -> None:
    """It begins as the first chain did, from nothing, and draws other rewards."""
    assert {a.candidate.sha256 for a in unbroken[1].attempts} != {a.candidate.sha256 for a in unbroken[3].attempts}


@pytest.mark.parametrize("known", range(6))
def test_a_run_resumed_from_any_point_equals_the_unbroken_one(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig, known: int
) -> None:
    rest = list(evolve(TASK, parts(), config, unbroken[:known]))
    assert _plain([*unbroken[:known], *rest]) == _plain(unbroken)


def test_another_seed_is_another_run(unbroken: list[Generation], parts: MakeParts, config: EvolveConfig) -> None:
    other = list(evolve(TASK, parts(), config.model_copy(update={"seed": 4})))
    assert _plain(other) != _plain(unbroken)


def test_the_loop_prints_nothing(parts: MakeParts, config: EvolveConfig, capfd: pytest.CaptureFixture[str]) -> None:
    list(evolve(TASK, parts(), _with(config, generations=1, restarts=1)))
    assert capfd.readouterr() == ("", "")


def test_nothing_is_done_before_it_is_asked_for(parts: MakeParts, config: EvolveConfig) -> None:
    """A generator: a consumer that stops has paid for what it took and for no more."""
    seen: list[Progress] = []
    loop = evolve(TASK, parts(watch=seen.append), config)
    assert seen == []
    next(loop)
    next(loop)
    assert {p.generation for p in seen} == {1}
    loop.close()


def test_progress_tells_the_stages_in_order_and_their_generation(parts: MakeParts, config: EvolveConfig) -> None:
    seen: list[Progress] = []
    generations = list(evolve(TASK, parts(watch=seen.append), _with(config, restarts=1)))
    for generation in generations[1:]:
        stages = [p.stage for p in seen if p.generation == generation.index]
        assert list(dict.fromkeys(stages)) == ["propose", "verify", "train", "judge"]
    assert {p.generation for p in seen} == {1, 2}
    assert all(0.0 <= p.fraction <= 1.0 for p in seen)


# --- limits ---------------------------------------------------------------------------------------------------------


def _until_a_limit(generations: Iterator[Generation]) -> list[Generation]:
    """What is bred before a limit ends it, which one must."""
    bred: list[Generation] = []
    with pytest.raises(LimitReached, match=r"^limits\.\w+ = \S+ reached"):
        bred.extend(generations)
    return bred


@pytest.mark.parametrize(
    ("limits", "indices"),
    [
        (LimitSettings(env_steps=1), [0, 1]),  # nothing is spent on the empty generation 0
        (LimitSettings(env_steps=512), [0, 1]),
        (LimitSettings(env_steps=513), [0, 1, 2]),
        (LimitSettings(tokens=221), [0, 1, 2]),  # 2 x 110 a generation
        (LimitSettings(cost_usd=2.0), [0, 1, 2]),  # 2 x 0.5
    ],
)
def test_a_budget_stops_the_run_before_the_generation_that_would_exceed_it(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object], limits: LimitSettings, indices: list[int]
) -> None:
    proposer = scripted(script=_replies())
    limited = config.model_copy(update={"limits": limits})
    assert [g.index for g in _until_a_limit(evolve(TASK, parts(proposer), limited))] == indices


def test_a_spent_budget_stays_spent_on_resuming(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    limited = config.model_copy(update={"limits": LimitSettings(env_steps=512)})
    history = _until_a_limit(evolve(TASK, parts(scripted(script=_replies())), limited))
    assert _until_a_limit(evolve(TASK, parts(), limited, history)) == []
    more = config.model_copy(update={"limits": LimitSettings(env_steps=1024)})
    assert [g.index for g in _until_a_limit(evolve(TASK, parts(), more, history))] == [2]


# --- people ---------------------------------------------------------------------------------------------------------


def _worse_of(generation: Generation) -> str:
    judged = [a for a in generation.attempts if a.fitness is not None]
    assert len(judged) == 2
    return min(judged, key=lambda a: a.fitness or 0.0).id


SIGNS = {("g001-00", 0): _reply(1.0), ("g001-01", 0): _reply(-1.0)}  # towards the target, and away from it


@pytest.fixture
def spoken(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> Callable[..., tuple[list[Generation], list[Request]]]:
    """One chain of two generations in which persons said something before the second."""

    def run(
        said: Mapping[int, tuple[HumanInput, ...]], history: Sequence[Generation] = ()
    ) -> tuple[list[Generation], list[Request]]:
        proposer = scripted(script=SIGNS, otherwise=_reply(2.0))
        rest = list(evolve(TASK, parts(proposer, said=said), _with(config, restarts=1), history))
        return [*history, *rest], proposer.asked  # type: ignore[attr-defined]

    return run


def test_a_pin_changes_the_parent(spoken: Callable[..., tuple[list[Generation], list[Request]]]) -> None:
    plain, _ = spoken({})
    worse = _worse_of(plain[1])
    assert plain[2].parents != (worse,)
    pinned, _ = spoken({2: (Mark(kind="pin", on=worse, **WHO),)})
    assert pinned[2].parents == (worse,)
    assert all(a.candidate.parents == (worse,) for a in pinned[2].attempts)


def test_what_people_said_stands_in_the_generation_it_came_before_and_in_its_prompts(
    spoken: Callable[..., tuple[list[Generation], list[Request]]],
) -> None:
    note = Note(text="Move gently, please.", on="", **WHO)
    generations, asked = spoken({2: (note,)})
    assert [g.people for g in generations] == [(), (), (note,)]
    for request in asked:
        heard = any("Move gently, please." in message.content for message in request.prompt.messages)
        assert heard == request.candidate_id.startswith("g002")


def test_what_people_said_is_replayed_on_resuming(
    spoken: Callable[..., tuple[list[Generation], list[Request]]],
) -> None:
    plain, _ = spoken({})
    said = {1: (Note(text="Hello.", on="", **WHO),), 2: (Mark(kind="pin", on=_worse_of(plain[1]), **WHO),)}
    whole, _ = spoken(said)
    for known in range(4):
        assert _plain(spoken(said, whole[:known])[0]) == _plain(whole)


# --- a person's own reward, and failures ----------------------------------------------------------------------------


def _seed(weight: float) -> Candidate:
    code = _reply(weight).removeprefix("```python\n").removesuffix("```\n")
    return Candidate(id="g000-00", code=code, sha256=drafting.sha256(code), origin="human", model="")


def test_a_persons_reward_is_tried_first_and_is_the_first_parent_of_every_chain(
    parts: MakeParts, config: EvolveConfig
) -> None:
    generations = list(evolve(TASK, parts(seeded=(_seed(1.0),)), config))
    [own] = generations[0].attempts
    assert isinstance(own.outcome, Judged)
    assert own.candidate == _seed(1.0)
    assert generations[1].parents == generations[3].parents == ("g000-00",)


def test_a_generation_of_nothing_but_rejections_is_a_generation(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    proposer = scripted(script={}, otherwise="I would rather not.")
    generations = list(evolve(TASK, parts(proposer), _with(config, restarts=1)))
    assert [g.index for g in generations] == [0, 1, 2]
    attempts = [a for g in generations for a in g.attempts]
    assert len(attempts) == 4
    assert all(isinstance(a.outcome, Rejected) and a.fitness is None and a.spend.env_steps == 0 for a in attempts)
    assert all(a.feedback[0].source == "rejection" for a in attempts)
    assert generations[2].parents == ()


def test_a_rejected_candidate_costs_its_neighbour_nothing(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    one_chain = _with(config, generations=1, restarts=1)
    both = list(evolve(TASK, parts(scripted(script=_replies())), one_chain))
    script = _replies() | {("g001-00", repair): "No code." for repair in range(3)}
    one = list(evolve(TASK, parts(scripted(script=script)), one_chain))
    assert isinstance(one[1].attempts[0].outcome, Rejected)
    assert _plain([Generation(index=1, chain=0, attempts=one[1].attempts[1:])]) == _plain(
        [Generation(index=1, chain=0, attempts=both[1].attempts[1:])]
    )


def test_a_model_that_cannot_be_reached_ends_the_run_and_keeps_what_was_yielded(
    parts: MakeParts, config: EvolveConfig
) -> None:
    class Gone:
        name = "gone"
        origin = "llm"

        def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:  # noqa: ARG002
            raise ProposerError("nobody answers")

    loop = evolve(TASK, parts(Gone()), config)
    assert next(loop).index == 0
    with pytest.raises(ProposerError, match="nobody answers"):
        next(loop)


ANCHOR = Anchor(
    policy="random", env_steps=0, fitness=-0.5, ci95=0.1, success_rate=None, success_ci95=None, mean_length=9.0, seeds=1
)  # fmt: skip


def test_whoever_is_asked_is_told_the_anchors_of_the_task(
    parts: MakeParts, scripted: Callable[..., object], config: EvolveConfig
) -> None:
    proposer = scripted(script={}, otherwise="I would rather not.")
    loop = evolve(TASK, replace(parts(proposer), anchors=(ANCHOR,)), config)
    assert [next(loop).index, next(loop).index] == [0, 1]
    assert {request.brief.anchors for request in proposer.asked} == {(ANCHOR,)}  # type: ignore[attr-defined]


# --- what the run knows ---------------------------------------------------------------------------------------------


class Listening:
    """A feedback source that says nothing and remembers the episodes that were known of, by source."""

    name = "listening"

    def __init__(self) -> None:
        self.known: list[list[str]] = []

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:  # noqa: ARG002 - all hear the same
        self.known.append([t.source for t in scene.trajectories])
        return None


def test_every_candidate_leaves_its_worst_and_best_episodes(unbroken: list[Generation], config: EvolveConfig) -> None:
    for attempt in (a for g in unbroken for a in g.attempts):
        if isinstance(attempt.outcome, Judged):
            kept, score = attempt.outcome.trajectories, attempt.outcome.score
            assert len(kept) == config.judge.keep
            assert (kept[0].fitness, kept[-1].fitness) == (min(score.episodes), max(score.episodes))
            assert {t.source for t in kept} == {attempt.id}


def test_feedback_hears_of_all_episodes_so_far_those_of_its_own_generation_too(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    source, start = Listening(), random_episodes(TASK, sim.make, config, watch=lambda _: None)
    made = replace(parts(scripted(script=_replies())), sources=(source,))
    list(evolve(TASK, made, _with(config, restarts=1), (), start))
    begun = ["random"] * config.pool.random
    first = [*begun, *["g001-00"] * 4, *["g001-01"] * 4]
    assert source.known == [first, first, *([[*first, *["g002-00"] * 4, *["g002-01"] * 4]] * 2)]


def test_no_prompt_holds_the_hidden_fitness(
    parts: MakeParts, config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    """Neither its value, nor what it is, nor that there is one."""
    hidden = Measure(source="4321.125 + 0 * distance", reduce="final", unit="kN", doc="secret sauce")
    task = replace(TASK, hidden_fitness=hidden)
    every = feedback.sources(tuple(feedback.SOURCES), config.feedback)
    proposer = scripted(script=_replies())
    generations = list(evolve(task, replace(parts(proposer), sources=every), config))
    judged = [a.outcome for g in generations for a in g.attempts if isinstance(a.outcome, Judged)]
    assert {outcome.score.hidden_mean for outcome in judged} == {4321.125}
    told = [m.content for request in proposer.asked for m in request.prompt.messages]  # type: ignore[attr-defined]
    told += [f.text for g in generations for a in g.attempts for f in a.feedback]
    assert len(told) > 16
    for text in told:
        assert not any(word in text for word in ("4321", "secret", "sauce", "kN", "hidden"))


def test_the_hidden_fitness_changes_nothing_of_the_search(
    unbroken: list[Generation], parts: MakeParts, config: EvolveConfig
) -> None:
    task = replace(TASK, hidden_fitness=Measure(source="distance", reduce="final"))
    found = [replace(g, attempts=tuple(_without_hidden(a) for a in g.attempts)) for g in evolve(task, parts(), config)]
    assert _plain(found) == _plain(unbroken)


def _without_hidden(attempt: Attempt) -> Attempt:
    if not isinstance(attempt.outcome, Judged):
        return attempt
    score, other = attempt.outcome.score, attempt.outcome.other
    assert score.hidden
    bare = replace(other, hidden=()) if other else None
    return replace(attempt, outcome=replace(attempt.outcome, score=replace(score, hidden=()), other=bare))


def test_a_trained_outcome_never_leaves_the_loop_unjudged(unbroken: list[Generation]) -> None:
    assert not any(isinstance(a.outcome, Trained) for g in unbroken for a in g.attempts)
