"""`refit` and `simplify` as a person types them, on a small run of the point task."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rewardsmith import cli
from rewardsmith.commands.refit import _settings
from rewardsmith.config import EvolveConfig, TrainSettings, over, setting
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run, artefacts

pytestmark = pytest.mark.usefixtures("lent_sandbox")

POINT = """
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 10
control_dt_s: 0.1
signals:
  distance: {source: info.distance, unit: m, doc: distance to the target}
  action: {source: action, shape: [1], unit: "1", doc: velocity command}
fitness: {of: "0 - info.distance", reduce: final, unit: m, doc: minus the last distance to the target}
"""
WRONG = """import torch


def compute_reward(distance: torch.Tensor, action: torch.Tensor):
    near = 2.0 * distance  # the wrong way
    effort = -0.01 * action.square().sum(dim=-1)
    total = near + effort
    return total, {"near": near, "effort": effort}
"""
SMALL = [
    "search.generations=1", "search.offspring=1", "search.repairs=0", "train.env_steps=256", "train.num_envs=4",
    "train.rollout_steps=32", "train.hidden=[8]", "train.legs=1", "judge.episodes=16", "judge.keep=16",
    "judge.final_episodes=4", "judge.probes=[]", "judge.simplify=true", "judge.simplify_seeds=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One seeded reward that goes the wrong way, one offspring; then the winner simplified."""
    folder = tmp_path_factory.mktemp("refit")
    task, seed = folder / "point.yaml", folder / "wrong.py"
    task.write_text(POINT)
    seed.write_text(WRONG)
    sets = [word for setting in SMALL for word in ("--set", setting)]
    words = [
        "evolve",
        str(task),
        "--seed-reward",
        str(seed),
        "--runs",
        str(folder),
        "--name",
        "small",
        "--plain",
        *sets,
    ]
    assert cli.run(words) == 0
    return folder / "small"


def test_refit_writes_the_reward_with_other_numbers_and_says_what_speaks_for_them(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run(["refit", str(run), "g000-00"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("g000-00, fitted to ")
    assert "held-out pairs" in out
    written = (run / "refit" / "g000-00.py").read_text()
    assert "# the wrong way" in written
    assert "near = -" in written
    with Run.open(run, write=False) as opened:
        assert opened.ended() == "finished"  # nothing of the run itself has changed


def test_refit_hears_what_was_said_after_the_last_generation(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same episodes under opposite words: what one of two policies does is better, or worse."""
    told = []
    for better, worse in (("g000-00", "g001-00"), ("g001-00", "g000-00")):
        copy = tmp_path / better
        shutil.copytree(run, copy)
        assert cli.run(["feedback", str(copy), "--prefer", better, worse]) == 0
        capsys.readouterr()
        cli.run(["refit", str(copy), "g000-00", "--output", str(tmp_path / "new.py")])
        told.append(capsys.readouterr().out.partition("written: ")[0])
    assert told[0] != told[1]


@pytest.mark.slow(reason="two commands, a sandbox each")
def test_refit_writes_where_it_is_told_and_nothing_where_nothing_is_gained(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.py"
    assert cli.run(["refit", str(run), "g000-00", "--output", str(file), "--set", "refit.least_pairs=100000"]) == 1
    assert "g000-00 keeps its numbers." in capsys.readouterr().out
    assert not file.exists()
    assert cli.run(["refit", str(run), "g000-00", "--output", str(file), "--set", "refit.returns=mean"]) == 0
    assert file.exists()


def test_a_candidate_that_is_not_there_is_named_with_those_that_are(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["refit", str(run), "g000-01"]) == 2
    assert (
        "There is no candidate 'g000-01'. Did you mean 'g000-00'? Known: g000-00, g001-00." in capsys.readouterr().err
    )


def test_a_run_that_is_to_simplify_its_winner_leaves_the_table_the_diff_and_the_code(run: Path) -> None:
    with Run.open(run, write=False) as opened:
        final = opened.final()
    assert final is not None
    page = (run / "simplified" / f"{final.winner}.md").read_text()
    assert page.startswith(f"# {final.winner}, simplified\n")
    assert "| round | without | fitness [m] | verdict |" in page
    assert (run / "simplified" / f"{final.winner}.py").exists()


def test_simplify_works_on_any_candidate_afterwards_and_leaves_nothing_of_an_earlier_try(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    stale, page = (run / "simplified" / f"g000-00.{kind}" for kind in ("py", "md"))
    stale.write_text("an earlier try")
    assert cli.run(["simplify", str(run), "g000-00", "--set", "train.env_steps=128"]) == 0
    out = capsys.readouterr().out
    assert "(g000-00)" in out
    assert "beside the run's own" in out
    assert not list((run / "best").glob("simplified*"))
    assert "compute_reward" in stale.read_text()
    assert page.read_text().startswith("# g000-00, simplified\n")


def test_a_run_that_cannot_be_written_to_is_told_before_anything_is_trained(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artefacts, "refuses", lambda _: "Read-only file system")
    assert cli.run(["simplify", str(run), "g000-00"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {run}: what is found could not be kept there (Read-only file system).")
    assert "training" not in told


def test_where_a_limit_lets_nothing_be_tried_simplify_says_so_and_an_earlier_try_stays(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = [run / "simplified" / f"g000-00.{kind}" for kind in ("py", "md")]
    for file in earlier:
        file.write_text("an earlier try")
    capsys.readouterr()
    assert cli.run(["simplify", str(run), "g000-00", "--set", "limits.hours=1e-9"]) == 0
    assert capsys.readouterr().out.startswith(
        "g000-00: Nothing was tried. It ended early: limits.hours = 1e-09 reached"
    )
    assert [file.read_text() for file in earlier] == ["an earlier try"] * 2


def test_what_was_set_anew_on_resume_holds_here_too(tmp_path: Path) -> None:
    """A run that came home from a cluster is not simplified on the cluster."""
    away = EvolveConfig(train=TrainSettings(where="ray"))
    with Run.create(tmp_path / "run", task=point_task(), config=away, task_text="", allowed={}) as run:
        assert _settings(run, (), None).train.where == "ray"
        run.change(over(run.settings, [setting("train.where=here")]))
        assert _settings(run, (), None).train.where == "here"
