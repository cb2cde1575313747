"""Tests of `verify.static`: what is refused before anything runs, and in which words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewardsmith import verify
from rewardsmith.types import Attempt, Drafted, Rejected, Task

Draft = Callable[..., Attempt]


def _reason(code: str, task: Task, draft: Draft) -> str:
    (attempt,) = verify.static([draft(code)], task)
    assert isinstance(attempt.outcome, Rejected)
    assert attempt.outcome.stage == "static"
    return attempt.outcome.reason


def test_an_undeclared_signal_is_answered_with_what_is_declared(task: Task, draft: Draft) -> None:
    (attempt,) = verify.static(
        [draft("import torch\n\n\ndef compute_reward(\n    target_height,\n): return target_height, {}")], task
    )
    assert attempt.outcome == Rejected(
        stage="static",
        reason=(
            "Reward code asks for 'target_height', which task 'toy_reach' does not declare. "
            "Did you mean 'torso_height'? Declared: torso_height, x_velocity, torso_quat, hand_pos, goal_pos, "
            "hand_to_goal_dist, joint_vel, foot_pos, action, prev_<signal>, "
            "episode_progress, dt, cruise_speed, legs."
        ),
        hint="Use declared names only; a number of your own needs a default value, e.g. weight: float = 0.5.",
        line=5,
    )  # fmt: skip


def test_a_mistyped_signal_gets_a_suggestion(task: Task, draft: Draft) -> None:
    code = "def compute_reward(prev_x_velocty):\n    return prev_x_velocty, {}"
    assert "Did you mean 'prev_x_velocity'?" in _reason(code, task, draft)


def test_fine_code_stays_a_draft(task: Task, draft: Draft) -> None:
    attempt = draft("def compute_reward(x_velocity, prev_action, episode_progress, dt=0.1):\n    return x_velocity, {}")
    assert verify.static([attempt], task) == (attempt,)
    assert isinstance(attempt.outcome, Drafted)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import os", "not 'os'"),
        ("import torch, sys", "not 'sys'"),
        ("from torch import load", "'torch.load' is not offered"),
        ("from torch import randn", "random numbers"),
        ("import random", "random numbers"),
        ("global state", "global variable"),
        ("x = x_velocity.__class__", "'.__class__'"),
        ("x = __builtins__", "'__builtins__'"),
        ("x = open('f')", "may not use 'open'"),
        ("x = torch.hub", "'torch.hub' is not offered"),
        ("x = torch.device('cuda')", "names a device"),
        ("x = torch.cuda.is_available()", "names a device"),
        ("x = np.exp(1)", "may not use numpy"),
        ("x = x_velocity.tolist()", "takes values out"),
        ("yield x_velocity", "may not contain yield"),
        ("x = undefined_thing", "'undefined_thing' is not defined"),
        ("x = x_velocty", "Did you mean 'x_velocity'?"),
        ("x = 0x" + "f" * 4000, "a whole number of more than 300 digits"),
    ],
)
def test_what_reward_code_may_not_hold_is_named(line: str, words: str, task: Task, draft: Draft) -> None:
    code = f"import torch\ndef compute_reward(x_velocity):\n    {line}\n    return x_velocity, {{}}"
    assert words in _reason(code, task, draft)


@pytest.mark.parametrize("code", ["", "\0", "\ud800", "(" * 5000, "x" * 50_000, "-" * 9000 + "1", "a" + ".b" * 9000])
def test_no_text_is_too_odd_to_be_refused(code: str, task: Task, draft: Draft) -> None:
    assert 0 < len(_reason(code, task, draft)) <= 300


def test_annotations_type_imports_and_main_guards_are_no_fault(task: Task, draft: Draft) -> None:
    code = (
        "from __future__ import annotations\nimport typing\nfrom typing import Dict, Tuple\nimport torch\n"
        "from torch import Tensor\n\nSCALE: float = 2.0\n\n"
        "def compute_reward(x_velocity: 'Tensor') -> Tuple[Tensor, Dict[str, Tensor]]:\n"
        "    reward: typing.Any = x_velocity * SCALE\n    return reward, {}\n\n"
        "if __name__ == '__main__':\n    print(open('x'))\n"
    )
    attempt = draft(code)
    assert verify.static([attempt], task) == (attempt,)
