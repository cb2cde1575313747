"""A task's own Python: info fields, ends and starts as pure functions, and errors that name the file."""

from __future__ import annotations

import shutil
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


def test_a_file_that_is_not_there_is_one_line(task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=r"no such file '.*/nope\.py' for env\.code\."):
        make(task(code="nope.py"))
