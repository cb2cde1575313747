"""Building on a reward by someone else: only where syntax alone shows that it is safe."""

from __future__ import annotations

import pytest

from rewardsmith.propose.graft import SEAM, graft, grafted, split
from rewardsmith.types import Constant, EnvSpec, Measure, References, Signal, Task

TASK = Task(
    name="made_up",
    goal="Run.",
    env=EnvSpec(backend="envpool", id="MadeUp-v1"),
    signals=(Signal(name="x", shape=(), unit="m", doc="", source="obs[0]"),),
    fitness=Measure(source="x", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.05,
    constants=(Constant(name="count", value=3.0),),
)
PLAIN = 'import torch\n\ndef compute_reward(x, prev_x):\n    return x - prev_x, {"gain": x - prev_x}\n'


def test_the_entry_alone_is_renamed() -> None:
    base = graft(PLAIN, TASK)
    assert base is not None
    assert base.source == PLAIN.rstrip().replace("def compute_reward", "def base_reward")
    assert (base.function, base.arguments) == ("base_reward", ("x", "prev_x"))
    assert "gain" in base.words


def test_a_base_within_a_base_gets_another_name() -> None:
    inner = PLAIN.replace("compute_reward", "base_reward")
    outer = inner + "\ndef compute_reward(x, prev_x):\n    a, b = base_reward(x, prev_x)\n    return a, {**b}\n"
    base = graft(outer, TASK)
    assert base is not None
    assert base.function == "base_reward_2"
    assert grafted(base.source, TASK) == base


def test_a_renamed_entry_and_its_helpers_are_accepted() -> None:
    code = PLAIN.replace("compute_reward", "compute_reward_v3") + "\ndef helper(x):\n    return x\n"
    base = graft(code, TASK)
    assert base is not None
    assert base.arguments == ("x", "prev_x")


@pytest.mark.parametrize(
    ("given", "arguments", "call"),
    [
        ("x, prev_x, dt: float", ("x", "prev_x", "dt"), "base_reward(x, prev_x, dt)"),
        ("x, prev_x, dt=0.1, count=2.0", ("x", "prev_x", "dt", "count"), "base_reward(x, prev_x, dt, count)"),
        ("x, prev_x=None", ("x", "prev_x"), "base_reward(x, prev_x)"),
        ("x, prev_x, scale=2.0", ("x", "prev_x"), "base_reward(x, prev_x)"),
        ("x, prev_x, scale=2.0, dt=0.1", ("x", "prev_x", "dt"), "base_reward(x, prev_x, dt=dt)"),
        ("x, prev_x, scale: int = 2", ("x", "prev_x"), "base_reward(x, prev_x)"),
    ],
)
def test_what_the_task_declares_is_given_and_the_rest_keeps_its_default(
    given: str, arguments: tuple[str, ...], call: str
) -> None:
    base = graft(PLAIN.replace("x, prev_x", given, 1), TASK)
    assert base is not None
    assert (base.arguments, base.call) == (arguments, call)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def compute_reward(:",
        PLAIN.replace("import torch", "import torch as t"),
        PLAIN.replace("prev_x)", "undeclared)"),
        PLAIN.replace("prev_x)", "*, prev_x)"),
        PLAIN.replace("prev_x)", "prev_x, count: int)"),
        PLAIN.replace("prev_x)", "prev_x, of_their_own)"),
        PLAIN.replace("prev_x)", "*rest)"),
        PLAIN.replace('return x - prev_x, {"gain": x - prev_x}', "return x"),
        PLAIN.replace('return x - prev_x, {"gain": x - prev_x}', "pass"),
        PLAIN + "\nagain = compute_reward\n",
        PLAIN + PLAIN,
        "import torch\nx = 1\n",
    ],
)
def test_code_that_is_not_plain_is_refused(code: str) -> None:
    assert graft(code, TASK) is None


def test_the_last_seam_parts_base_and_additions() -> None:
    assert split("a") == (None, "a")
    assert split(f"a\n{SEAM}\nb\n\n{SEAM}\nc") == (f"a\n{SEAM}\nb", "c")
