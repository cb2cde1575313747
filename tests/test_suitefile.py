"""Suites: each that ships names tasks that ship, and a wrong word is told with the nearest one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import suitefile, taskfile
from rewardsmith.errors import ConfigError, UsageError

SIZES = {"card10": 10, "gym5": 5, "hands3": 3, "mt10": 10, "playground5": 5, "smoke": 3}


def test_the_suites_that_ship() -> None:
    assert {name: len(suitefile.load(name).tasks) for name in suitefile.names()} == SIZES


@pytest.mark.parametrize("name", suitefile.names())
def test_a_suite_is_named_like_its_file_and_names_tasks_that_ship(name: str) -> None:
    suite = suitefile.load(name)
    assert suite.name == name
    assert set(suite.tasks) <= set(taskfile.names())
    assert suite.about.endswith(".")


def test_no_suite_is_called_like_a_task() -> None:
    assert not set(suitefile.names()) & set(taskfile.names())


def test_a_word_stands_for_a_suite_a_task_or_a_file() -> None:
    assert suitefile.tasks_of("hands3") == ("adroit_door", "hand_block", "hand_pen")
    assert suitefile.tasks_of("hopper_hop") == ("hopper_hop",)


def test_a_path_stands_for_a_task_or_for_the_suite_that_the_file_is(tmp_path: Path) -> None:
    task, suite = tmp_path / "arm.yaml", tmp_path / "mine.yaml"
    task.write_text("name: arm\n")
    suite.write_text("name: mine\nabout: Two arms.\nsource: ours\ntasks: [arm.yaml, reach]\n")
    assert suitefile.tasks_of(str(task)) == (str(task),)
    assert suitefile.tasks_of(str(suite)) == (str(task), "reach")
    assert suitefile.tasks_of(str(suite), only=("reach",)) == ("reach",)
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        suitefile.tasks_of(str(tmp_path / "none.yaml"))


def test_some_of_a_suite_come_in_its_own_order() -> None:
    assert suitefile.tasks_of("gym5", only=("reacher_reach", "hopper_hop")) == ("hopper_hop", "reacher_reach")


@pytest.mark.parametrize(("word", "meant"), [("gim5", "gym5"), ("hoper_hop", "hopper_hop"), ("mt-10", "mt10")])
def test_an_unknown_word_is_told_with_the_nearest_suite_or_task(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"Unknown suite or task '{word}'\. Did you mean '{meant}'\? Suites: card10"):
        suitefile.tasks_of(word)


def test_a_task_that_the_suite_does_not_have_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'gym5' has no task 'hopper_run'\. Did you mean 'hopper_hop'\? It has: half"):
        suitefile.tasks_of("gym5", only=("hopper_run",))


@pytest.mark.parametrize(
    ("tasks", "told"),
    [("[reach, push, reach]", "names reach twice"), ("[]", "at least 1 item"), ("reach", "should be a list")],
)
def test_a_wrong_suite_file_is_an_error_with_its_line(tasks: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nabout: Two arms.\nsource: ours\ntasks: {tasks}\n")
    with pytest.raises(ConfigError, match=rf"mine\.yaml:4: .*{told}"):
        suitefile.load(file)
