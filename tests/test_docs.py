"""The pages in docs/ keep their word: the walk-through runs as it stands, the table of tasks is of the task files."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gymnasium
import pytest

from rewardsmith import cli, taskfile

ROOT = Path(__file__).resolve().parents[1]
NEW_TASK = (ROOT / "docs" / "new-task.md").read_text(encoding="utf-8")
TASKS = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    return re.findall(r"^```(\w+)\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


# --- the walk-through -----------------------------------------------------------------------------------------------


@pytest.fixture
def _puck_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `export PYTHONPATH=.` does in a folder of one's own, and undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    gymnasium.registry.pop("Puck-v0", None)
    sys.modules.pop("puck", None)


@pytest.mark.usefixtures("_puck_is_new")
def test_every_step_of_the_walk_through_does_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files are written and commands run in their order; a `text` block is what the command before it prints."""
    said, commands = "", []
    for language, text in blocks(NEW_TASK):
        if language == "python":
            (tmp_path / "puck.py").write_text(text)
        elif language == "yaml" and text.startswith("name: "):
            (tmp_path / "puck.yaml").write_text(text)
        elif language == "yaml":
            assert text in (tmp_path / "puck.yaml").read_text()
        elif language == "text":
            assert text.strip() in said
        elif text != "export PYTHONPATH=.\n":
            program, *words = shlex.split(text)
            assert program == "rewardsmith"
            code = cli.run(words)
            printed = capsys.readouterr()
            said = printed.out + printed.err
            commands.append((words[0], code))
    assert commands == [("new-task", 0), ("new-task", 0), ("check", 2), ("check", 0), ("evolve", 0)]


# --- the table of tasks ---------------------------------------------------------------------------------------------


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    return _script("make_tasks_page")


def test_table_of_tasks_is_that_of_the_task_files(maker: ModuleType) -> None:
    """`python docs/make_tasks_page.py` brings it up to date."""
    assert maker.page(TASKS) == TASKS


def test_table_of_anchors_is_that_of_the_files() -> None:
    """`python docs/make_anchors_page.py` brings it up to date."""
    page = (ROOT / "docs" / "anchors.md").read_text(encoding="utf-8")
    assert _script("make_anchors_page").page(page) == page


def test_every_task_has_a_small_picture(maker: ModuleType) -> None:
    for name in taskfile.names():
        picture = maker.PICTURES / f"{name}.jpg"
        assert 500 < picture.stat().st_size <= maker.LIMIT_BYTES, name
        assert f"(pictures/{name}.jpg)" in TASKS


@pytest.mark.parametrize("page", ["new-task.md", "tasks.md", "anchors.md"])
def test_every_file_linked_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
