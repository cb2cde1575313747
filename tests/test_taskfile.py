"""Task files: what a valid one becomes, and that every fault is told in one line with its place.

`UPDATE_GOLDEN=1 pytest tests/test_taskfile.py` rewrites the golden files; read the difference before committing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from rewardsmith import config, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame
from rewardsmith.taskfile import LoadedTask, check_against, load
from rewardsmith.types import Constant, EnvSpec, Measure, References, Signal, Task

GOLDEN = Path(__file__).parent / "golden" / "errors"

VALID = """\
name: walk_a_mile
goal: >
  A robot stands on a plain.
  Walk a mile.
env:
  id: Walker-v5
  options:
    terminate: false
  observation: obs.state
episode_steps: 200
control_dt_s: 0.02
signals:
  torso_height:
    source: obs.state[0]
    unit: m
    doc: height of the torso
  foot_position:
    source: obs.state[1:4]
    shape: [3]
    unit: m
    doc: where the foot is
  action:
    source: action
    shape: [2]
    unit: 1
    doc: what the motors were told
constants:
  target_height: 1.2
  leg_length:
    value: 0.9
    unit: m
    doc: >
      from hip
      to foot
fitness:
  of: info.x_position
  reduce: final
  unit: m
  doc: how far it came
success:
  of: torso_height
  reduce: min
  at_least: 0.7
  doc: it never fell
references:
  expert: reward - 1
train:
  preset: locomotion
  env_steps: 2e5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, so that messages name a plain `task.yaml`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(text: str) -> LoadedTask:
    Path("task.yaml").write_text(text, encoding="utf-8")
    return load("task.yaml")


# --- what a valid file becomes --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_valid_file_becomes_a_task() -> None:
    assert loaded(VALID).task == Task(
        name="walk_a_mile",
        goal="A robot stands on a plain. Walk a mile.",
        env=EnvSpec(backend="envpool", id="Walker-v5", options={"terminate": False}, observation="obs.state"),
        signals=(
            Signal(name="torso_height", shape=(), unit="m", doc="height of the torso", source="obs.state[0]"),
            Signal(name="foot_position", shape=(3,), unit="m", doc="where the foot is", source="obs.state[1:4]"),
            Signal(name="action", shape=(2,), unit="1", doc="what the motors were told", source="action"),
        ),
        constants=(
            Constant(name="target_height", value=1.2),
            Constant(name="leg_length", value=0.9, unit="m", doc="from hip to foot"),
        ),
        fitness=Measure(source="info.x_position", reduce="final", unit="m", doc="how far it came"),
        success=Measure(source="torso_height", reduce="min", at_least=0.7, doc="it never fell"),
        references=References(expert="reward - 1", sparse=None),
        episode_steps=200,
        control_dt_s=0.02,
        path="task.yaml",
    )


@pytest.mark.usefixtures("folder")
def test_settings_of_a_task_are_a_layer_of_what_it_says_and_no_more() -> None:
    settings = loaded(VALID).settings
    assert settings == {"train": {"preset": "locomotion", "env_steps": 200_000.0}}
    assert config.resolve(settings).train.env_steps == 200_000


@pytest.mark.usefixtures("folder")
def test_what_may_be_left_out_has_its_default() -> None:
    values = yaml.safe_load(VALID)
    for key in ("constants", "success", "references", "train"):
        del values[key]
    task = loaded(yaml.safe_dump(values, sort_keys=False)).task
    assert task.success is None
    assert task.references == References(expert="reward", sparse=None)
    assert task.constants == ()
    assert load("task.yaml").settings == {}


@pytest.mark.usefixtures("folder")
def test_reward_code_may_ask_for_the_control_step_and_the_constants() -> None:
    task = loaded(VALID).task
    assert task.numbers() == {"dt": 0.02, "target_height": 1.2, "leg_length": 0.9}


@pytest.mark.usefixtures("folder")
def test_the_control_step_may_be_declared_again_as_it_is() -> None:
    told = VALID.replace("target_height: 1.2", "dt: {value: 0.02, unit: s, doc: one control step}")
    assert loaded(told).task.numbers() == {"dt": 0.02, "leg_length": 0.9}


@pytest.mark.usefixtures("folder")
def test_expert_may_be_none() -> None:
    assert loaded(VALID.replace("expert: reward - 1", "expert: null")).task.references.expert is None


def test_shipped_task_is_found_by_its_name() -> None:
    assert load("hopper_hop").task.env.id == "Hopper-v5"
    assert "hopper_hop" in taskfile.names()


@pytest.mark.parametrize(
    "unit", ["m", "m/s", "m/s^2", "m/s2", "rad/s", "N m", "N*m", "kg·m/s", "1", "1/s", "%", "steps"]
)
@pytest.mark.usefixtures("folder")
def test_unit_in_common_notation_is_taken(unit: str) -> None:
    assert (
        loaded(VALID.replace("unit: m\n    doc: height", f"unit: {unit!r}\n    doc: height")).task.signals[0].unit
        == unit
    )


def test_loading_needs_no_torch() -> None:
    """`rewardsmith tasks` and tab completion must start at once."""
    code = (
        "import sys; from rewardsmith import taskfile; taskfile.load('hopper_hop'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- what is wrong is told ------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[str, str]] = {  # case: (what stands in VALID, what stands there instead)
    "unknown_key": ("env:\n", "simulater: x\nenv:\n"),
    "unknown_key_inside": ("    unit: m\n    doc: height", "    uint: m\n    unit: m\n    doc: height"),
    "unknown_setting": ("  env_steps", "  env_step"),
    "setting_outside_its_section": ("train:\n", "env_steps: 5\ntrain:\n"),
    "missing_key": ("control_dt_s: 0.02\n", ""),
    "missing_key_inside": ("    unit: m\n    doc: height", "    doc: height"),
    "missing_section": (VALID[VALID.index("fitness:") : VALID.index("success:")], ""),
    "wrong_type": ("episode_steps: 200", "episode_steps: many"),
    "boolean_for_a_count": ("episode_steps: 200", "episode_steps: true"),
    "list_for_a_mapping": (VALID[VALID.index("env:") : VALID.index("episode_steps:")], "env: [Walker-v5]\n"),
    "bad_observation": ("observation: obs.state", "observation: state"),
    "out_of_range": ("control_dt_s: 0.02", "control_dt_s: 0"),
    "beyond_all_time": ("control_dt_s: 0.02", "control_dt_s: 1e308"),
    "bad_setting": ("env_steps: 2e5", "env_steps: -2"),
    "empty_goal": ("goal: >\n  A robot stands on a plain.\n  Walk a mile.\n", "goal: ' '\n"),
    "bad_task_name": ("walk_a_mile", "Walk a mile"),
    "unknown_backend": ("env:\n", "env:\n  backend: envpol\n"),
    "unknown_reduction": ("reduce: final", "reduce: finale"),
    "success_without_threshold": ("  at_least: 0.7\n", ""),
    "threshold_with_any": ("reduce: min", "reduce: any"),
    "model_under_another_backend": ("  id: ", "  backend: mjfc\n  model: "),
    "bad_shape": ("shape: [3]", "shape: [3, 0]"),
    "shape_is_no_list": ("shape: [3]", "shape: 3"),
    "no_known_unit": ("unit: m\n    doc: height", "unit: meters\n    doc: height"),
    "unit_close_to_a_known_one": ("unit: m\n    doc: height", "unit: rads/s\n    doc: height"),
    "source_does_not_parse": ("obs.state[0]", "obs.state[0"),
    "source_names_nothing": ("obs.state[0]", "1 + hight"),
    "source_is_python": ("obs.state[0]", "__import__('os').system('ls')"),
    "signal_reads_the_reward": ("obs.state[0]", "reward"),
    "signal_is_constant": ("obs.state[0]", "3.5"),
    "signal_has_a_bad_name": ("foot_position", "Foot-Position"),
    "signal_is_a_keyword": ("foot_position:", "lambda:"),
    "signal_is_reserved": ("foot_position:", "norm:"),
    "signal_starts_with_prev": ("foot_position:", "prev_foot:"),
    "signal_is_the_control_step": ("foot_position:", "dt:"),
    "constant_is_a_signal": ("target_height: 1.2", "torso_height: 1.2"),
    "constant_has_a_bad_name": ("target_height: 1.2", "Target: 1.2"),
    "constant_is_reserved": ("target_height: 1.2", "torch: 1.2"),
    "constant_is_another_control_step": ("target_height: 1.2", "dt: 0.01"),
    "constant_is_no_number": ("target_height: 1.2", "target_height: tall"),
    "constant_is_infinite": ("value: 0.9", "value: inf"),
    "constant_without_value": ("    value: 0.9\n", ""),
    "no_signals": (VALID[VALID.index("signals:") : VALID.index("constants:")], "signals: {}\n"),
    "fitness_names_no_signal": ("of: info.x_position", "of: torso_hight"),
    "reference_does_not_parse": ("reward - 1", "reward -"),
    "key_twice": ("episode_steps: 200", "episode_steps: 200\nname: again"),
    "key_is_no_word": ("env:\n", "3: x\nenv:\n"),
    "not_yaml": ("goal: >", "goal: a: b"),
    "tab": ("  id: Walker-v5", "\tid: Walker-v5"),
    "python_tag": ("id: Walker-v5", "id: !!python/name:os.system"),
    "not_a_mapping": (VALID, "- a\n- b\n"),
    "empty_file": (VALID, ""),
    "three_faults_at_once": (
        "unit: m\n    doc: height of the torso\n  foot_position:\n    source: obs.state[1:4]\n    shape: [3]",
        "unit: meters\n    doc: height of the torso\n  foot_position:\n    sauce: obs.state[1:4]\n    shape: [3]",
    ),
}


def expect_golden(case: str, message: str) -> None:
    path = GOLDEN / f"{case}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(message + "\n", encoding="utf-8")
    assert message + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.usefixtures("folder")
def test_fault_of_a_file_reads_as_its_golden_file(case: str) -> None:
    good, bad = BROKEN[case]
    assert good in VALID
    with pytest.raises(ConfigError) as caught:
        loaded(VALID.replace(good, bad, 1))
    expect_golden(f"task_{case}", str(caught.value))


@pytest.mark.usefixtures("folder")
def test_missing_file_is_told_with_the_closest_one() -> None:
    Path("task.yaml").write_text(VALID, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"taks\.yaml: no such file\. Did you mean 'task\.yaml'\?"):
        load(Path("taks.yaml"))


def test_unknown_name_is_told_with_the_closest_shipped_task() -> None:
    with pytest.raises(ConfigError, match=r"Unknown task 'hoper_hop'\. Did you mean 'hopper_hop'\? Known: .*door_open"):
        load("hoper_hop")


@pytest.mark.usefixtures("folder")
def test_file_that_is_not_text_is_told() -> None:
    Path("task.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match=r"task\.yaml: not UTF-8 text"):
        load("task.yaml")


# --- what the environment lacks is told -----------------------------------------------------------------------------


def frame(num_envs: int = 3) -> Frame:
    """A walker's frame: four observed numbers, two info fields."""
    return Frame(
        obs={"obs.state": torch.zeros(num_envs, 4)},
        info={"x_position": torch.zeros(num_envs), "feet": torch.zeros(num_envs, 2)},
        reward=torch.zeros(num_envs),
        terminated=torch.zeros(num_envs, dtype=torch.bool),
        truncated=torch.zeros(num_envs, dtype=torch.bool),
        started=torch.zeros(num_envs, dtype=torch.bool),
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("num_envs", [1, 3])
def test_task_that_fits_its_environment_passes(num_envs: int) -> None:
    check_against(loaded(VALID), frame(num_envs), actions=torch.zeros(num_envs, 2))


MISFITS: dict[str, tuple[str, str]] = {
    "index_out_of_range": ("obs.state[0]", "obs.state[4]"),
    "range_too_long": ("obs.state[1:4]", "obs.state[2:5]"),
    "unknown_info_field": ("of: info.x_position", "of: info.x_postion"),
    "unknown_observation": ("source: obs.state[0]", "source: obs.stat[0]"),
    "policy_sees_nothing": ("observation: obs.state", "observation: obs.stat"),
    "wrong_shape": ("shape: [3]", "shape: [4]"),
    "undeclared_shape": ("    shape: [3]\n", ""),
    "fitness_is_a_vector": ("of: info.x_position", "of: info.feet"),
    "vectors_do_not_fit": ("reward - 1", "norm(foot_position - action)"),
}


@pytest.mark.parametrize("case", MISFITS)
@pytest.mark.usefixtures("folder")
def test_misfit_with_the_environment_reads_as_its_golden_file(case: str) -> None:
    good, bad = MISFITS[case]
    assert good in VALID
    task = loaded(VALID.replace(good, bad, 1))
    with pytest.raises(ConfigError) as caught:
        check_against(task, frame(), actions=torch.zeros(3, 2))
    expect_golden(f"env_{case}", str(caught.value))


def test_every_golden_error_has_its_case() -> None:
    known = {f"task_{case}" for case in BROKEN} | {f"env_{case}" for case in MISFITS}
    assert {path.stem for path in GOLDEN.glob("task_*.txt")} | {path.stem for path in GOLDEN.glob("env_*.txt")} == known


# --- for editors ----------------------------------------------------------------------------------------------------


def test_schema_describes_every_key_of_a_task_file() -> None:
    schema = taskfile.json_schema()
    assert set(schema["required"]) == {"name", "goal", "env", "episode_steps", "control_dt_s", "signals", "fitness"}
    assert schema["additionalProperties"] is False
    assert set(taskfile.SETTINGS) < set(schema["properties"])
    number = schema["properties"]["constants"]["additionalProperties"]["anyOf"]
    assert {"type": "number"} in number


def test_task_may_prefer_any_section_of_the_settings() -> None:
    sections = {name for name, value in config.EvolveConfig() if isinstance(value, config.Settings)}
    assert set(taskfile.SETTINGS) == sections
