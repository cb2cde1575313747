"""The analyzer: what it is shown, what is passed on of what it says, and that it costs something to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import views
from rewardsmith.advice import analyzer
from rewardsmith.interfaces import Ask, Question, Scene
from rewardsmith.sim.point import point_task
from rewardsmith.types import Attempt, Candidate, Feedback, Rejected, Reply, Spend, Task, Trajectory

Answering = Callable[[Mapping[str, str]], Ask]
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]

SAID = "The hand is late.\n1. The hand stops 0.4 m from the button at step 3.\n2. It never comes back.\n"


class Refuses:
    """Nobody should be asked."""

    name = "refuses"

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        raise AssertionError(f"asked {questions}")


def test_the_worst_failed_episodes_are_analysed(
    task: Task, attempt: MakeAttempt, episode: MakeEpisode, answering: Answering
) -> None:
    failed = attempt("g001-00", episode(0.9), episode(0.6), episode(0.4), episode(0.0, success=True))
    told = analyzer.analysed(Scene(task=task, batch=(failed,)), ask=answering({"g001-00.analyzer1": SAID}), episodes=2)
    [said] = told.values()
    assert said == Feedback(
        source="analyzer",
        text=(
            "A model that saw the signals of the 2 worst episodes, not your code, says why they went wrong; "
            "it may be mistaken:\n> 1. The hand stops 0.4 m from the button at step 3.\n> 2. It never comes back."
        ),
        data={"statements": ["The hand stops 0.4 m from the button at step 3.", "It never comes back."], "episodes": 2},
        spend=Spend(tokens_in=100, tokens_out=10, cost_usd=0.5),
    )


def test_nobody_is_asked_where_nothing_failed_or_nothing_was_kept(
    task: Task, attempt: MakeAttempt, episode: MakeEpisode
) -> None:
    rejected = Attempt(
        candidate=Candidate(id="g001-02", code="", sha256="", origin="llm", model=""),
        outcome=Rejected(stage="reply", reason="", hint=""),
    )
    batch = (attempt("g001-00", episode(0.0, success=True)), attempt("g001-01"), rejected)
    assert analyzer.analysed(Scene(task=task, batch=batch), ask=Refuses(), episodes=2) == {}


def test_where_success_is_unknown_the_worst_episodes_count_as_failed(
    attempt: MakeAttempt, episode: MakeEpisode
) -> None:
    played = (episode(0.9, success=None), episode(0.1, success=None))
    assert analyzer.failed(attempt("g001-00", *played)) == played


def test_a_whole_generation_is_asked_about_in_one_go(
    task: Task, attempt: MakeAttempt, episode: MakeEpisode, answering: Answering
) -> None:
    batch = tuple(attempt(f"g001-0{i}", episode(0.9)) for i in range(3))
    ask, calls = answering({f"g001-0{i}.analyzer1": SAID for i in range(3)}), []

    class Counted:
        name = "counted"

        def __call__(self, questions: Sequence[Question]) -> list[Reply]:
            calls.append([q.about for q in questions])
            return ask(questions)

    source = analyzer.source(Counted(), episodes=1)
    scene = Scene(task=task, batch=batch)
    assert all(source.comment(a, scene) for a in batch)
    assert calls == [["g001-00", "g001-01", "g001-02"]]
    assert source.comment(attempt("g009-00"), scene) is None
    source.comment(batch[0], Scene(task=task, batch=batch[:1]))
    assert calls[1:] == [["g001-00"]]


def test_a_reply_without_statements_says_nothing_and_is_paid_for(
    task: Task, attempt: MakeAttempt, episode: MakeEpisode, answering: Answering
) -> None:
    scene = Scene(task=task, batch=(attempt("g001-00", episode(0.9)),))
    [said] = analyzer.analysed(scene, ask=answering({"g001-00.analyzer1": "Thought process:"}), episodes=1).values()
    assert said.text == ""
    assert said.spend.tokens_in == 100
    view = views.attempt_view(
        Attempt(candidate=scene.batch[0].candidate, outcome=scene.batch[0].outcome, feedback=(said,))
    )
    assert view.feedback == ()


@given(st.text())
def test_whatever_it_says_is_a_quotation_under_our_own_words(text: str) -> None:
    said = analyzer._feedback(Reply(text=text, finish="stop", model="m"), shown=1)
    opening, *rest = said.text.split("\n")
    assert (opening == "" and not rest) or opening.endswith("it may be mistaken:")
    assert all(line.startswith("> ") for line in rest)
    assert len(rest) <= analyzer.STATEMENTS


def test_prompt_as_it_stands(task: Task, episode: MakeEpisode, golden: Callable[[str, str], None]) -> None:
    failed = (episode(0.9, steps=3, terminated=True), episode(0.6, steps=8))
    asked = analyzer.question("g001-00", failed, task, solved=episode(0.0, steps=8, success=True))
    [message] = asked.prompt.messages
    golden("analyzer.md", f"{message.content}\n")
    assert "HIDDEN" not in message.content
    assert "98765" not in message.content


def test_prompt_without_success_or_a_solved_episode(episode: MakeEpisode) -> None:
    task = point_task()
    signals = {
        s.name: episode(0.9).signals["distance"].reshape(-1, *[1] * len(s.shape)).expand(-1, *s.shape)
        for s in task.signals
    }
    played = Trajectory(
        source="", signals=signals, actions=episode(0.9).actions, fitness_steps=episode(0.9).fitness_steps,
        expert=None, fitness=0.0, success=None, terminated=False,
    )  # fmt: skip
    [message] = analyzer.question("g001-00", (played,), task).prompt.messages
    assert "# An episode that failed" in message.content
    assert "comparison" not in message.content
