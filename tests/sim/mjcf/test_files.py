"""Every file a model is made of is found, wherever in it or in what it includes it is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith import assemble, sim, taskfile
from rewardsmith.anchors.record import task_sha256
from rewardsmith.assemble import Extras
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.taskfile import LoadedTask
from rewardsmith.types import Task

TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
ROBOT = """<mujoco><compiler meshdir="meshes"/><include file="../shared/parts.xml"/>
<worldbody><body name="b"><joint name="hinge"/><geom type="mesh" mesh="tetra"/></body></worldbody>
<actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator></mujoco>"""
PARTS = '<mujoco><asset><mesh name="tetra" file="tetra.obj"/></asset></mujoco>'
CODE = """import pathlib
GAIN = float((pathlib.Path(__file__).parent / "gain.txt").read_text())

def edit(spec):
    spec.option.gravity = [0, 0, -GAIN]
"""
TASK = """name: tetra
goal: Turn.
env:
  backend: mjcf
  model: robot/robot.xml
  code: task.py
  files: [gain.txt]
episode_steps: 10
control_dt_s: 0.02
signals:
  angle: {source: joint(hinge).qpos, shape: [], unit: rad, doc: the angle}
fitness: {of: angle, reduce: mean, unit: rad, doc: mean angle}
references: {expert: null}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedTask:
    folder = tmp_path / "mine"
    (folder / "robot" / "meshes").mkdir(parents=True)
    (folder / "shared").mkdir()
    (folder / "robot" / "robot.xml").write_text(ROBOT)
    (folder / "robot" / "meshes" / "tetra.obj").write_text(TETRAHEDRON)
    (folder / "shared" / "parts.xml").write_text(PARTS)
    (folder / "task.py").write_text(CODE)
    (folder / "gain.txt").write_text("3.7")
    (folder / "tetra.yaml").write_text(TASK)
    return taskfile.load(folder / "tetra.yaml")


def test_all_files_of_a_model_are_found(loaded: LoadedTask) -> None:
    here = Path(loaded.task.path).parent
    assert {str(file.relative_to(here)) for file in sim.files_of(loaded.task)} == {
        "robot/robot.xml",
        "robot/meshes/tetra.obj",
        "shared/parts.xml",
        "task.py",
        "gain.txt",
    }


def test_a_robot_by_name_has_no_files_of_the_tasks_own(task: Callable[..., Task]) -> None:
    assert sim.files_of(task("ant")) == ()


def test_another_backend_has_none() -> None:
    assert sim.files_of(taskfile.load("half_cheetah_run").task) == ()


def test_a_scene_around_the_model_is_among_them(task: Callable[..., Task], tmp_path: Path) -> None:
    (tmp_path / "around.xml").write_text("<mujoco/>")
    [found] = sim.files_of(task("ant", scene="around.xml", folder=tmp_path))
    assert found == tmp_path / "around.xml"


def test_a_file_that_is_not_there_is_named(loaded: LoadedTask) -> None:
    (Path(loaded.task.path).parent / "gain.txt").rename(Path(loaded.task.path).parent / "gains.txt")
    with pytest.raises(ConfigError, match=r"no such file '.*gain\.txt' for env\.files\. Did you mean 'gains\.txt'"):
        MjcfSimulator(loaded.task, env_seeds=[0], info_fields=["joint(hinge).qpos"], threads=1)


def test_another_model_under_the_same_name_has_other_anchors(loaded: LoadedTask) -> None:
    before = task_sha256(loaded.task)
    assert task_sha256(loaded.task) == before
    (Path(loaded.task.path).parent / "shared" / "parts.xml").write_text(PARTS + "<!-- heavier -->")
    assert task_sha256(loaded.task) != before


def test_a_run_steps_the_same_world_when_its_files_have_changed(loaded: LoadedTask, tmp_path: Path) -> None:
    with assemble.begin(tmp_path / "run", loaded, EvolveConfig(), Extras()) as run:
        here = Path(loaded.task.path).parent
        (here / "gain.txt").write_text("100")
        (here / "robot" / "meshes" / "tetra.obj").unlink()
        assert replace(run.task, path="") == replace(loaded.task, path="")
        simulator = MjcfSimulator(run.task, env_seeds=[0], info_fields=["joint(hinge).qpos"], threads=1)
        assert simulator.pose(0)[0].opt.gravity[2] == pytest.approx(-3.7)
        simulator.close()


def test_a_run_uses_its_copies_of_files_that_are_named_absolutely(loaded: LoadedTask, tmp_path: Path) -> None:
    here, told = Path(loaded.task.path).parent, TASK
    for name in ("robot/robot.xml", "task.py", "gain.txt"):
        told = told.replace(name, str(here / name))
    elsewhere = tmp_path / "tasks"
    elsewhere.mkdir()
    (elsewhere / "tetra.yaml").write_text(told)
    with assemble.begin(tmp_path / "run", taskfile.load(elsewhere / "tetra.yaml"), EvolveConfig(), Extras()) as run:
        for file in [path for path in here.rglob("*") if path.is_file()]:
            file.unlink()
        simulator = MjcfSimulator(run.task, env_seeds=[0], info_fields=["joint(hinge).qpos"], threads=1)
        assert simulator.pose(0)[0].opt.gravity[2] == pytest.approx(-3.7)
        simulator.close()


def test_an_unknown_name_is_told_what_a_task_of_the_backend_may_read(tmp_path: Path) -> None:
    told = TASK.replace("  files:", "  observation: [f]\n  files:").replace("of: angle", "of: g")
    (tmp_path / "tetra.yaml").write_text(told)
    with pytest.raises(ConfigError) as found:
        taskfile.load(tmp_path / "tetra.yaml")
    hint = "A function of env.code is read as info.<its name>"
    assert f"unknown name 'f'. Known: action, info, qpos, qvel, act, ctrl, time, angle. {hint}" in str(found.value)
    assert f"unknown name 'g'. Known: obs, action, info, angle. {hint}" in str(found.value)
