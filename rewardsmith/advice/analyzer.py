"""Why failed episodes failed, in a model's words: it is shown their signals, and one that succeeded where there is one.

The idea is Auto MC-Reward's trajectory analyzer (Li et al. 2023, arXiv:2312.09238). It sees what happened, not the
reward: what to do about it is for the coder.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rewardsmith import prompting, views
from rewardsmith.advice import answers
from rewardsmith.advice.source import Advice
from rewardsmith.advice.story import story
from rewardsmith.interfaces import Ask, Question, Scene
from rewardsmith.quoting import numbered
from rewardsmith.types import Attempt, Feedback, Judged, Reply, Task, Trajectory

NAME = "analyzer"
STATEMENTS = 3


def source(ask: Ask, *, episodes: int) -> Advice:
    """The feedback source; `episodes` is how many failed ones of an attempt are shown."""
    return Advice(NAME, partial(analysed, ask=ask, episodes=episodes))


def analysed(scene: Scene, *, ask: Ask, episodes: int) -> Mapping[str, Feedback]:
    """What is said of each attempt of the scene's batch that had failed episodes, by id."""
    shown = {a.id: failed(a)[:episodes] for a in scene.batch}
    questions = [question(a.id, shown[a.id], scene.task, solved=_solved(a)) for a in scene.batch if shown[a.id]]
    replies = ask(questions) if questions else []
    return {q.about: _feedback(r, shown=len(shown[q.about])) for q, r in zip(questions, replies, strict=True)}


def failed(attempt: Attempt) -> tuple[Trajectory, ...]:
    """The kept episodes that did not succeed, the worst first; all of them where the task knows no success."""
    played = attempt.outcome.trajectories if isinstance(attempt.outcome, Judged) else ()
    return tuple(t for t in played if not t.success)


def question(about: str, episodes: tuple[Trajectory, ...], task: Task, *, solved: Trajectory | None = None) -> Question:
    """What the analyzer is asked about one attempt: numbers and the task's own words, nothing of the candidate."""
    prompt = prompting.question(
        "analyzer.j2",
        task=views.task_view(task, env_source=False, ranges={}),
        episodes=[story(t, task) for t in episodes],
        solved=story(solved, task) if solved else None,
        statements=STATEMENTS,
    )
    return Question(purpose="analyzer", about=about, index=1, prompt=prompt)


def _solved(attempt: Attempt) -> Trajectory | None:
    """The best kept episode, where it succeeded."""
    played = attempt.outcome.trajectories if isinstance(attempt.outcome, Judged) else ()
    return played[-1] if played and played[-1].success else None


def _feedback(reply: Reply, *, shown: int) -> Feedback:
    said = answers.numbered(reply)[:STATEMENTS]
    episodes = "the worst episode" if shown == 1 else f"the {shown} worst episodes"
    opening = (
        f"A model that saw the signals of {episodes}, not your code, says why they went wrong; it may be mistaken:"
    )
    return Feedback(
        source=NAME,
        text=f"{opening}\n{numbered(said)}" if said else "",
        data={"statements": list(said), "episodes": shown},
        spend=answers.cost([reply]),
    )
