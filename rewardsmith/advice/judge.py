"""A model as judge of episodes, for tasks whose fitness does not say what is wanted.

It is shown the goal and an episode, by its signals or in pictures, and nothing else: no reward, no component, no name
or comment of a candidate, so that nobody who is judged can speak to the judge. It is asked twice for a score in [0, 1],
the scale told upwards and downwards; episodes are compared in pairs, in both orders. Where it contradicts itself there
is no score and no preference. The idea is Kwon et al. 2023, "Reward Design with Language Models", arXiv:2303.00001; of
pairs of pictures, Wang et al. 2024, "RL-VLM-F", arXiv:2402.03681.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rewardsmith import prompting, views
from rewardsmith.advice import answers
from rewardsmith.advice.shown import Show, Shown, signals
from rewardsmith.advice.source import Advice
from rewardsmith.interfaces import Ask, Question, Scene
from rewardsmith.quoting import block
from rewardsmith.types import Attempt, Feedback, Judged, Preference, Prompt, Reply, Spend, Task, Trajectory

NAME = "llm_judge"
AGREEMENT = 0.25  # two scores of one episode that differ by more are none
REASON_LIMIT = 600
SCALE = (
    "0.0: nothing of the goal was done, or the opposite",
    "0.25: a beginning was made",
    "0.5: about half of the goal was done, or all of it for half of the time",
    "0.75: the goal was reached with clear flaws",
    "1.0: the goal was reached as well as its words ask",
)

Choice = Literal["first", "second", "equal"]


def source(ask: Ask, *, pairs: int, show: Show = signals) -> Advice:
    """The feedback source; `pairs` is how many pairs of attempts are compared in a generation."""
    return Advice(NAME, partial(judged, ask=ask, pairs=pairs, show=show))


def judged(scene: Scene, *, ask: Ask, pairs: int, show: Show = signals) -> Mapping[str, Feedback]:
    """What the judge finds of each attempt of the scene's batch that has an episode to show, by id."""
    before = scene.turns[-1:] if pairs else ()
    known = _shown([*scene.batch, *before], scene.task, show)
    batch = {a.id: known[a.id] for a in scene.batch if a.id in known}
    verdicts = _scored(batch, scene.task, ask)
    parent = before[0].id if before else None
    compared = _compared(matches(verdicts, known, parent, pairs=pairs), scene.task, ask)
    return {name: _feedback(v, compared.get(name, ()), batch[name]) for name, v in verdicts.items()}


def _shown(attempts: Sequence[Attempt], task: Task, show: Show) -> dict[str, Shown]:
    """A typical episode of each attempt as it is shown, by id; without those that have none."""
    episodes = {a.id: t for a in attempts if (t := typical(a)) is not None}
    found = show(list(episodes.values()), task)
    return {name: shown for name, shown in zip(episodes, found, strict=True) if shown is not None}


def typical(attempt: Attempt) -> Trajectory | None:
    """The middle one of the kept episodes, the worse of two, the only one shown; None where none was kept."""
    played = attempt.outcome.trajectories if isinstance(attempt.outcome, Judged) else ()
    return played[(len(played) - 1) // 2] if played else None


# --- scores ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """A score in [0, 1] with its reason."""

    score: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What two askings gave: `score` is their mean where they agree, None where they do not or one was no answer."""

    opinions: tuple[Opinion | None, ...]
    spend: Spend

    @property
    def score(self) -> float | None:
        given = [o.score for o in self.opinions if o is not None]
        if len(given) < len(self.opinions) or max(given) - min(given) > AGREEMENT + 1e-9:
            return None
        return sum(given) / len(given)


def read_score(reply: Reply, task: Task) -> Opinion | None:
    """The score in a reply; None unless it ends in one line `SCORE: x` and gives a reason that rests on the numbers."""
    found = answers.answer(reply, "SCORE")
    score = answers.unit_number(found.value) if found else None
    if found is None or score is None or not answers.rests_on(found.said, _names(task)):
        return None
    return Opinion(score=score, reason=" ".join(found.said[: answers.LINES]))


def score_prompt(episode: Shown, task: Task, *, scale: Sequence[str] = SCALE) -> Prompt:
    """What the judge is asked about one episode."""
    return prompting.question(
        "judge_score_frames.j2" if episode.images else "judge_score.j2",
        images=episode.captioned("The episode"),
        task=views.task_view(task, env_source=False, ranges={}),
        episode=episode,
        scale=tuple(scale),
    )


def _scored(shown: Mapping[str, Shown], task: Task, ask: Ask) -> dict[str, Verdict]:
    """A verdict on each episode, asked for all together."""
    scales = (SCALE, SCALE[::-1])
    questions = [
        Question(purpose="score", about=name, index=i, prompt=score_prompt(episode, task, scale=scale))
        for name, episode in shown.items()
        for i, scale in enumerate(scales, start=1)
    ]
    replies = ask(questions) if questions else []
    return {
        name: Verdict(opinions=tuple(read_score(r, task) for r in given), spend=answers.cost(given))
        for name, given in zip(shown, _by(len(scales), replies), strict=True)
    }


# --- pairs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Two attempts to be compared by an episode each; `challenger` is of this generation."""

    challenger: str
    other: str
    episodes: tuple[Shown, Shown]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What came of a match, and what asking for it cost."""

    preference: Preference
    spend: Spend


def matches(
    verdicts: Mapping[str, Verdict], shown: Mapping[str, Shown], parent: str | None, *, pairs: int
) -> list[Match]:
    """The best against the parent, where that is shown, then each against the next best by score: at most `pairs`."""
    scores = {name: score for name, verdict in verdicts.items() if (score := verdict.score) is not None}
    order = sorted(scores, key=lambda name: (-scores[name], name))
    before = [(order[0], parent)] if order and parent is not None and parent in shown else []
    rivals = [*before, *itertools.pairwise(order)]
    return [Match(challenger=a, other=b, episodes=(shown[a], shown[b])) for a, b in rivals[:pairs]]


def read_choice(reply: Reply, task: Task) -> Choice | None:
    """Which episode a reply calls better; None unless it ends in one line `BETTER: ...` and gives a reason."""
    found = answers.answer(reply, "BETTER")
    if found is None or not answers.rests_on(found.said, _names(task)):
        return None
    return next((choice for choice in _CHOICES if choice == found.value), None)


_CHOICES: tuple[Choice, ...] = ("first", "second", "equal")
_SWAPPED: Mapping[Choice, Choice] = {"first": "second", "second": "first", "equal": "equal"}


def p_first(one: Choice | None, swapped: Choice | None) -> float | None:
    """How much the first is preferred, from both orders: 0.5 where they contradict, None where one is no answer."""
    if one is None or swapped is None:
        return None
    return {"first": 1.0, "second": 0.0, "equal": 0.5}[one] if one == _SWAPPED[swapped] else 0.5


def pair_prompt(first: Shown, second: Shown, task: Task) -> Prompt:
    """What the judge is asked about two episodes."""
    return prompting.question(
        "judge_pair_frames.j2" if first.images else "judge_pair.j2",
        images=(*first.captioned("The first episode"), *second.captioned("The second episode")),
        task=views.task_view(task, env_source=False, ranges={}),
        first=first,
        second=second,
    )


def _compared(found: Sequence[Match], task: Task, ask: Ask) -> Mapping[str, Sequence[Compared]]:
    """Every match asked about in both orders, all together; by challenger."""
    questions = [q for number, match in enumerate(found) for q in _both_orders(match, task, after=2 * number)]
    replies = ask(questions) if questions else []
    result: defaultdict[str, list[Compared]] = defaultdict(list)
    for match, given in zip(found, _by(2, replies), strict=True):
        p = p_first(*(read_choice(reply, task) for reply in given))
        said = Preference(
            first=match.challenger, second=match.other, p_first=p, source="llm", who=ask.name, when=""
        )  # no clock: a run that is resumed gives the same
        result[match.challenger].append(Compared(preference=said, spend=answers.cost(given)))
    return result


def _both_orders(match: Match, task: Task, *, after: int) -> list[Question]:
    orders = (match.episodes, match.episodes[::-1])
    return [
        Question(purpose="pair", about=match.challenger, index=after + i, prompt=pair_prompt(*shown, task))
        for i, shown in enumerate(orders, start=1)
    ]


# --- what is said ---------------------------------------------------------------------------------------------------


def _feedback(verdict: Verdict, compared: Sequence[Compared], shown: Shown) -> Feedback:
    score = verdict.score
    images = {"images": [image.sha256 for image in shown.images]} if shown.images else {}
    return Feedback(
        source=NAME,
        text=_text(verdict, shown),
        data={"scores": [None if o is None else o.score for o in verdict.opinions], "score": score, **images},
        spend=sum((c.spend for c in compared), verdict.spend),
        score=score,
        preferences=tuple(c.preference for c in compared),
    )


def _text(verdict: Verdict, shown: Shown) -> str:
    given = [o for o in verdict.opinions if o is not None]
    if verdict.score is None or not given:
        return ""
    return (
        f"A model that saw {shown.what} of a typical episode, not your code, gives it {verdict.score:.2g} of 1 for the "
        f"goal; it may be mistaken:\n{block(given[0].reason, limit=REASON_LIMIT)}"
    )


def _names(task: Task) -> tuple[str, ...]:
    return tuple(s.name for s in task.signals)


def _by(count: int, replies: Sequence[Reply]) -> list[Sequence[Reply]]:
    """`replies` in groups of `count`, in order."""
    return [replies[i : i + count] for i in range(0, len(replies), count)]
