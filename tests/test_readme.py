"""The README keeps its word: its task file is valid, its reward passes, its commands and targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rewardsmith import cli, taskfile
from rewardsmith.environment import first_frame
from rewardsmith.sandbox import gate

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def shown(word: str) -> list[str]:
    """The lines of shell blocks that begin with `word`, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for text in blocks for line in text.splitlines()]
    return [line for line in lines if line.startswith(f"{word} ")]


def blocks(language: str) -> list[str]:
    """The fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.partition("\n")[0])
def test_the_task_files_shown_are_valid_and_fit_their_environments(text: str, tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(text)
    first_frame(taskfile.load(str(file)))


def test_a_robot_takes_under_twenty_lines() -> None:
    [robot] = [text for text in blocks("yaml") if "backend: mjcf\n" in text]
    assert len(robot.splitlines()) < 20


def test_the_reward_shown_passes_the_gate() -> None:
    assert gate.check(blocks("python")[0]).function == "compute_reward"


@pytest.mark.parametrize("command", sorted({line.split()[1] for line in shown("rewardsmith")}))
def test_every_command_shown_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    assert f"Usage: rewardsmith {command}" in capsys.readouterr().out


def test_every_option_shown_is_one_of_its_command_s(capsys: pytest.CaptureFixture[str]) -> None:
    for line in shown("rewardsmith"):
        words = line.split()
        assert cli.run([words[1], "--help"]) == 0
        known = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in known] == [], line


def test_every_make_target_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {line.split()[1] for line in shown("make")} | set(re.findall(r"`make ([a-z-]+)`", README))
    assert {"demo", "test"} <= named <= targets


def test_every_file_linked_is_there() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
