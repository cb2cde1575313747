"""`render` as a person types it, on the point task; EnvPool and MuJoCo are in tests/sim/test_pictures.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rewardsmith import cli, judge, sim, taskfile
from rewardsmith.config import EvolveConfig, SearchSettings
from rewardsmith.policies import write_policy
from rewardsmith.render import video
from rewardsmith.seeds import stream
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run
from rewardsmith.store.episodes import to_bytes
from rewardsmith.store.sharing import meaning
from rewardsmith.types import Policy

POINT = """
name: point
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 20
control_dt_s: 0.1
signals:
  position: {source: "obs[0]", unit: m, doc: where the point is}
fitness: {of: "0 - info.distance", reduce: final, unit: m, doc: minus the distance at the end}
success: {of: info.reached, reduce: final, at_least: 1.0}
"""
SMALL = ("--size", "64x48")


@pytest.fixture
def point(tmp_path: Path) -> str:
    file = tmp_path / "point.yaml"
    file.write_text(POINT)
    return str(file)


@pytest.fixture
def policy(tmp_path: Path, point_policy: Policy) -> str:
    write_policy(tmp_path / "mine.safetensors", point_policy)
    return str(tmp_path / "mine.safetensors")


def milliseconds(webp: Path) -> int:
    """How long a WebP is shown."""
    with Image.open(webp) as video:
        total = 0
        for i in range(video.n_frames):
            video.seek(i)
            video.load()
            total += video.info["duration"]
    return total


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert cli.run(["render", *words, *SMALL, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_policy_s_file_is_filmed_in_real_time(
    policy: str, point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "videos" / "a.webp"
    found = told([policy, "--task", point, "--out", str(out)], capsys)
    [episode] = found["episodes"]
    assert (found["policy"], found["task"], found["fps"]) == ("mine", "point", 10.0)
    assert (episode["success"], episode["length"], episode["pictures"]) == (True, 20, 21)
    assert episode["fitness"] > -0.05
    assert milliseconds(out) == 2100  # pictures that are alike are one, shown for longer


def test_the_winner_of_a_run_is_filmed_without_naming_the_task(
    point_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(["latest", "--runs", str(point_run.parent), "--out", str(tmp_path / "a.webp")], capsys)
    assert (found["policy"], found["task"], found["episodes"][0]["success"]) == ("g001-00", "point", True)


def test_mp4_is_what_is_written_where_nothing_is_said(
    point_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    av = pytest.importorskip("av", reason="needs PyAV: pip install 'rewardsmith[render]'")
    monkeypatch.chdir(tmp_path)
    [episode] = told([str(point_run), "g001-00"], capsys)["episodes"]
    assert episode["video"] == "point-g001-00.mp4"
    with av.open("point-g001-00.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 21


def test_each_of_several_episodes_has_its_file_and_its_line(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["random", "--task", point, "--episodes", "3", "--out", str(tmp_path / "a.webp"), "--seed", "7", *SMALL]
    assert cli.run(["render", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["episode 0", "episode 1", "episode 2"]
    assert all(" m, " in line and "20 steps (2 s), seed " in line for line in lines)
    assert sorted(p.name for p in tmp_path.glob("*.webp")) == ["a-0.webp", "a-1.webp", "a-2.webp"]


def test_the_worst_alone_is_filmed_and_its_pictures_kept_one_by_one(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["random", "--task", point, "--episodes", "5", "--pick", "worst", "--frames", str(tmp_path / "f")]
    episodes = told([*words, "--fps", "5"], capsys)["episodes"]
    worst = min(episodes, key=lambda e: e["fitness"])["number"]
    assert {e["number"]: e["pictures"] for e in episodes} == {n: 11 if n == worst else 0 for n in range(5)}
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == [f"{worst}-{i:05}.png" for i in range(11)]
    assert all(e["video"] is None for e in episodes)


def test_the_episodes_that_a_run_keeps_are_filmed_again(
    point_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(point_run), "g001-00", "--kept", "--out", str(tmp_path / "k.webp")]
    episodes = told(words, capsys)["episodes"]
    assert [e["pictures"] for e in episodes] == [21, 21]
    assert episodes[0]["fitness"] <= episodes[1]["fitness"]
    assert sorted(p.name for p in tmp_path.glob("k-*.webp")) == ["k-0.webp", "k-1.webp"]


@pytest.fixture
def begun_run(point_run: Path) -> Path:
    """The same run, begun with episodes of random play and of another run."""
    config = EvolveConfig(seed=3, search=SearchSettings(generations=2, offspring=2, restarts=2, repairs=1))
    seed, task = stream(config.seed, 0, "random"), point_task()
    played = judge.play_random(task, sim.make, seed=seed, episodes=3, watch=lambda _: None, keep=3)
    other = judge.play_random(task, sim.make, seed=99, episodes=2, watch=lambda _: None, keep=2)
    assert isinstance(played, judge.Played)
    assert isinstance(other, judge.Played)
    known = [*played.trajectories, *(replace(t, source="elsewhere/g001-00") for t in other.trajectories)]
    with Run.open(point_run, write=True) as run:
        run.set_start_trajectories(known)
    return point_run


@pytest.mark.parametrize(("word", "count"), [("random", 3), ("imported", 2), ("g001-00", 2)])
def test_what_a_run_began_with_is_filmed_too(
    begun_run: Path, word: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told([str(begun_run), word, "--kept", "--out", str(tmp_path / "k.webp")], capsys)
    fitness = [e["fitness"] for e in found["episodes"]]
    assert (found["policy"], len(fitness), fitness) == (word, count, sorted(fitness))


def test_some_of_the_kept_episodes_are_the_worst_and_the_best(
    begun_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(begun_run), "random", "--kept", "--out", str(tmp_path / "k.webp")]
    every = [e["fitness"] for e in told(words, capsys)["episodes"]]
    for more, expected in (
        (["--episodes", "2"], [every[0], every[-1]]),
        (["--pick", "worst"], every[:1]),
        (["--pick", "best"], every[-1:]),
    ):
        assert [e["fitness"] for e in told([*words, *more], capsys)["episodes"]] == expected


def test_the_episodes_of_a_file_are_filmed(point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, file = taskfile.load(point).task, tmp_path / "known.safetensors"
    played = judge.play_random(task, sim.make, seed=5, episodes=2, watch=lambda _: None, keep=2)
    assert isinstance(played, judge.Played)
    file.write_bytes(to_bytes(played.trajectories, about={"task": task.name, "meaning": meaning(task)}))
    words = [str(file), "--kept", "--out", str(tmp_path / "k.webp")]
    found = told([*words, "--task", point], capsys)["episodes"]
    assert [e["fitness"] for e in found] == [t.fitness for t in played.trajectories]
    assert cli.run(["render", *words, *SMALL]) == 2
    assert "Of which task are the episodes" in capsys.readouterr().err


def test_single_pictures_of_an_earlier_render_are_not_mixed_with_new_ones(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "f"
    words = ["render", "random", "--task", point, "--frames", str(folder), *SMALL]
    folder.mkdir()
    (folder / "mine.png").write_text("a person's own")
    assert cli.run(words) == 0
    capsys.readouterr()
    before = sorted(folder.iterdir())
    assert cli.run([*words, "--seed", "4"]) == 2
    assert "f: 21 pictures of an earlier render lie there (0-00000.png to 0-00020.png)." in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_single_pictures_of_an_interrupted_render_are_taken_away_again(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = tmp_path / "f", video.write_png

    def until_ctrl_c(path: Path, picture: Any) -> None:
        write(path, picture)
        if path.name == "0-00004.png":
            raise KeyboardInterrupt

    folder.mkdir()
    (folder / "mine.png").write_text("a person's own")
    monkeypatch.setattr(video, "write_png", until_ctrl_c)
    assert cli.run(["render", "random", "--task", point, "--frames", str(folder), *SMALL]) == 130
    assert [path.name for path in folder.iterdir()] == ["mine.png"]


def test_train_writes_a_policy_that_render_films(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["train.env_steps=256", "train.num_envs=4", "train.rollout_steps=32", "judge.final_episodes=2"]
    sets = [word for setting in small for word in ("--set", setting)]
    file = str(tmp_path / "p.safetensors")
    assert cli.run(["train", "--reference", "expert", "--task", point, "--policy", file, *sets]) == 0
    capsys.readouterr()
    assert told([file, "--task", point, "--out", str(tmp_path / "a.webp")], capsys)["episodes"][0]["length"] == 20


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["random"], "Which task does 'random' play? Expected --task TASK."),
        (["x.safetensors"], "Which task does 'x.safetensors' play? Expected --task TASK."),
        (["random", "g001-00", "--task", "TASK"], "'g001-00' names a run's candidate, but 'random' is no run."),
        (["random", "--task", "TASK", "--size", "big"], "--size big: expected WIDTHxHEIGHT in pixels"),
        (["random", "--task", "TASK", "--out", "a.gif"], "a.gif: expected a file that ends in .mp4 or .webp."),
        (["random", "--task", "TASK", "--kept"], "--kept films episodes as a run keeps them, in its own task."),
        (["RUN", "--task", "TASK", "--kept"], "--kept films episodes as a run keeps them, in its own task."),
        (["RUN", "random", "--kept"], "20260101-000000-point keeps no episode of 'random' (pool.random)."),
        (["random", "--task", "no_such_task"], "no_such_task"),
        (["RUN", "g009-09"], "20260101-000000-point has no candidate 'g009-09'."),
        (
            ["RUN", "--task", "cartpole_swingup"],
            "sees 3 numbers and gives 1; task 'cartpole_swingup' shows 5 and takes 1.",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    words: list[str], error: str, point: str, point_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"TASK": point, "RUN": str(point_run)}
    size = () if "--size" in words else SMALL
    assert cli.run(["render", *(names.get(word, word) for word in words), *size]) == 2
    found = capsys.readouterr().err
    assert found.count("\n") == 1
    assert error in found


def test_a_missing_run_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["render", "nothing", "--runs", str(tmp_path)]) == 3
    assert "There is no run called 'nothing'" in capsys.readouterr().err


def test_a_video_that_cannot_be_written_is_exit_code_6(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["render", "random", "--task", point, "--out", str(tmp_path / "file" / "a.webp"), *SMALL]) == 6
    assert f"Nothing can be written in {tmp_path}/file" in capsys.readouterr().err
    assert cli.run(["render", "random", "--task", point, "--frames", str(tmp_path / "file"), *SMALL]) == 6
    assert f"Nothing can be written in {tmp_path}/file" in capsys.readouterr().err
    (tmp_path / "folder.webp").mkdir()
    assert cli.run(["render", "random", "--task", point, "--out", str(tmp_path / "folder.webp"), *SMALL]) == 2
    assert "folder.webp is a folder. Expected a file" in capsys.readouterr().err


def test_a_negative_seed_is_refused_in_a_line(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["render", "random", "--task", point, "--seed", "-1", *SMALL]) == 2
    assert capsys.readouterr().err.startswith('error: Invalid value "-1" for --seed. Must be >= 0.')
