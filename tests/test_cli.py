"""The commands as a person types them, in this process."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rewardsmith import __version__, cli, judge, sim, taskfile
from rewardsmith.policies import read_policy
from rewardsmith.seeds import stream
from rewardsmith.types import Score

POINT = """
name: point_reach
goal: A point on a line should go to a target.
env: {backend: point, id: Point-v0}
episode_steps: 20
control_dt_s: 0.1
signals:
  position: {source: "obs[0]", unit: m, doc: where the point is}
  offset: {source: "obs[2]", unit: m, doc: target minus position}
  action: {source: action, shape: [1], unit: "1", doc: the push}
fitness: {of: "0 - info.distance", reduce: mean, unit: m, doc: minus the mean distance to the target}
success: {of: info.reached, reduce: any}
train: {env_steps: 512, num_envs: 4, rollout_steps: 32, hidden: [16]}
judge: {episodes: 4, final_episodes: 4}
"""
GOOD = """import torch

def compute_reward(offset: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    near = torch.exp(-offset.abs() / 0.5)
    return near, {"near": near}
"""
COMMANDS = (
    "evolve", "resume", "show", "feedback", "verify", "train", "render", "fsck", "check", "new-task", "anchors",
    "doctor",
)  # fmt: skip
UNKNOWN_SIGNAL = "import torch\n\ndef compute_reward(ofset):\n    return -ofset, {}\n"


@pytest.fixture
def point(tmp_path: Path) -> str:
    """A task file of the point simulator, which needs no physics."""
    file = tmp_path / "point.yaml"
    file.write_text(POINT)
    return str(file)


def reward(folder: Path, name: str, code: str) -> str:
    (folder / name).write_text(code)
    return str(folder / name)


# --- the door ---------------------------------------------------------------------------------------------------------


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_help_lists_every_command_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    assert [name for name in (*COMMANDS, "tasks", "methods", "schema") if f" {name} " not in out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    assert f"Usage: rewardsmith {command}" in capsys.readouterr().out


def test_help_loads_neither_torch_nor_a_simulator() -> None:
    script = "import sys; from rewardsmith.cli import run; run(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(out.splitlines()[-1].split())
    assert loaded.isdisjoint({"torch", "mujoco", "envpool", "gymnasium", "numpy", "openai", "pydantic"})


def test_unknown_command_is_one_line_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evovle"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith('error: Unknown command "evovle". Did you mean "evolve"?')
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_unknown_option_is_one_line_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evolve", "hopper_hop", "--sed", "3"]) == 2
    assert "--sed" in (err := capsys.readouterr().err)
    assert "--seed" in err


def test_unknown_task_is_told_with_the_nearest_and_without_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evolve", "hopper_hopp"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: Unknown task 'hopper_hopp'. Did you mean 'hopper_hop'?")
    assert "Traceback" not in err


def test_a_fault_of_ours_shows_its_traceback_and_owns_up(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_backend.py").write_text("def make(task, **_):\n    raise KeyError('on purpose')\n")
    monkeypatch.syspath_prepend(tmp_path)
    Path(point).write_text(POINT.replace("backend: point", "backend: 'broken_backend:make'"))
    assert cli.run(["check", point]) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'on purpose'" in err
    assert "This is a bug of rewardsmith" in err


# --- what ships -------------------------------------------------------------------------------------------------------


def test_tasks_lists_name_environment_and_goal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tasks"]) == 0
    out = capsys.readouterr().out
    assert "half_cheetah_run" in out
    assert "HalfCheetah-v5" in out
    assert "door_open: A robot arm" in out


def test_tasks_as_json_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tasks", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"name", "backend", "env", "episode_steps", "fitness", "goal"} == set(rows[0])


def test_methods_lists_eureka_with_its_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["methods"]) == 0
    assert re.search(r"^eureka +Eureka: Human-Level Reward Design", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(("kind", "key"), [("task", "signals"), ("config", "search")])
def test_schema_is_a_json_schema(kind: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema", kind]) == 0
    assert key in json.loads(capsys.readouterr().out)["properties"]


def test_doctor_finds_the_sandbox_working_and_names_keys_without_their_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-value-is-nobody-s-business")
    assert cli.run(["doctor", "--json"]) == 0
    out = capsys.readouterr().out
    findings = json.loads(out)
    found = {finding["what"]: finding for finding in findings}
    assert found["sandbox"]["state"] == "yes"
    attacks = [finding for finding in findings if finding["what"] == "sandbox attack"]
    assert len(attacks) >= 10
    assert {attack["state"] for attack in attacks} == {"yes"}
    assert found["sandbox attacks"]["told"] == f"{len(attacks)} tried; none of them left a trace"
    assert "OPENAI_API_KEY" in found["keys found"]["told"]
    assert "nobody-s-business" not in out
    drawing = {f"rendering, {kind}" for kind in ("EGL", "OSMesa", "EnvPool")}
    assert drawing | {"cores", "memory", "GPU", "packages", "videos", "local Ollama"} <= set(found)


# --- check ------------------------------------------------------------------------------------------------------------


def test_check_tells_every_signal_with_its_range(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", point, "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    ranges = {s["name"]: s for s in seen["signals"]}
    assert set(ranges) == {"position", "offset", "action"}
    assert ranges["action"]["shape"] == [1]
    assert -1.0 <= ranges["action"]["low"] < ranges["action"]["high"] <= 1.0
    assert len(seen["fitness"]) == len(seen["success"]) == 8
    assert all(f <= 0 for f in seen["fitness"])
    assert seen["expert_reward"]["high"] <= 0
    assert seen["env_steps_per_s"] > 0


def test_check_in_words_names_units_and_speed(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", point]) == 0
    out = capsys.readouterr().out
    assert "target minus position" in out
    assert "env steps/s" in out


def test_check_says_that_fitness_is_not_finite(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(point).write_text(POINT.replace('"0 - info.distance"', '"sqrt(0 - info.distance)"'))
    assert cli.run(["check", point]) == 1
    out = capsys.readouterr().out
    assert "PROBLEM: " in out
    assert "under random actions," not in out
    assert cli.run(["check", point, "--json"]) == 1
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert "finite" in problem


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ("references: {expert: sqrt(reward + 0.5)}", "the expert's reward was not finite"),
        (
            'fitness: {of: "sqrt(info.distance - 0.05)", reduce: final, unit: m, doc: it}',
            "2 of 8 episodes cannot be kept: at a step the fitness or a signal was not finite",
        ),
    ],
)
def test_check_tells_the_fitness_and_what_else_is_not_finite(
    changed: str, problem: str, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = changed.partition(":")[0]
    lines = [line for line in POINT.splitlines() if not line.startswith(f"{key}:")]
    Path(point).write_text("\n".join([*lines, changed]))
    assert cli.run(["check", point]) == 1
    assert re.search(r"8 episodes, 20 steps long on average:\n  fitness -?[\d.]+ on average", capsys.readouterr().out)
    assert cli.run(["check", point, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == [problem]
    assert len(told["fitness"]) == 8


def test_check_names_file_and_line_of_a_missing_info_field(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(point).write_text(POINT.replace("info.distance", "info.distanse"))
    assert cli.run(["check", point]) == 2
    line = POINT.splitlines().index(next(x for x in POINT.splitlines() if x.startswith("fitness"))) + 1
    assert f"{point}:{line}: info has no field 'distanse'. Did you mean 'distance'?" in capsys.readouterr().err


# --- verify and train -------------------------------------------------------------------------------------------------


def test_verify_tells_accepted_from_rejected_and_why(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [reward(tmp_path, "good.py", GOOD), reward(tmp_path, "bad.py", UNKNOWN_SIGNAL)]
    assert cli.run(["verify", *files, "--task", point, "--json"]) == 1
    good, bad = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert good["accepted"]
    assert (good["inputs"], good["components"], good["stage"]) == (["offset"], ["near"], None)
    assert len(good["graph_hash"]) == 64
    assert not bad["accepted"]
    assert bad["stage"] == "static"
    assert "ofset" in bad["reason"]
    assert bad["line"] == 3
    keys = {"file", "accepted", "stage", "reason", "hint", "line", "warnings", "graph_hash", "inputs", "components"}
    assert set(good) == set(bad) == keys | {"seconds"}


def test_verify_of_a_missing_file_is_a_usage_error(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", "no_such.py", "--task", point]) == 2
    assert "no_such.py: cannot be read" in capsys.readouterr().err


def test_verify_tells_a_missing_file_at_once(point: str) -> None:
    code = f"""
import sys
from rewardsmith import cli
assert cli.run(["verify", "no_such.py", "--task", {point!r}]) == 2
assert "torch" not in sys.modules, "loading it takes seconds"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "wrong", "told"),
    [
        ("obs[0]", "obs[99]", "obs[99]"),
        ("shape: [1]", "shape: [7]", "'action' declares shape [7]"),
        ("Point-v0}", "Point-v0, observation: obs.state}", "obs.state"),
    ],
)
def test_a_task_that_does_not_fit_its_environment_is_told_before_anything_is_played(
    text: str, wrong: str, told: str, tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good, changed = reward(tmp_path, "good.py", GOOD), POINT.replace(text, wrong)
    Path(point).write_text(changed)
    line = next(i for i, row in enumerate(changed.splitlines(), start=1) if wrong in row)
    for words in (["verify", good], ["train", good], ["train", "--reference", "sparse"], ["render", "random"]):
        assert cli.run([*words, "--task", point]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {point}:{line}: ")
        assert told in error
        assert error.count("\n") == 1


@pytest.mark.usefixtures("lent_sandbox")
def test_train_verifies_trains_and_judges_one_reward(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", reward(tmp_path, "good.py", GOOD), "--task", point, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["accepted"]
    [only] = result["seeds"]
    assert (only["seed"], only["env_steps"], len(only["episodes"])) == (0, 512, 4)
    assert result["fitness"] == only["fitness"] == pytest.approx(sum(only["episodes"]) / 4)
    assert result["fitness_ci95"] == only["fitness_ci95"]
    assert "component/near" in only["curves"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--seeds", "21"), "train.seeds"),
        (("--set", "limits.env_steps=100"), "limits end a run of `rewardsmith evolve`"),
        (("--set", "train.device=cuda"), "torch sees no GPU on this machine. Expected auto or cpu."),
    ],
)
def test_train_refuses_what_it_would_not_follow(
    words: tuple[str, ...], told: str, point: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cli.run(["train", "--reference", "sparse", "--task", point, *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


@pytest.mark.parametrize("how", ["PYTHONIOENCODING=ascii {} > {}", "{} >&-; touch {}"])
def test_output_that_cannot_hold_a_character_or_is_closed_is_no_fault(how: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m rewardsmith tasks"
    done = subprocess.run(["sh", "-c", how.format(command, tmp_path / "told")], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    if "ascii" in how:
        assert b"walker" in (tmp_path / "told").read_bytes()


@pytest.mark.usefixtures("lent_sandbox")
def test_train_of_several_rewards_on_several_seeds_is_that_of_each(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, kept = (
        reward(tmp_path, "good.py", GOOD),
        reward(tmp_path, "bad.py", UNKNOWN_SIGNAL),
        tmp_path / "p.safetensors",
    )
    words = ["train", good, bad, "--reference", "expert", "--task", point, "--json"]
    assert cli.run([*words, "--seeds", "3", "--seed", "4"]) == 1, "one of them is rejected"
    of_good, of_bad, of_expert = map(json.loads, capsys.readouterr().out.splitlines())
    assert not of_bad["accepted"]
    assert of_bad["seeds"] == []
    assert [s["seed"] for s in of_good["seeds"]] == [s["seed"] for s in of_expert["seeds"]] == [4, 5, 6]
    means = [s["fitness"] for s in of_good["seeds"]]
    assert of_good["fitness"] == pytest.approx(sum(means) / 3)
    assert len(set(means)) > 1
    assert of_good["fitness_ci95"] == pytest.approx(4.303 * statistics.stdev(means) / 3**0.5)  # Student's t, 2 degrees

    assert cli.run(["train", "--reference", "expert", "--task", point, "--seeds", "3", "--policy", str(kept)]) == 0
    told = capsys.readouterr()
    first, *lines, last = told.out.splitlines()
    assert first.startswith("expert reward: fitness ")
    assert " over 3 seeds, " in first
    assert first.endswith(", after 512 env steps each")
    assert [line.split(":")[0] for line in lines] == ["  seed 0", "  seed 1", "  seed 2"]
    assert last.endswith(" s in all")
    assert "the median one." in told.err
    assert kept.is_file()
    assert cli.run(["train", "--reference", "sparse", "--task", point, "--set", "train.seeds=2", "--json"]) == 0
    assert [s["seed"] for s in json.loads(capsys.readouterr().out)["seeds"]] == [0, 1]
    assert cli.run(["train", "--reference", "expert", "--task", point, "--seed", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"][0]["episodes"] == of_expert["seeds"][1]["episodes"]


def test_train_tells_episodes_that_chose_no_checkpoint(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, task = tmp_path / "p.safetensors", taskfile.load(point).task
    assert cli.run(["train", "--reference", "expert", "--task", point, "--policy", str(kept), "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["seeds"]
    policies = [read_policy(kept)]
    chose, anew = (
        judge.measure(policies, task, sim.make, seed=stream(0, 0, name), episodes=4, watch=lambda _: None)[0]
        for name in ("judge", "finals")
    )
    assert isinstance(chose, Score)
    assert isinstance(anew, Score)
    assert told["episodes"] == list(anew.episodes) != list(chose.episodes)


def test_a_policy_file_is_one_reward_s(point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = reward(tmp_path, "good.py", GOOD)
    words = ["train", good, "--reference", "sparse", "--task", point, "--policy", str(tmp_path / "p.safetensors")]
    assert cli.run(words) == 2
    assert "there are 2 rewards and one file" in capsys.readouterr().err


def test_a_policy_that_cannot_be_written_is_told_before_the_training(
    point: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_folder.safetensors").mkdir()
    (tmp_path / "a_file").touch()
    for kept, why in (("a_folder", "is a folder"), ("a_file/p", "nothing can be written in its folder")):
        words = ["--policy", str(tmp_path / f"{kept}.safetensors")]
        assert cli.run(["train", "--reference", "expert", "--task", point, *words]) == 2
        told = capsys.readouterr()
        assert why in told.err
        assert told.out == ""


def test_train_of_a_reference_needs_no_file(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--reference", "expert", "--task", point]) == 0
    assert "expert reward: judged: fitness" in capsys.readouterr().out


UNSTABLE = """
name: stiff
goal: Hold the hinge still.
env:
  backend: mjcf
  model: hinge.xml
  edits: [{set: joint(hinge), stiffness: [1.0e+9, 0, 0]}]
  reset: {noise: {qpos: 0.1}}
episode_steps: 40
control_dt_s: 0.01
signals: {angle: {source: joint(hinge).qpos, unit: rad, doc: Angle of the hinge.}}
fitness: {of: -abs(angle), reduce: mean, unit: rad, doc: how far from upright it is}
"""


def test_train_of_a_reference_on_an_unstable_model_says_so_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hinge.xml").write_text(
        '<mujoco><worldbody><body><joint name="hinge"/><geom size=".1" pos="0 0 .2"/></body></worldbody>'
        '<actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>'
    )
    (tmp_path / "stiff.yaml").write_text(UNSTABLE)
    assert cli.run(["train", "--reference", "sparse", "--task", str(tmp_path / "stiff.yaml")]) != 0
    told = capsys.readouterr()
    assert "the model is unstable: NaN or a number beyond 1e10 at step " in told.err
    assert "training" not in told.err
    Path(re.findall(r"\S+\.json", told.err)[0]).unlink()


def test_train_of_nothing_is_a_usage_error(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--task", point]) == 2
    assert "Expected FILE... or --reference" in capsys.readouterr().err


# --- evolve, up to where a run begins ---------------------------------------------------------------------------------


def test_dry_run_tells_the_plan_and_leaves_nothing(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evolve", point, "--dry-run", "--runs", str(tmp_path / "runs"), "--set", "search.generations=3"]
    assert cli.run([*words, "--model", "ollama/llama3.2"]) == 0
    out = capsys.readouterr().out
    assert "search.generations = 3  (default 5)" in out
    assert "3 generations x" in out
    assert "24 calls" in out  # 3 generations of 8
    assert "a rule of thumb" in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("folder", ["\U0001f4c1 replies", "r\u00e9ponses", "a\u2028b"])
def test_an_option_is_taken_as_it_was_typed_whatever_its_characters(
    folder: str, tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / folder).mkdir()
    assert cli.run(["evolve", point, "--dry-run", "--model", f"manual:{tmp_path / folder}"]) == 0
    assert f"model = manual:{tmp_path / folder}  (default offline)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "search.generatons=3"], "Did you mean 'search.generations'?"),
        (["--set", "search.generations"], "expected key=value"),
        (["--model", "offlin"], "Did you mean 'offline'?"),
        (["--method", "eurek"], "Did you mean 'eureka'?"),
        (["--seed", "-1"], 'Invalid value "-1" for --seed. Must be >= 0.'),
        (["--seed", "1.6"], "Invalid value for --seed: 1.6 is not a whole number."),
        (["--human-timeout", "0"], 'Invalid value "0.0" for --human-timeout. Must be > 0.'),
        (["--audit-screen", "2"], 'Invalid value "2.0" for --audit-screen. Must be <= 1.'),
        (["--seed-reward", "none.py"], "none.py: cannot be read"),
        (["--name", "a/b"], "cannot name a folder"),
        (["--config", "none.yaml"], "none.yaml: no such file"),
    ],
)
def test_wrong_words_of_evolve_are_one_error_and_begin_no_run(
    words: list[str], said: str, tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["evolve", point, "--runs", str(tmp_path / "runs"), *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_a_model_without_its_key_is_refused_before_a_run_begins(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert cli.run(["evolve", point, "--model", "openai/gpt-5", "--runs", str(tmp_path / "runs")]) == 4
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]) -> Path:
    """A finished offline run of two generations from a person's reward, `first`; what it printed is in `first.out`."""
    small = ["--set", "search.generations=2", "--set", "search.offspring=2", "--name", "first", "--seed", "3"]
    mine = reward(tmp_path, "mine.py", GOOD)
    assert (
        cli.run(["evolve", point, "--runs", str(tmp_path / "runs"), *small, "--seed-reward", mine, "--references"]) == 0
    )
    (tmp_path / "first.out").write_text(capsys.readouterr().out)
    return tmp_path / "runs"


@pytest.mark.usefixtures("lent_sandbox")
def test_a_run_is_told_while_it_goes_and_looked_at_afterwards(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = (tmp_path / "first.out").read_text()
    assert "expert reward: judged: fitness" in told
    assert "human-normalised score: " in told
    assert "seeded rewards: 1 judged" in told
    assert "generation 1/2: training" in told
    assert "winner g00" in told
    assert "# parents: g000-00" in (finished / "first" / "candidates" / "g001-00.py").read_text()
    assert GOOD in (finished / "first" / "candidates" / "g000-00.py").read_text()
    assert "best of generation 1:" in told
    assert "best/reward.py" in told
    assert (finished / "first" / "summary.md").read_text().startswith("# first")
    assert "State: finished" in (finished / "first" / "summary.md").read_text()

    assert cli.run(["show", "latest", "--runs", str(finished)]) == 0
    shown = capsys.readouterr().out
    assert all(f"g00{g}-0{i}" in shown for g in (1, 2) for i in (0, 1))
    assert "seed 3; finished" in shown

    assert cli.run(["resume", "first", "--runs", str(finished)]) == 0
    assert "nothing to resume" in capsys.readouterr().out

    feedback = ["feedback", "first", "--runs", str(finished)]
    assert cli.run([*feedback, "--note", "it overshoots", "--on", "g001-00", "--prefer", "g001-01", "g001-00"]) == 0
    out = capsys.readouterr().out
    assert "note on g001-00: it overshoots" in out
    assert "g001-01 is better than g001-00" in out
    assert "first is finished: this is kept in its ledger, and no generation will hear it." in out
    assert cli.run([*feedback, "--veto", "g001-00"]) == 2
    assert "first is finished: a veto or a pin changes nothing any more." in capsys.readouterr().err
    assert cli.run([*feedback, "--veto", "g009-00"]) == 2
    assert "There is no candidate 'g009-00'." in capsys.readouterr().err
    assert cli.run(feedback) == 2
    assert "Nothing was said." in capsys.readouterr().err
    assert cli.run([*feedback, "--tie", "g001-00", "g001-00"]) == 2
    assert "compared with itself" in capsys.readouterr().err
    assert cli.run([*feedback, "--on", "g001-00"]) == 2
    assert "there is no --note" in capsys.readouterr().err

    again = ["evolve", str(finished / "first" / "task.yaml"), "--config", str(finished / "first" / "config.yaml")]
    assert cli.run([*again, "--runs", str(finished), "--name", "first"]) == 3
    assert "holds a run already" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "option"), [("trajectories", "--out"), ("refit", "--output")])
def test_a_folder_is_no_file_to_write(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([command, "latest", option, str(tmp_path)]) == 2
    said = f"error: {option} {tmp_path}: is a folder. Expected the name of a file in it.\n"
    assert capsys.readouterr().err == said


def test_a_run_that_does_not_exist_is_told_with_the_exit_code_of_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["show", "none"], ["resume", "none"], ["feedback", "none", "--note", "x"]):
        assert cli.run([*words, "--runs", str(tmp_path)]) == 3
        assert "There is no run called 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_limit_ends_a_run_with_its_own_exit_code_and_resuming_with_more_goes_on(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    small = ["--set", "search.generations=2", "--set", "search.offspring=1", "--name", "limited"]
    assert cli.run(["evolve", point, *runs, *small, "--set", "limits.env_steps=1"]) == 5
    captured = capsys.readouterr()
    assert "limits.env_steps = 1 reached" in captured.err
    assert "winner g001-" in captured.out
    assert (tmp_path / "runs" / "limited" / "best" / "reward.py").is_file()
    assert cli.run(["resume", "limited", *runs, "--set", "search.offspring=3"]) == 2
    assert "keeps its settings" in capsys.readouterr().err
    assert cli.run(["resume", "limited", *runs, "--set", "limits.env_steps=1_000_000"]) == 0
    assert "generation 2/2: training" in capsys.readouterr().out


@pytest.mark.usefixtures("lent_sandbox")
def test_a_run_in_which_nothing_is_judged_says_why(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = tmp_path / "replies.jsonl"
    lines = [{"candidate": "g001-00", "repair": r, "text": f"```python\n{UNKNOWN_SIGNAL}```"} for r in range(2)]
    replies.write_text("\n".join(map(json.dumps, lines)))
    words = ["--set", "search.generations=1", "--set", "search.offspring=1", "--set", "search.repairs=1"]
    words += ["--model", f"replay:{replies}", "--runs", str(tmp_path / "runs"), "--name", "none"]
    assert cli.run(["evolve", point, *words]) == 1
    captured = capsys.readouterr()
    assert "nothing could be judged; most often: rejected at static" in captured.out
    assert "No candidate could be judged" in captured.err
