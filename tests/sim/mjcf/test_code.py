"""A task's own Python: info fields, ends and starts as pure functions, and errors that name the file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
MODELS = Path(__file__).parent.parent / "models"

CODE = """
import torch

READS = {"height": "body(ball).xpos[2]"}

def edit(spec):
    spec.geom("sphere").size = [0.2, 0, 0]

def reset(qpos, qvel, uniform):
    qpos[:, 0] = uniform[:, 0]
    return qpos, qvel + 1.0

def terminated(height, cart):
    return (height < 0.25) | (cart > 1.5)

def both(cart, height):
    return torch.stack([cart, height], dim=-1)

def _hidden(nothing):
    return nothing
"""


@pytest.fixture
def coded(task: Build, tmp_path: Path) -> Callable[..., Task]:
    shutil.copy(MODELS / "pendulum-v1.xml", tmp_path)

    def build(text: str = CODE, **env: object) -> Task:
        (tmp_path / "task.py").write_text(text, encoding="utf-8")
        signals = {"cart": "joint(slider).qpos"}
        return task(folder=tmp_path, code="task.py", signals=signals, **env)

    return build


def test_functions_are_info_fields_and_their_arguments_signals_or_reads(coded: Build, make: Make) -> None:
    frame = make(coded(observation=["info.both", "cart"]), "both").reset()
    torch.testing.assert_close(frame.info["both"][:, 1], torch.full((3,), 0.3))
    torch.testing.assert_close(frame.info["both"][:, 0], frame.obs["obs"][:, 2])
    assert frame.obs["obs"].shape == (3, 3)


def test_an_episode_begins_and_ends_where_the_code_says(coded: Build, make: Make) -> None:
    simulator = make(coded(), "qpos", "qvel")
    frame = simulator.reset()
    starts = frame.info["qpos"][:, 0]
    assert len(set(starts.tolist())) == 3
    assert 0 <= starts.min() < starts.max() < 1
    torch.testing.assert_close(frame.info["qvel"], torch.ones(3, 11))
    ends = [simulator.step(torch.ones(3, 2)) for _ in range(20)]
    assert any(frame.terminated.all() for frame in ends)  # the ball, larger than it was, has come down


def test_code_edits_the_model(coded: Build, make: Make) -> None:
    assert make(coded()).pose(0)[0].geom("sphere").size[0] == 0.2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(crat):\n    return crat\n", r"f\(\) in env\.code asks for 'crat'.* Did you mean 'cart'\? Known: cart"),
        ("READS = {'x': 'body(ball'}\n", r"READS\['x'\] in env\.code: not an expression"),
        ("import nothing_like_that\n", r"task\.py cannot be run: ModuleNotFoundError: No module"),
        ("READS = {'x': 'info.g'}\ndef g(cart):\n    return cart\ndef h(x):\n    return x\n", r"h\(\) .* reads 'g'"),
    ],
)
def test_code_that_does_not_fit_is_one_line(text: str, told: str, coded: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(coded(text), "h", "f")
    assert "\n" not in str(found.value)


def test_a_file_that_is_no_python_is_one_line(coded: Build, make: Make, tmp_path: Path) -> None:
    wanted = coded()
    (tmp_path / "task.txt").write_text(CODE, encoding="utf-8")
    wanted.env.options["code"] = "task.txt"
    with pytest.raises(ConfigError, match=r"env\.code is 'task\.txt', which is no Python file"):
        make(wanted)


def test_a_file_that_is_not_there_is_one_line(task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=r"no such file '.*/nope\.py' for env\.code\."):
        make(task(code="nope.py"))


READS = "import torch\nREADS = {'foot': 'body(ball).xpos', 'all': 'qpos'}\n"


def says(body: str, name: str = "f(foot)") -> str:
    """A file with one function of this body, which begins at line 3 of it."""
    return f"{READS}def {name}:\n    {body}\n"


RETURNED = {
    "1.0": r"f\(\) in env\.code returned a float; expected a tensor of shape \[3, \.\.\.\], a row for each .*line 3\)",
    "None": r"returned None; expected",
    "foot.numpy()": r"returned a numpy\.ndarray; expected",
    "foot.mean()": r"returned a tensor of shape \[\]; expected a tensor of shape \[3, \.\.\.\]",
    "torch.zeros(7)": r"of shape \[7\]; expected",
    "foot[:, 9]": r"f\(\) in env\.code: IndexError: index 9 is out of bounds .* \(task\.py, line 4\)",
    "foot[:, 2] + foot.shape[0]": r"f\(\) in env\.code mixes environments",
    "foot[:, 2] * 0 + torch.arange(len(foot))": r"f\(\) in env\.code mixes environments",
    "torch.rand(len(foot))": r"mixes environments, or draws numbers of its own",
    "foot[:, :1].squeeze()": r"of shape \[\]; expected a tensor of shape \[1, .*That was with one environment alone",
    "foot[[0, 1, 2], 0]": r"IndexError.*That was with one environment alone",
    "foot.mul_(2)": r"changes its argument 'foot' in place",
}


@pytest.mark.parametrize("body", RETURNED)
def test_what_a_function_gives_is_looked_at_when_the_first_frame_is_made(body: str, coded: Build, make: Make) -> None:
    simulator = make(coded(says(f"return {body}")), "f")
    with pytest.raises(
        ConfigError, match=RETURNED[body] or r"of shape \[\]; expected a tensor of shape \[1, "
    ) as found:
        simulator.reset()
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["f", "terminated"])
def test_environments_that_begin_alike_are_told_apart_in_the_second_frame(name: str, coded: Build, make: Make) -> None:
    text = says("return (all[:, 0] - all[:, 0].mean()).abs() > 1e-4", f"{name}(all)")
    simulator = make(coded(text), *({"f"} & {name}))
    simulator.reset()
    with pytest.raises(ConfigError, match=rf"{name}\(\) in env\.code mixes environments"):
        simulator.step(torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))


def test_functions_are_tried_alone_in_the_first_two_frames_only(coded: Build, make: Make) -> None:
    simulator = make(coded(says("CALLS.append(len(foot))\n    return foot") + "CALLS = []\n"), "f")
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(3))]
    [function] = simulator.batch._parts.read.code.functions.values()  # type: ignore[attr-defined]
    calls = function.call.function.__globals__["CALLS"]
    assert len(frames) == 4
    assert calls[-2:] == [3, 3]
    assert calls.count(1) == 4
    assert len(calls) == 2 * (1 + 2) + 2


@pytest.mark.parametrize("shape", ["foot[:, :1] < 0", "foot < 0", "foot.sum() < 0"])
def test_an_end_is_one_number_for_each_environment(shape: str, coded: Build, make: Make) -> None:
    simulator = make(coded(says(f"return {shape}", "terminated(foot)")))
    with pytest.raises(ConfigError, match=r"terminated\(\) in env\.code returned .*; expected a tensor of shape \[3\]"):
        simulator.reset()


STARTED = {
    "return qpos": r"returned a torch\.Tensor; expected both, qpos and qvel",
    "pass": r"returned None; expected both",
    "return qvel, qpos": r"returned as qpos, the first, a tensor of shape \[3, 11\]; expected .* of shape \[3, 13\]",
    "return qpos, qvel[:1]": r"returned as qvel, the second, a tensor of shape \[1, 11\]; expected .* \[3, 11\]",
    "return qpos, qvel * float('nan')": r"numbers that are not finite",
    "return qpos, torch.rand_like(qvel)": r"mixes environments, or draws numbers of its own",
    "return qpos, uniform[:, :11] - uniform[:, :11].mean(0)": r"mixes environments",
    "1 / 0": r"reset\(\) in env\.code: ZeroDivisionError: division by zero \(task\.py, line 4\)",
}


@pytest.mark.parametrize("body", STARTED)
def test_where_episodes_begin_is_looked_at(body: str, coded: Build, make: Make) -> None:
    simulator = make(coded(says(body, "reset(qpos, qvel, uniform)")))
    with pytest.raises(ConfigError, match=STARTED[body]):
        simulator.reset()


def test_reset_is_given_what_it_asks_for_by_name(coded: Build, make: Make) -> None:
    frame = make(coded(says("return qpos + uniform[:, :1], qvel", "reset(uniform, qvel, qpos)")), "qvel").reset()
    assert not frame.info["qvel"].any()
    with pytest.raises(ConfigError, match=r"reset\(\) in env\.code asks for 'q', .* Known: qpos, qvel, uniform"):
        make(coded(says("return q, v", "reset(q, v)")))


def test_quaternions_that_the_code_begins_with_have_length_1(coded: Build, make: Make) -> None:
    frame = make(coded(says("return 1.35 * qpos + 0.1, qvel", "reset(qpos, qvel)")), "joint(root).qpos").reset()
    torch.testing.assert_close(frame.info["joint(root).qpos"][:, 3:].norm(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (says("spec.body('nope').name = 'x'", "edit(spec)"), r"edit\(\) in env\.code: AttributeError: .*line 4\)"),
        (says("pass", "edit(spec, more)"), r"edit\(\) in env\.code cannot be called as edit\(spec\)"),
        ("READS = ['foot']\n", r"READS in env\.code is a list; expected names and their sources"),
        ("READS = {'foot': 3}\n", r"READS in env\.code has 'foot': 3; expected"),
        (
            "def time(cart):\n    return cart\n",
            r"time\(\) .* the place of MuJoCo's own 'time'\. Call it",
        ),
        ("def helper(x):\n    return x\n", r"helper\(\) .* asks for 'x', .*Begin its name with _ if it is a helper"),
        ("x = 1\n1 / 0\n", r"task\.py cannot be run: ZeroDivisionError: division by zero \(line 2\)"),
        ("def f(cart):\n    return cart\n", r"info has no field 'g'\. Known: act, .*, ctrl, f, geom"),
    ],
)
def test_a_file_is_looked_at_when_it_is_loaded(text: str, told: str, coded: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told):
        make(coded(text), *(["g"] if "g'" in told else []))


def test_an_argument_that_does_not_fit_names_the_function(coded: Build, make: Make) -> None:
    simulator = make(coded("READS = {'x': 'qpos[99]'}\ndef f(x):\n    return x\n"), "f")
    with pytest.raises(ConfigError, match=r"f\(\) in env\.code asks for 'x': 99 is out of range: .*; in 'qpos\[99\]'"):
        simulator.reset()


def test_an_argument_with_a_default_keeps_it(coded: Build, make: Make) -> None:
    frame = make(coded("def f(cart, gain=3.0, **more):\n    return cart * 0 + gain\n"), "f").reset()
    assert frame.info["f"].tolist() == [3, 3, 3]


def test_the_file_may_have_dataclasses(coded: Build, make: Make) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Gait:\n    gain: float = 2.0\n\ndef f(cart):\n    return cart * 0 + Gait().gain\n"
    )
    assert make(coded(text), "f").reset().info["f"].tolist() == [2, 2, 2]


def test_a_file_that_cannot_be_run_leaves_no_module(coded: Build, make: Make) -> None:
    before = set(sys.modules)
    with pytest.raises(ConfigError, match="cannot be run"):
        make(coded("import nothing_like_that\n"))
    assert not {name for name in set(sys.modules) - before if name.startswith("rewardsmith_task")}
