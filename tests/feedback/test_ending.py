"""Why episodes ended: what left its ordinary range in the last steps."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Task, Trajectory

[ENDING] = sources(["ending"], FeedbackSettings())
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]


def falling(steps: int, *, over: int = 10) -> list[float]:
    """Heights of an episode: swaying between 1.19 and 1.21 m, then sinking to 0.7 m over the last steps."""
    standing = [1.2 + 0.01 * (-1) ** i for i in range(steps + 1 - over)]
    return [*standing, *(1.2 - 0.5 * (i + 1) / over for i in range(over))]


def said(attempt: Attempt, task: Task) -> str:
    feedback = ENDING.comment(attempt, Scene(task=task))
    assert feedback is not None
    assert json.loads(json.dumps(feedback.data, allow_nan=False)) == feedback.data
    return feedback.text


def test_a_fall_is_told_with_what_sank_and_how_far(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    kept = [episode([0.0] * 41, height=falling(40), terminated=True) for _ in range(4)]
    # ten steps before the end the torso is in its last ordinary state: 1.2 + 0.01 * (-1) ** 30
    assert said(judged(kept, code=None), task) == (
        "Endings: 4 of 4 kept episodes were ended early by the environment, after 40 of 40 steps. "
        "In the last 10 steps height fell from 1.21 to 0.7 m (ordinary: 1.19 to 1.21)."
    )


def test_a_reward_that_pays_the_fall_as_much_as_the_walk_is_told_so(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    """`fast` is 0.1 times the speed: 0.2 a step while walking, 0.3 while falling; or 0.1."""
    code = (
        "import torch\n\n\ndef compute_reward(speed: torch.Tensor):\n"
        '    fast = 0.1 * speed\n    return fast, {"fast": fast}\n'
    )
    for last, paid in ((3.0, "0.3"), (2.0, "0.2"), (1.0, "")):
        speed = [2.0] * 31 + [last] * 10
        kept = [episode([0.0] * 41, height=falling(40), speed=speed, terminated=True) for _ in range(4)]
        words = said(judged(kept, code=code), task)
        told = f" Your reward paid {paid} a step there, 0.2 before: it does not see such an end coming."
        assert words.endswith(told if paid else "(ordinary: 1.19 to 1.21).")


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        ("0.5", "`fall` fell from 0 to -0.5, but the rest made up for it."),
        ("0.01", "it does not see such an end coming."),  # next to nothing beside the reward
    ],
)
def test_a_component_that_sees_the_end_coming_is_named_where_the_rest_makes_up_for_it(
    judged: MakeAttempt, episode: MakeEpisode, task: Task, weight: str, told: str
) -> None:
    """Over the last ten steps `fast` goes from 2 to 3, and `fall` from 0 to minus its weight."""
    code = (
        "import torch\n\n\ndef compute_reward(speed: torch.Tensor, height: torch.Tensor):\n"
        f"    fall = -{weight} * (height < 1.18).float()\n"
        '    return speed + fall, {"fast": speed, "fall": fall}\n'
    )
    speed = [2.0] * 31 + [3.0] * 10
    kept = [episode([0.0] * 41, height=falling(40), speed=speed, terminated=True) for _ in range(4)]
    words = said(judged(kept, code=code), task)
    assert words.endswith(f" Your reward paid {3 - float(weight):.3g} a step there, 2 before: {told}")


def test_episodes_that_lasted_are_told_in_a_sentence(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    kept = [episode([0.0] * 41) for _ in range(3)]
    assert said(judged(kept, code=None), task) == "Endings: all 3 kept episodes lasted their whole time."


def test_what_happens_in_one_early_end_only_is_not_blamed(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    sway = [1.2 + 0.01 * (-1) ** i for i in range(41)]
    kept = [episode([0.0] * 41, height=sway, terminated=True) for _ in range(3)]
    kept.append(episode([0.0] * 41, height=falling(40), terminated=True))
    assert said(judged(kept, code=None), task).endswith("No signal left its ordinary range before that.")


def test_what_moves_on_as_it_always_did_is_not_blamed(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    """A quantity that grows steadily is always a little beyond where it was: less than a quarter of its range."""
    kept = [episode([0.02 * i for i in range(41)], terminated=True) for _ in range(4)]
    # by step 30 of 40 the ordinary range is 0.03 to 0.57; it ends at 0.8, 0.43 of the range beyond: told
    assert "hand[0] rose" in said(judged(kept, code=None), task)
    # held against episodes that went on to 0.8 and lasted, the same end is ordinary
    kept += [episode([0.02 * i for i in range(41)]) for _ in range(4)]
    assert "hand[0]" not in said(judged(kept, code=None), task)


def test_a_good_end_is_called_solved(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    kept = [episode([0.0] * 11, terminated=True, success=True), episode([0.0] * 21, terminated=True)]
    assert "after 10 to 20 of 40 steps, 1 of them solved." in said(judged(kept, code=None), task)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_very_short_episodes_can_be_told(judged: MakeAttempt, episode: MakeEpisode, task: Task, steps: int) -> None:
    kept = [episode([0.0] * (steps + 1), terminated=True)]
    assert f"after {steps} of 40 steps" in said(judged(kept, code=None), task)
