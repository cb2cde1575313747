"""What docs/mjcf.md promises: its robot takes under twenty lines, and they work as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith import sources, taskfile, yamlfile
from rewardsmith.environment import first_frame
from rewardsmith.sim.mjcf.code import load
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.types import Task

PAGE = (Path(__file__).parents[3] / "docs" / "mjcf.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    (tmp_path / "arm.xml").write_text(blocks("xml")[0], encoding="utf-8")
    (tmp_path / "arm.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    return tmp_path / "arm.yaml"


def test_a_robot_of_ones_own_takes_under_twenty_lines_that_work(arm: Path) -> None:
    assert len(arm.read_text(encoding="utf-8").splitlines()) < 20
    frame = first_frame(taskfile.load(arm))
    assert frame.obs["obs"].shape == (2, 7)


def test_every_key_of_a_model_has_its_row() -> None:
    table = PAGE.partition("## What `env:` can say")[2].partition("###")[0]
    assert set(MjcfKeys.model_fields) - {"backend"} == set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))


def test_every_declaration_on_the_page_is_one() -> None:
    for text in blocks("yaml")[1:]:
        given = yamlfile.parse(text, path="docs/mjcf.md").values
        yamlfile.check(MjcfKeys, {"backend": "mjcf", "model": "m.xml", **given}, at=lambda _: "docs/mjcf.md")


def test_the_code_on_the_page_is_read(task: Callable[..., Task], tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(blocks("python")[0], encoding="utf-8")
    signals = {"torso_height": sources.parse("body(pole).xpos[2]")}
    keys = MjcfKeys(backend="mjcf", model="m.xml", code="task.py")
    found = load(task(folder=tmp_path), keys, signals)
    assert set(found.functions) == {"clearance"}
    assert found.terminated is not None
    assert found.reset is not None
    assert found.edit is not None
