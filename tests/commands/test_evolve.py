"""`evolve` and `resume` where a run pauses on its way: within a training, for want of room, or after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from rewardsmith import assemble, cli, feedback, finals, session
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ProposerError
from rewardsmith.learn import ppo
from rewardsmith.store import Run
from rewardsmith.types import Judged

pytestmark = pytest.mark.usefixtures("lent_sandbox")

POINT = """
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 8
control_dt_s: 0.1
signals:
  position: {source: "obs[0]", unit: m, doc: where the point is}
  offset: {source: "obs[2]", unit: m, doc: target minus position}
  action: {source: action, shape: [1], unit: "1", doc: the push}
fitness: {of: "0 - info.distance", reduce: mean, unit: m, doc: minus the mean distance to the target}
success: {of: info.reached, reduce: any}
train: {env_steps: 2560, legs: 5, num_envs: 4, rollout_steps: 32, hidden: [16], checkpoint_minutes: 0}
judge: {episodes: 4, final_episodes: 4, probes: []}
search: {generations: 2, offspring: 2}
"""


class Shell:
    """A shell in a folder of its own, with one task."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.task = folder / "runs", str(folder / "point.yaml")
        Path(self.task).write_text(POINT)

    def __call__(self, command: str, what: str, *words: str) -> int:
        return cli.run([command, what, "--runs", str(self.runs), "--plain", *words])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Runs `rewardsmith WORDS` with runs in `shell.runs`, in the tests' own warm sandbox."""
    return Shell(tmp_path_factory.mktemp("shell"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: 0 if key == "seconds" else _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _outcome(folder: Path) -> dict[str, Any]:
    """What the ledger holds of generations and finals, less times."""
    with Run.open(folder, write=False) as run:
        return {e.key: _plain(e.body) for e in run._ledger.of("generation", "final")}


def _generations(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body for key, body in outcome.items() if key.startswith("generation")}


@pytest.fixture(scope="module")
def unbroken(shell: Shell) -> dict[str, Any]:
    assert shell("evolve", shell.task, "--name", "unbroken") == 0
    assert not list((shell.runs / "unbroken" / "checkpoints").glob("*")), "a run that is over keeps none"
    return _outcome(shell.runs / "unbroken")


@pytest.mark.parametrize(
    "wrong", ["feedback.sources=[sumary]", "search.history_omits=[trajectroy]", "advice.model=gpt-5"]
)
def test_what_can_be_found_wrong_before_a_run_leaves_none(
    wrong: str, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell("evolve", shell.task, "--name", "wrong", "--set", wrong) != 0
    assert not (shell.runs / "wrong").exists()
    assert "resume" not in capsys.readouterr().err


def test_a_wrong_word_to_resume_changes_nothing_of_how_a_run_ended(shell: Shell) -> None:
    words = ("--name", "short", "--set", "limits.env_steps=1")
    assert shell("evolve", shell.task, *words) == 5
    with Run.open(shell.runs / "short", write=False) as run:
        ended, winner = run.ended(), run.final()
    assert shell("resume", "short", "--set", "limits.hourz=1") == 2
    with Run.open(shell.runs / "short", write=False) as run:
        assert run.ended() == ended is not None
        assert run.final() == winner is not None


def test_a_run_by_a_relative_path_goes_on_from_another_folder(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 'import torch\n\ndef compute_reward(offset):\n    near = -offset.abs()\n    return near, {"near": near}\n'
    said = [{"candidate": f"g00{g}-00", "text": f"```python\n{code}```"} for g in (1, 2)]
    (tmp_path / "said.jsonl").write_text("\n".join(map(json.dumps, said)))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    words = ("--model", "replay:said.jsonl", "--set", "search.offspring=1", "--set", "limits.env_steps=1")
    assert shell("evolve", shell.task, "--name", "elsewhere", *words) == 5
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert shell("resume", "elsewhere", "--set", "limits.env_steps=1_000_000") == 0


def test_a_winner_that_was_measured_is_not_measured_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("the finalists were measured again")

    assert shell("evolve", shell.task, "--name", "measured", "--set", "limits.env_steps=1") == 5
    monkeypatch.setattr(finals, "finish", never)
    assert shell("resume", "measured") == 5


def test_a_limit_that_is_reached_in_a_training_saves_it_and_more_goes_on_from_there(
    shell: Shell, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    read: list[int] = []

    def growing() -> float:
        read.append(1)
        return 5000.0 if len(read) > 3 else 50.0  # before generations 0 and 1, and at the first point to resume from

    folder = shell.runs / "grown"
    monkeypatch.setattr(assemble, "resident_mib", growing)
    assert shell("evolve", shell.task, "--name", "grown", "--set", "limits.memory_mib=1000") == 5
    assert "limits.memory_mib = 1000 reached (5000 used); everything so far is saved" in capsys.readouterr().err
    [kept] = (folder / "checkpoints").iterdir()
    assert "-000000008-" in kept.name  # after 8 of 20 rollouts
    assert shell("resume", "grown") == 5
    assert shell("resume", "grown", "--set", "limits.memory_mib=9000") == 0
    assert _generations(_outcome(folder)) == _generations(unbroken)
    with Run.open(folder, write=False) as run:
        assert run.config.limits.memory_mib == 1000
        assert run.settings.limits.memory_mib == 9000


def test_a_limit_that_holds_at_the_one_look_that_is_taken_ends_the_run_and_it_goes_on(
    shell: Shell, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: list[int] = []

    def for_a_moment() -> float:
        read.append(1)
        return 5000.0 if len(read) == 7 else 50.0  # before generations 0 and 1, at four points within it, before 2

    folder = shell.runs / "moment"
    monkeypatch.setattr(assemble, "resident_mib", for_a_moment)
    assert shell("evolve", shell.task, "--name", "moment", "--set", "limits.memory_mib=1000") == 5
    assert "limits.memory_mib = 1000 reached (5000 used); everything so far is saved" in capsys.readouterr().err
    with Run.open(folder, write=False) as run:
        assert len(run.history()) == 2
        assert run.ended() != "finished"
    assert shell("resume", "moment") == 0
    assert _outcome(folder)["final:3"] == unbroken["final:3"]
    assert _generations(_outcome(folder)) == _generations(unbroken)


def test_a_run_that_a_limit_ended_does_not_simplify_its_winner_and_says_so(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--name", "plain", "--set", "limits.env_steps=1", "--set", "judge.simplify=true")
    assert shell("evolve", shell.task, *words) == 5
    told = capsys.readouterr().out
    assert " is not simplified: limits.env_steps = 1 reached (5120 used)." in told
    assert "No component can go" not in told
    assert not (shell.runs / "plain" / "simplified").exists()


def test_on_several_seeds_each_candidate_is_its_median_training(
    shell: Shell,
    unbroken: dict[str, Any],  # noqa: ARG001 - its folder is read
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--set", "train.seeds=3", "--set", "search.generations=1", "--set", "train.race.enabled=false")
    assert shell("evolve", shell.task, "--name", "thrice", *words) == 0
    assert ", median of 3 (" in (shell.runs / "thrice" / "summary.md").read_text()
    with Run.open(shell.runs / "thrice", write=False) as run, Run.open(shell.runs / "unbroken", write=False) as other:
        thrice, once = (r.history()[1].attempts for r in (run, other))
    assert [a.id for a in thrice] == [a.id for a in once]
    for mine, plain in zip(thrice, once, strict=True):
        assert isinstance(mine.outcome, Judged)
        assert isinstance(plain.outcome, Judged)
        assert mine.outcome.score.mean == sorted(m for m in mine.outcome.by_seed if m is not None)[1]
        assert mine.outcome.by_seed[0] == plain.outcome.score.mean, "the first seed is that of a run with one"
        assert len(set(mine.outcome.by_seed)) == 3
        assert {t.source for t in mine.outcome.trajectories} == {mine.id}
        assert mine.spend.env_steps == 3 * plain.spend.env_steps
    assert shell("evolve", shell.task, "--dry-run", *words) == 0
    assert "1 generations x 2 rewards x 2,560 env steps x 3 seeds" in capsys.readouterr().out


def test_limits_that_are_set_anew_are_recorded_and_hold_until_they_are_set_again(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--name", "limited", "--set", "limits.env_steps=1", "--set", "search.generations=9")
    assert shell("evolve", shell.task, *words) == 5
    assert shell("resume", "limited", "--set", "limits.env_steps=6000") == 5
    assert "limits.env_steps = 6000 reached" in capsys.readouterr().err
    assert shell("resume", "limited") == 5
    assert "limits.env_steps = 6000 reached" in capsys.readouterr().err
    with Run.open(shell.runs / "limited", write=False) as run:
        assert len(run._ledger.of("settings")) == 1
        assert len(run.history()) == 3
        assert run.final() is not None, "what was bred is measured"


def test_what_changes_no_number_may_be_set_anew_and_all_else_may_not(
    shell: Shell, unbroken: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--name", "moved", "--set", "limits.env_steps=1", "--set", "train.workers=1")
    assert shell("evolve", shell.task, *words) == 5
    for word in ("train.where=there", "limit.hours=1", "train.w=1", "train=1", "train.env_steps=9"):
        assert shell("resume", "moved", "--set", word) == 2
    told = capsys.readouterr().err
    assert "train.checkpoint_minutes, propose.concurrency, propose.timeout_s, propose.retries. Begin a new run" in told
    words = ("train.where=here", "train.workers=2", "train.farm.groups=3", "limits.env_steps=null")
    assert shell("resume", "moved", *(part for word in words for part in ("--set", word))) == 0
    assert _generations(_outcome(shell.runs / "moved")) == _generations(unbroken)
    with Run.open(shell.runs / "moved", write=False) as run:
        now = run.settings.train
        assert (now.workers, now.farm.groups) == (2, 3)


def test_a_run_that_stops_between_two_legs_goes_on_from_there_and_ends_as_the_unbroken_one(
    shell: Shell, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[int] = []

    class Dying(session.Limited):
        def save(self, key: str, saved: Any) -> None:
            super().save(key, saved)
            saves.append(saved.position)
            if len(saves) in {2, 4, 7}:
                raise KeyboardInterrupt

    monkeypatch.setattr(session, "Limited", Dying)
    assert shell("evolve", shell.task, "--name", "dying") == 130
    assert len(list((shell.runs / "dying" / "checkpoints").glob("*"))) == 1
    assert [shell("resume", "dying") for _ in range(3)] == [130, 130, 0]
    assert saves == [4, 8, 12, 16, 20, 4, 8, 12, 16, 20], "no leg was trained twice"
    assert _outcome(shell.runs / "dying") == unbroken


def test_a_judge_that_cannot_be_asked_after_training_costs_no_training(
    shell: Shell, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    failing = [True]

    class Counting(ppo.Here):
        def train(self, going: Any, legs: Any, job: Any, tell: Any) -> None:
            trained.append(1)
            super().train(going, legs, job, tell)

    comment = feedback.comment

    def unreachable(*args: Any) -> Any:
        if failing[0] and trained:  # generation 0 has nothing to train
            raise ProposerError("nobody answers")
        return comment(*args)

    monkeypatch.setattr(ppo, "Here", Counting)
    monkeypatch.setattr(feedback, "comment", unreachable)
    assert shell("evolve", shell.task, "--name", "judged") == 4
    failing[0] = False
    before = len(trained)
    assert before == 5
    assert shell("resume", "judged") == 0
    assert len(trained) == 2 * before, "the first generation was not trained again"
    assert _outcome(shell.runs / "judged") == unbroken


def test_a_disk_with_too_little_room_pauses_a_run_before_anything_is_asked(
    shell: Shell, unbroken: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shell.runs / "cramped"
    words = ("--name", "cramped", "--set", "limits.free_mib=1_000_000_000")
    assert shell("evolve", shell.task, *words) == 8
    assert "limits.free_mib asks for 1000000000" in capsys.readouterr().err
    assert not (folder / "prompts").exists()
    assert shell("resume", "cramped", "--set", "limits.free_mib=0") == 0
    assert _outcome(folder) == unbroken


def test_settings_of_before_there_was_an_output_limit_still_fit() -> None:
    old = json.loads(EvolveConfig().model_dump_json())
    for name in ("memory_mib", "output_mib", "free_mib"):
        del old["limits"][name]
    assert EvolveConfig.model_validate(old) == EvolveConfig()


def test_a_gpu_that_is_not_there_is_told_before_a_run_begins(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert shell("evolve", shell.task, "--name", "no gpu", "--set", "train.device=cuda") == 2
    assert "torch sees no GPU on this machine" in capsys.readouterr().err
    assert not (shell.runs / "no gpu").exists()


def test_how_to_go_on_is_told_as_a_shell_takes_it(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell("evolve", shell.task, "--name", "my run", "--set", "limits.env_steps=3000")
    told = capsys.readouterr()
    assert f"rewardsmith resume '{shell.runs / 'my run'}' --set limits.env_steps=MORE" in told.out + told.err
