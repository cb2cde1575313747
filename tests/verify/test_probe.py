"""Tests of `verify.probe`: which faults on data reject, and which only warn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor

from rewardsmith import verify
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.types import Attempt, Rejected, Task, Verified

Probe = Callable[[str, str], "Verified | Rejected"]


@pytest.fixture
def probed(
    task: Task, states: dict[str, Tensor], sandbox: ProcessSandbox, draft: Callable[..., Attempt]
) -> Callable[[str, str], Verified | Rejected]:
    """The outcome of `def compute_reward(<arguments>): r = <expression>; return r, {"r": r}`."""

    def run(arguments: str, expression: str) -> Verified | Rejected:
        code = f"import torch\ndef compute_reward({arguments}):\n    r = {expression}\n    return r, {{'r': r}}"
        (attempt,) = verify.gauntlet([draft(code)], task, sandbox, states)
        assert isinstance(attempt.outcome, Verified | Rejected)
        return attempt.outcome

    return run


def test_a_sound_reward_passes_without_a_word(probed: Probe) -> None:
    outcome = probed("x_velocity, action", "torch.tanh(x_velocity) - 0.01 * action.square().sum(-1).clamp(max=9.0)")
    assert isinstance(outcome, Verified)
    assert outcome.warnings == ()


@pytest.mark.parametrize(
    ("arguments", "expression", "reason"),
    [
        (
            "hand_to_goal_dist",
            "torch.log(hand_to_goal_dist - 0.3)",
            "Cause: log of 0 or of a negative number.",
        ),
        (
            "hand_to_goal_dist",
            "1.0 / (hand_to_goal_dist > 0.2)",
            "Cause: division by zero.",
        ),
        ("x_velocity", "torch.sqrt(x_velocity)", "Cause: sqrt of a negative number."),
        ("x_velocity", "torch.exp(1.0 / (x_velocity > 0))", "Cause: division by zero."),
        ("x_velocity", "(x_velocity - 0.3) ** 1.5 + torch.log(x_velocity)", "a negative one of 0 and log of 0"),
        ("x_velocity", "torch.stack([x_velocity * 1e30] * 3).prod(dim=0) * 1e30", "Usual causes: division by zero"),
        ("joint_vel", "joint_vel[:, 0] / joint_vel.norm(dim=-1)", "not finite where 'joint_vel' is zero"),
        ("x_velocity", "torch.exp(x_velocity * 30)", "at most 1e+06"),
        (
            "x_velocity",
            "torch.where(x_velocity > 6, torch.arange(x_velocity.shape[0]), x_velocity)",
            "changes with the other environments",
        ),
        ("x_velocity", "x_velocity[torch.tensor(0)] + 0 * x_velocity", "changes with the other environments"),
        ("x_velocity", "torch.arange(x_velocity.shape[0]) + x_velocity", "changes with the other environments"),
        ("x_velocity", "x_velocity * 0.0 + 3.0", "Reward is the same (3) in every state."),
    ],
)
def test_faults_a_policy_will_meet_reject(probed: Probe, arguments: str, expression: str, reason: str) -> None:
    outcome = probed(arguments, expression)
    assert isinstance(outcome, Rejected)
    assert outcome.stage == "probe"
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("arguments", "expression", "warning"),
    [
        ("torso_height", "1.0 / torso_height", "not finite where its inputs are all zero"),
        ("x_velocity", "torch.exp(x_velocity)", "Component 'r' is not finite where its inputs are very large."),
        ("torso_height", "(torso_height > 5.0).float()", "learning has nothing to start from"),
        ("x_velocity, action", "x_velocity", "Argument 'action' is never used."),
    ],
)
def test_what_merely_looks_wrong_warns(probed: Probe, arguments: str, expression: str, warning: str) -> None:
    outcome = probed(arguments, expression)
    assert isinstance(outcome, Verified)
    assert any(warning in text for text in outcome.warnings), outcome.warnings


def test_what_torch_would_make_machine_code_for_runs_under_the_lock_too(probed: Probe) -> None:
    assert isinstance(probed("x_velocity", "torch.nn.functional.gelu(x_velocity)"), Verified)


@pytest.mark.parametrize(
    ("arguments", "expression"),
    [
        ("torso_quat", "(torso_quat / torso_quat.norm(dim=-1, keepdim=True))[:, 0]"),
        ("torso_quat", "torch.exp(10.0 * torso_quat[:, 0])"),
        ("hand_to_goal_dist", "torch.exp(-hand_to_goal_dist / 0.1)"),
    ],
)
def test_what_no_state_can_be_is_no_warning(probed: Probe, arguments: str, expression: str) -> None:
    """A direction has length 1 anywhere, and a distance is never negative."""
    outcome = probed(arguments, expression)
    assert isinstance(outcome, Verified)
    assert not [text for text in outcome.warnings if "not finite" in text]
