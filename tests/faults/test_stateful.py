"""A run to which anything may happen in any order: nothing recorded is lost, and it ends as if nothing had happened.

Kills here end the loop in this process, at the places a machine can name; real ones are in `test_kills.py`.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from rewardsmith.archive import Archive
from rewardsmith.config import EvolveConfig, ProposeSettings, SearchSettings
from rewardsmith.errors import ProposerError
from rewardsmith.evolve import evolve
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Learner, Parts, Progress, ReplyStore, Trainee
from rewardsmith.propose.fake_server import Behaviour, Fail, FakeServer, Heard
from rewardsmith.propose.llm import LLMProposer
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run
from rewardsmith.types import Generation, Mark, Note, Rejected, Reply, Spend, Task, Trained

TASK = point_task(episode_steps=10)
WHO = {"who": "ada", "when": "2026-01-01T00:00:00Z"}
PLACES = ("sent", "answered", "stored", "verify", "train", "judge", "bred", "kept")


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


class Fragile:
    """A reply store at whose edges a kill may come."""

    def __init__(self, inner: ReplyStore, dies: Callable[[str], None]) -> None:
        self._inner, self._dies = inner, dies

    def get(self, key: str) -> Reply | None:
        return self._inner.get(key)

    def sent(self, key: str, *, request: Mapping[str, Any]) -> None:
        self._inner.sent(key, request=request)
        self._dies("sent")

    def put(self, key: str, reply: Reply) -> None:
        self._dies("answered")
        self._inner.put(key, reply)
        self._dies("stored")


class Failing:
    """A learner that breaks down, as one does whose GPU is lost."""

    def train(self, trainees: list[Trainee], task: Task, **_: object) -> list[tuple[Trained | Rejected, Spend]]:
        raise RuntimeError(f"the device was lost with {len(trainees)} trainings of {task.name} on it")


class Anything(RuleBasedStateMachine):
    """One run in one folder. Each rule opens it, does something, and leaves it closed."""

    def __init__(self, make_parts: Callable[..., Parts], config: EvolveConfig, rig: Any) -> None:
        super().__init__()
        self._parts, self._config, self._rig = make_parts, config, rig
        self._home = tempfile.TemporaryDirectory()
        self._folder = Path(self._home.name) / "run"
        self._refuses: list[Behaviour] = []
        self._server = FakeServer(self._answer).__enter__()
        self._begin()
        self._rows = rig.rows(self._folder)
        self._kills = 0
        self._dies_at = ""

    def _begin(self) -> None:
        inputs = allowed_inputs(TASK)
        Run.create(self._folder, task=TASK, config=self._config, task_text="name: point\n", allowed=inputs).close()

    def teardown(self) -> None:
        """Let it end in peace, and hold it against a run to which nothing happened but what people said."""
        try:
            self._refuses = []
            while not self._complete():
                self._breed()
            self._check_end()
        finally:
            self._server.__exit__(None, None, None)
            self._home.cleanup()

    # --- what may happen ----------------------------------------------------------------------------------------------

    @precondition(lambda self: not self._complete())
    @rule()
    def a_generation_is_bred(self) -> None:
        self._breed()

    @precondition(lambda self: not self._complete())
    @rule(place=st.sampled_from(PLACES))
    def it_is_killed(self, place: str) -> None:
        self._dies_at = place
        with suppress(Killed):
            self._breed()
        self._kills += not self._dies_at
        self._dies_at = ""

    @precondition(lambda self: not self._complete())
    @rule(status=st.sampled_from([400, 401, 403, 503]))
    def the_model_fails(self, status: int) -> None:
        self._refuses = [Fail(status=status)]
        with suppress(ProposerError):
            self._breed()
        self._refuses = []

    @precondition(lambda self: not self._complete())
    @rule()
    def training_fails(self) -> None:
        with suppress(RuntimeError):
            self._breed(learner=Failing())

    @rule(words=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    def a_person_says_something(self, words: str) -> None:
        with Run.open(self._folder, write=False) as run:
            run.say(Note(text=words, on="", **WHO))

    @rule(chosen=st.randoms(use_true_random=False))
    def a_person_pins_a_candidate(self, chosen: random.Random) -> None:
        with Run.open(self._folder, write=False) as run:
            if known := run.candidate_ids():
                run.say(Mark(kind="pin", on=chosen.choice(known), **WHO))

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def nothing_recorded_is_lost_or_changed(self) -> None:
        rows = self._rig.rows(self._folder)
        assert rows[: len(self._rows)] == self._rows
        self._rows = rows

    @invariant()
    def no_reply_is_paid_for_twice(self) -> None:
        with Run.open(self._folder, write=False) as run:
            stored = len(run.replies.all())
        assert stored <= self._answered <= stored + self._kills

    @invariant()
    def nothing_but_the_record_is_needed(self) -> None:
        with Run.open(self._folder, write=False) as run:
            assert run.damaged() == ()

    def _check_end(self) -> None:
        with Run.open(self._folder, write=False) as run:
            history, begun = run.history(), run.begun_with()
            heard = [said for generation in history for said in generation.people]
            assert (*heard, *run.people.unheard()) == run.people.said()
        said = {generation.index: generation.people for generation in history}
        proposer = self._proposer()
        unbroken = evolve(TASK, self._parts(proposer, said=said), self._config, (), begun)
        assert [_plain(self._rig, g) for g in unbroken] == [_plain(self._rig, g) for g in history]

    # --- inside -------------------------------------------------------------------------------------------------------

    _answered = 0

    def _answer(self, heard: Heard) -> Behaviour:
        if self._refuses:
            return self._refuses[0]
        self._answered += 1
        answer: Behaviour = self._rig.rewarding_point(heard)
        return answer

    def _proposer(self) -> LLMProposer:
        asking = ProposeSettings(concurrency=1, retries=0)
        return LLMProposer("vllm/coder", asking, base_url=self._server.base_url, tell=lambda _: None)

    def _complete(self) -> bool:
        with Run.open(self._folder, write=False) as run:
            return Archive.replay(run.history(), self._config.search).complete

    def _breed(self, *, learner: Learner | None = None) -> None:
        """Resume, breed one generation, keep it."""
        with Run.open(self._folder, write=True) as run:
            plain = self._parts(run.recorded(self._proposer()), watch=self._watch)
            parts = replace(plain, people=run.people, store=Fragile(run.replies, self._dies))
            parts = parts if learner is None else replace(parts, learner=learner)
            generation = next(evolve(TASK, parts, self._config, run.history(), run.begun_with()))
            self._dies("bred")
            run.add_generation(generation)
            self._dies("kept")

    def _watch(self, progress: Progress) -> None:
        self._dies(progress.stage)

    def _dies(self, place: str) -> None:
        if place == self._dies_at:
            self._dies_at = ""
            raise Killed


def _plain(rig: Any, generation: Generation) -> object:
    """Everything a generation holds, policies and trajectories by their numbers, without times."""
    from rewardsmith.store import artefacts, episodes
    from rewardsmith.store.codec import Keepers, PolicyFile, TrajectoriesFile, encode

    def policy(policy: Any, _: str) -> PolicyFile:
        return PolicyFile(file="", sha256=artefacts.sha256(artefacts.tensors_to_bytes(policy.tensors)))

    def trajectories(kept: Any) -> TrajectoriesFile:
        return TrajectoriesFile(file="", sha256=artefacts.sha256(episodes.to_bytes(kept)), count=len(kept))

    encoded = encode(generation, keep=Keepers(policy=policy, trajectories=trajectories))
    return rig.timeless(json.loads(json.dumps(encoded)))


@pytest.fixture
def small(config: EvolveConfig) -> EvolveConfig:
    """Three generations of two, trained for one rollout."""
    search = SearchSettings(generations=3, offspring=2, restarts=1, repairs=1)
    return config.model_copy(update={"search": search, "train": config.train.model_copy(update={"env_steps": 128})})


# A kill is an exception in this process, so a connection that was being made then is left to the garbage collector.
connections_left = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in.*connect_tcp:pytest.PytestUnraisableExceptionWarning"
)


def _run(machine: Callable[[], Anything], *, examples: int, steps: int) -> None:
    few = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=few)  # type: ignore[no-untyped-call]


@connections_left
def test_whatever_happens_a_run_ends_as_if_nothing_had(
    parts: Callable[..., Parts], small: EvolveConfig, rig: Any
) -> None:
    _run(lambda: Anything(parts, small, rig), examples=3, steps=8)


@pytest.mark.slow
@connections_left
def test_whatever_happens_a_run_ends_as_if_nothing_had_over_many_tries(
    parts: Callable[..., Parts], small: EvolveConfig, rig: Any
) -> None:
    _run(lambda: Anything(parts, small, rig), examples=40, steps=15)
