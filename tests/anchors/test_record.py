"""Anchor files: written whole, read back exactly, and of one task as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith.anchors import record as file
from rewardsmith.anchors.record import Machine, Record, Scored, task_sha256
from rewardsmith.config import TrainSettings
from rewardsmith.errors import ConfigError, RunError
from rewardsmith.types import EnvSpec, Measure, References, Score, Task

GOLDEN = Path(__file__).parents[1] / "golden" / "anchors"
SCORE = Score(
    episodes=(1.0, 3.0), mean=2.0, ci95=12.7, success_rate=0.5, success_ci95=(0.1, 0.9), mean_length=10.0
)  # fmt: skip
A = Machine(cpu="a", cores=2, gpu=None, versions={"torch": "2"})
B = Machine(cpu="b", cores=8, gpu="a big one", versions={"torch": "3"})


def trained(record: Record, *, seed: int, machine: Machine = A, mean: float = 2.0) -> Record:
    return file.with_training(
        record,
        replace(SCORE, mean=mean),
        reward="expert",
        env_steps=128,
        seed=seed,
        env_steps_per_s=1000.0,
        machine=machine,
        date="2026-11-21",
    )


def test_a_file_reads_back_as_it_was(fresh: Record, tmp_path: Path) -> None:
    record = trained(file.with_random(fresh, SCORE, machine=B, date="2026-11-20"), seed=0)
    file.write(tmp_path / "deep" / "point.json", record)
    assert file.read(tmp_path / "deep" / "point.json") == record


def test_a_file_looks_as_people_know_it(fresh: Record, tmp_path: Path) -> None:
    record = trained(file.with_random(fresh, SCORE, machine=A, date="2026-11-20"), seed=0)
    file.write(tmp_path / "point.json", record)
    text = (tmp_path / "point.json").read_text()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / "point.json").write_text(text)
    assert text == (GOLDEN / "point.json").read_text()


def test_trainings_stand_in_order_whatever_order_they_come_in(fresh: Record) -> None:
    assert trained(trained(fresh, seed=1), seed=0) == trained(trained(fresh, seed=0), seed=1)


def test_a_training_made_again_takes_the_place_of_the_old_one(fresh: Record) -> None:
    [only] = trained(trained(fresh, seed=0, mean=1.0), seed=0, mean=5.0).trainings
    assert isinstance(only.result, Scored)
    assert only.result.fitness == 5.0


def test_a_machine_is_listed_once(fresh: Record) -> None:
    record = trained(trained(trained(fresh, seed=0), seed=1, machine=B), seed=2)
    assert record.machines == (A, B)
    assert [t.machine for t in record.trainings] == [0, 1, 0]


# --- whole or not at all --------------------------------------------------------------------------------------------


def test_commands_that_keep_at_once_lose_nothing_of_one_another(fresh: Record, tmp_path: Path) -> None:
    path, seeds = tmp_path / "point.json", range(12)
    with ThreadPoolExecutor(len(seeds)) as commands:
        list(commands.map(lambda seed: file.keep(path, trained(fresh, seed=seed)), seeds))
    assert [t.seed for t in file.read(path).trainings] == list(seeds)


def test_a_write_that_fails_leaves_the_old_file(fresh: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write(tmp_path / "point.json", fresh)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"point\.json cannot be written \(No space left on device\)"):
        file.write(tmp_path / "point.json", trained(fresh, seed=0))
    monkeypatch.undo()
    assert file.read(tmp_path / "point.json") == fresh
    assert [p.name for p in tmp_path.iterdir()] == ["point.json"]


def changed(text: str, **values: object) -> str:
    return json.dumps({**json.loads(text), **values})


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], r"is damaged: no JSON \("),
        (lambda _: "", r"is damaged: no JSON \("),
        (lambda _: "[]", r"its format is None; this version reads format 1\."),
        (lambda text: changed(text, format=0), r"its format is 0; this version reads format 1\."),
        (lambda text: changed(text, episodes="many"), r"is damaged: episodes: Input should be a valid integer"),
        (lambda text: changed(text, oracle=1), r"is damaged: oracle: Extra inputs are not permitted"),
        (lambda text: changed(text, machines=[]), r"is damaged: the file: .*names a machine that is not listed"),
        (
            lambda text: changed(text, trainings=2 * json.loads(text)["trainings"]),
            r"is damaged: the file: .*a training stands in it twice",
        ),
    ],
    ids=["torn", "empty", "no record", "older", "wrong type", "unknown key", "lost machine", "twice"],
)
def test_a_damaged_or_older_file_is_one_error_that_says_what_to_do(
    damage: Callable[[str], str], told: str, fresh: Record, tmp_path: Path
) -> None:
    path = tmp_path / "point.json"
    file.write(path, trained(fresh, seed=0))
    path.write_text(damage(path.read_text()))
    with pytest.raises(ConfigError, match=rf"point\.json: {told}") as caught:
        file.read(path)
    assert str(caught.value).endswith(
        "Put back a good copy, or delete it and measure anew with `rewardsmith anchors`."
    )  # fmt: skip
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"point\.json: cannot be read: No such file or directory"):
        file.read(tmp_path / "point.json")


# --- of one task, measured in one way -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"env": EnvSpec(backend="point", id="Point-v0", options={"edge": 1.0})},
        {"episode_steps": 11},
        {"control_dt_s": 0.2},
        {"fitness": Measure(source="-distance", reduce="mean")},
        {"fitness": Measure(source="distance", reduce="final")},
        {"success": None},
        {"success": Measure(source="info.reached", reduce="any")},
        {"references": References(expert="reward", sparse=None)},
        {"references": References(expert=None, sparse="info.reached")},
        {"signals": ()},
    ],
)
def test_anchors_are_of_another_task_when_what_they_measure_changes(change: dict[str, object], task: Task) -> None:
    assert task_sha256(replace(task, **change)) != task_sha256(task)  # type: ignore[arg-type]


def test_anchors_stay_when_only_words_change(task: Task) -> None:
    assert task.success is not None
    told_anew = replace(
        task,
        goal="Go there.",
        path="/elsewhere.yaml",
        fitness=replace(task.fitness, doc="other words"),
        success=replace(task.success, doc="other words"),
        signals=tuple(replace(s, doc="other words") for s in task.signals),
    )
    assert task_sha256(told_anew) == task_sha256(task)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"env_steps": 7, "curve_points": 20, "threads": 2, "device": "cuda", "preset": "classic"}, True),
        ({"gamma": 0.9}, False),
        ({"hidden": (16,)}, False),
    ],
)
def test_settings_that_train_another_policy_make_another_file(
    change: dict[str, object], same: bool, task: Task, fresh: Record
) -> None:
    other = file.begin(task, TrainSettings(**{**fresh.settings.model_dump(), **change}), episodes=fresh.episodes)
    assert trained(fresh, seed=0).of_same(other) is same
    assert not fresh.of_same(fresh.model_copy(update={"episodes": 99}))


def test_a_setting_that_came_later_has_its_default_in_an_older_file(fresh: Record, task: Task, tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    plain = file.begin(task, TrainSettings(), episodes=4)
    file.write(path, plain)
    written: Sequence[str] = list(json.loads(path.read_text())["settings"])
    path.write_text(changed(path.read_text(), settings={}))
    assert "gamma" in written
    assert file.read(path).of_same(plain)
    assert not file.read(path).of_same(fresh)
