"""Models: where they are found, what is put around them and edited in them, and what is said where that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf import declared, model, robots
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]

MESHED = """
<mujoco>
  <compiler meshdir="meshes"/>
  <asset><mesh name="hull" file="hul.stl"/></asset>
  <worldbody><body><freejoint/><geom type="mesh" mesh="hull"/></body></worldbody>
</mujoco>
"""


def test_a_robot_is_found_by_its_name_and_stands_on_a_flat_scene(task: Build, make: Make) -> None:
    """The keyframe of Menagerie's Go1 stands: its servos hold it up for a second."""
    go1 = task(
        "unitree_go1", scene="flat", dt=0.02, reset={"keyframe": "home"}, control={"scale": 0.3},
        observation=["joint(FR_hip_joint).qpos"],
    )  # fmt: skip
    simulator = make(go1, "body(trunk).xpos", "body(trunk).zaxis")
    simulator.reset()
    for _ in range(50):
        frame = simulator.step(torch.zeros(3, 12))
    assert (frame.info["body(trunk).xpos"][:, 2] > 0.22).all()
    assert (frame.info["body(trunk).zaxis"][:, 2] > 0.99).all()


def test_robots_that_packages_bring_are_known_by_name() -> None:
    known = robots.known()
    assert {"ant", "humanoid", "unitree_go1", "boston_dynamics_spot", "unitree_g1/g1_with_hands"} <= set(known)
    assert known["unitree_go1"].name == "go1.xml"
    assert known["franka_emika_panda"].name == "panda.xml"
    assert known["shadow_hand/manipulate_pen"].name == "manipulate_pen.xml"


def test_a_scene_from_a_file_is_put_around_the_model(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "box.xml").write_text(
        '<mujoco><worldbody><body name="b"><joint name="j"/><geom size="0.1"/></body></worldbody>'
        '<actuator><motor joint="j" ctrlrange="-1 1" ctrllimited="true"/></actuator></mujoco>'
    )
    (tmp_path / "room.xml").write_text(
        '<mujoco><option timestep="0.001"/>'
        '<worldbody><geom name="wall" type="plane" size="1 1 1"/></worldbody></mujoco>'
    )  # its time step is not that of the model, of which MuJoCo would warn
    made = make(task("box.xml", scene="room.xml", folder=tmp_path), "geom(wall).xpos")
    assert made.reset().info["geom(wall).xpos"].shape == (3, 3)
    assert made.pose(0)[0].opt.timestep == 0.002


ROBOT = """<mujoco><default><geom contype="0" conaffinity="0" friction="0.05" euler="90 0 0"/></default>
  <asset><material name="grey"/></asset>
  <worldbody><body name="robot" pos="0 0 1"><joint name="j"/>
  <geom name="ball" size=".1" contype="1" friction="1" euler="0 0 0"/></body></worldbody>
  <actuator><motor joint="j" ctrlrange="-1 1" ctrllimited="true"/></actuator>
  <keyframe><key name="home" qpos="0.5"/></keyframe></mujoco>"""
BARE = ROBOT.replace('<asset><material name="grey"/></asset>', "")
CUBE = """<mujoco><worldbody>
  <body name="cube" pos="0.5 0 0.03"><freejoint/><geom size=".02"/></body></worldbody></mujoco>"""


def beside(folder: Path, *, scene: str, robot: str = ROBOT) -> None:
    (folder / "robot.xml").write_text(robot)
    (folder / "scene.xml").write_text(scene)


def test_a_scenes_bodies_begin_where_they_stand_in_the_models_keyframe_too(
    task: Build, make: Make, tmp_path: Path
) -> None:
    beside(tmp_path, scene=CUBE)
    placed = task("robot.xml", scene="scene.xml", folder=tmp_path, reset={"keyframe": "home"})
    first = make(placed, "qpos").reset().info["qpos"]
    torch.testing.assert_close(first, torch.tensor([[0.5, 0.5, 0, 0.03, 1, 0, 0, 0]] * 3))


def test_the_ground_takes_on_no_defaults_of_the_model(task: Build, make: Make, tmp_path: Path) -> None:
    beside(tmp_path, scene="")
    made = make(task("robot.xml", scene="flat", folder=tmp_path)).pose(0)[0]
    floor = made.geom("floor")
    assert (floor.contype[0], floor.conaffinity[0]) == (1, 1)
    assert floor.friction.tolist() == [1, 0.005, 0.0001]
    assert floor.quat.tolist() == [1, 0, 0, 0]


def test_a_robot_without_defaults_of_its_own_stands_on_the_ground_as_if_it_were_its_own(task: Build) -> None:
    """Menagerie's Go1, to the bit: what is known of tasks with it holds."""
    own = mujoco.MjSpec.from_file(str(robots.find("unitree_go1")))
    model._chequer(own)
    own.worldbody.add_geom(**model.GROUND)
    own.worldbody.add_light(pos=[0, 0, 4], dir=[0, 0, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    asked = task("unitree_go1", scene="flat")
    put = model.specified(asked, declared.read(asked)).compile()
    assert held(put) == held(own.compile())


def held(compiled: mujoco.MjModel) -> bytes:
    file = np.zeros(mujoco.mj_sizeModel(compiled), np.uint8)
    mujoco.mj_saveModel(compiled, None, file)
    return file.tobytes()


@pytest.mark.parametrize(
    ("robot", "told"),
    [
        (ROBOT, r"put env\.scene around the model: repeated name 'grey' in material\."),
        (BARE, r"cannot compile the model: repeated name '\w+' in \w+\."),
    ],
)
def test_a_scene_that_includes_the_robot_is_one_line(
    robot: str, told: str, task: Build, make: Make, tmp_path: Path
) -> None:
    beside(tmp_path, scene='<mujoco><include file="robot.xml"/></mujoco>', robot=robot)
    with pytest.raises(ConfigError, match=rf"{told} Does the scene include the robot\? Name only what") as found:
        make(task("robot.xml", scene="scene.xml", folder=tmp_path))
    assert "\n" not in str(found.value)


def test_a_scene_that_does_not_compile_by_itself_is_one_line(task: Build, make: Make, tmp_path: Path) -> None:
    lit = '<worldbody><light mode="targetbody" target="robot"/>'
    beside(tmp_path, scene=CUBE.replace("<worldbody>", lit))
    make(task("robot.xml", scene="scene.xml", folder=tmp_path)).reset()
    told = r"cannot compile scene\.xml by itself: unknown target body in light"
    with pytest.raises(ConfigError, match=told) as found:
        make(task("robot.xml", scene="scene.xml", folder=tmp_path, reset={"keyframe": "home"}))
    assert "\n" not in str(found.value)


def test_edits_change_add_and_delete(task: Build, make: Make) -> None:
    edits = [
        {"set": "geom(floor)", "friction": [0.3, 0.01, 0.001]},
        {"set": "option", "timestep": 0.005},
        {"add": "geom", "to": "ball", "name": "hat", "type": "box", "size": [0.1, 0.1, 0.1], "mass": 2},
        {"delete": "body(cart)"},
    ]
    with pytest.raises(ConfigError, match="no actuator, so there is nothing that a policy could do"):
        make(task(edits=edits))
    model = make(task(edits=edits[:3])).pose(0)[0]
    assert model.geom("floor").friction.tolist() == [0.3, 0.01, 0.001]
    assert model.opt.timestep == 0.005
    assert model.geom("hat").bodyid[0] == model.body("ball").id
    assert model.body("ball").mass[0] == pytest.approx(2.5)


BOT = """<mujoco><worldbody><geom name="floor" type="plane" size="1 1 1"/><light name="sun"/><camera name="eye"/>
  <body name="foot" pos="0 0 1"><joint name="j" range="-1 1" limited="true"/><geom name="sole" size=".1"/>
  <body name="toe"><joint name="k"/><geom size=".1"/></body></body></worldbody>
  <actuator><motor name="m" joint="j" ctrlrange="-1 1"/></actuator>
  <keyframe><key name="home" qpos="1 2"/></keyframe></mujoco>"""


def edited(task: Build, make: Make, folder: Path, *edits: dict[str, object]) -> mujoco.MjModel:
    (folder / "bot.xml").write_text(BOT)
    return make(task("bot.xml", folder=folder, dt=0.01, edits=list(edits)), seeds=[1]).pose(0)[0]


def test_a_number_alone_sets_the_first_of_a_list(task: Build, make: Make, tmp_path: Path) -> None:
    model = edited(
        task, make, tmp_path,
        {"set": "joint(j)", "damping": 0.5}, {"set": "actuator(m)", "gear": 100},
        {"set": 'geom("sole")', "friction": 2},
    )  # fmt: skip
    assert model.joint("j").damping[0] == 0.5
    assert model.actuator("m").gear.tolist() == [100, 0, 0, 0, 0, 0]
    assert model.geom("sole").friction.tolist() == [2, 0.005, 0.0001]


def test_what_mujoco_counts_is_said_in_words(task: Build, make: Make, tmp_path: Path) -> None:
    model = edited(
        task, make, tmp_path,
        {"set": "joint(j)", "type": "slide"}, {"set": "light(sun)", "type": "spot"},
        {"set": "camera(eye)", "mode": "trackcom"}, {"set": "geom(sole)", "type": "box", "size": [0.1, 0.1, 0.1]},
        {"set": "option", "integrator": "implicitfast", "cone": "elliptic", "solver": "CG"},
    )  # fmt: skip
    assert model.jnt_type[0] == mujoco.mjtJoint.mjJNT_SLIDE
    assert model.light_type[0] == mujoco.mjtLightType.mjLIGHT_SPOT
    assert model.cam_mode[0] == mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    assert model.geom("sole").type[0] == mujoco.mjtGeom.mjGEOM_BOX
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert model.opt.solver == mujoco.mjtSolver.mjSOL_CG


def test_a_keyframe_is_set_or_deleted_when_a_joint_is(task: Build, make: Make, tmp_path: Path) -> None:
    gone: dict[str, object] = {"delete": "joint(k)"}
    assert edited(task, make, tmp_path, gone, {"set": "key(home)", "qpos": [3]}).key("home").qpos.tolist() == [3]
    assert edited(task, make, tmp_path, gone, {"delete": "key(*)"}).nkey == 0
    with pytest.raises(ConfigError, match=r"{set: key\(home\), qpos: .* {delete: key\(home\)}") as found:
        edited(task, make, tmp_path, gone)
    assert "\n" not in str(found.value)


HAND = """<mujoco><worldbody><body><joint name="j"/><geom size=".1"/>
  <body name="hand"><joint name="k"/><geom size=".1"/></body></body></worldbody>
  <actuator><motor name="m" joint="j"/><motor name="n" joint="j"/></actuator>
  <keyframe><key name="my home" ctrl="1 2"/></keyframe></mujoco>"""


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([{"delete": "actuator(n)"}], r"cannot compile the model: keyframe 0: invalid ctrl size, expected length 1 "),
        ([{"delete": "actuator(n)"}, {"delete": "body(hand)"}], r"body\(hand\) cannot be deleted\. MuJoCo says: Keyfr"),
        ([{"set": "key(my home)", "act": [1, 2]}], r"cannot compile the model: keyframe 'my home': invalid act size"),
    ],
)
def test_every_wording_of_a_keyframe_that_does_not_fit_has_its_way_out(
    edits: list[dict[str, object]], told: str, task: Build, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "hand.xml").write_text(HAND)
    way = r".* {set: key\(my home\), (ctrl|act): \[\.\.\.\]}, or delete the keyframe: {delete: key\(my home\)}\."
    with pytest.raises(ConfigError, match=told + way) as found:
        make(task("hand.xml", folder=tmp_path, edits=edits, control={"scale": 1}))
    assert "\n" not in str(found.value)


def test_a_bodys_own_mass_is_set_where_it_counts(task: Build, make: Make, tmp_path: Path) -> None:
    own: dict[str, object] = {"set": "body(foot)", "mass": 3, "inertia": [1, 1, 1], "ipos": [0, 0, 0]}
    assert edited(task, make, tmp_path, own).body("foot").mass[0] == 3
    assert edited(task, make, tmp_path, {"set": "geom(sole)", "mass": 3}).body("foot").mass[0] == 3


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"delete": "body(world)"}, r"body\(world\) is the world itself, which cannot be deleted"),
        ({"delete": "option"}, r"'option' is no element that can be edited"),
        ({"set": "body(foot)", "mass": 3}, r"takes its mass from its geoms, .* {set: geom\(\.\.\.\), mass: 1}"),
        ({"set": "geom(sole)", "id": 3}, r"geom\(sole\) has its id from where it stands .* cannot be set"),
        ({"set": "body(foot)", "geoms": [3]}, r"body\(foot\) has its geoms from where it stands .* cannot be set"),
        ({"add": "geom", "name": "sole", "size": [1]}, r"name: 'sole'\. MuJoCo says: repeated name 'sole' in geom\."),
        ({"set": "light(sun)", "type": "spt"}, r"type: 'spt'\. Expected one of: spot, directional, point, image\."),
        ({"set": "option", "cone": "round"}, r"cone: 'round'\. Expected one of: pyramidal, elliptic\."),
        ({"set": "key(home)", "qpos": "much"}, r"qpos: 'much'\. Expected something like \[1\.0, 2\.0\]\."),
        ({"set": "geom(sole)", "friction": [1, 2, 3, 4]}, r"Expected something like \[1\.0, 0\.005, 0\.0001\]\."),
    ],
)
def test_an_edit_that_cannot_be_is_one_line(
    edit: dict[str, object], told: str, task: Build, make: Make, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        edited(task, make, tmp_path, edit)
    assert "\n" not in str(found.value)


def test_a_control_step_may_be_rounded(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text(BOT.replace("<worldbody>", '<option timestep="0.0041666667"/><worldbody>', 1))
    make(task("m.xml", folder=tmp_path, dt=0.0166667)).reset()
    with pytest.raises(ConfigError, match=r"Write e\.g\. 0\.0125000001, or"):
        make(task("m.xml", folder=tmp_path, dt=0.0126))


def test_a_urdf_is_a_model_file(task: Build, make: Make, tmp_path: Path) -> None:
    """It has no actuators, so that an edit in code adds them."""
    (tmp_path / "arm.urdf").write_text(
        '<robot name="arm"><link name="base"/><link name="arm"><inertial><mass value="1"/><inertia ixx="1" ixy="0" '
        'ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link><joint name="j" type="continuous"><parent link="base"/>'
        '<child link="arm"/><axis xyz="0 1 0"/></joint></robot>'
    )
    (tmp_path / "arm.py").write_text(
        "import mujoco\n\ndef edit(spec):\n    "
        "spec.add_actuator(name='m', target='j', trntype=mujoco.mjtTrn.mjTRN_JOINT, ctrlrange=[-1, 1])\n"
    )
    frame = make(task("arm.urdf", folder=tmp_path, code="arm.py"), "joint(j).qpos").reset()
    assert frame.info["joint(j).qpos"].shape == (3,)
    with pytest.raises(ConfigError, match=r"no actuator, .* by edit\(\) in env\.code"):
        make(task("arm.urdf", folder=tmp_path))


def test_an_element_is_found_after_another_was_deleted(task: Build, make: Make) -> None:
    edits = [{"delete": "body(arm)"}, {"set": "geom(floor)", "friction": [0.3, 0.01, 0.001]}]
    model = make(task(edits=edits), "body(ball).cvel", "contact(sphere, floor)").pose(0)[0]
    assert model.geom("floor").friction[0] == 0.3


def test_a_mesh_that_is_not_there_is_one_line_with_the_closest(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "hull.stl").touch()
    (tmp_path / "m.xml").write_text(MESHED)
    told = r"MuJoCo cannot compile the model: Error opening file '\S*hul\.stl'\..* Did you mean 'hull\.stl'\?"
    with pytest.raises(ConfigError, match=told) as found:
        make(task("m.xml", folder=tmp_path))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"edits": [{"set": "geom(flor)", "size": [1]}]}, r"no geom 'flor'\. Did you mean 'floor'\?"),
        (
            {"edits": [{"set": "geom(floor)", "frictoin": [1]}]},
            r"geom\(floor\) has no 'frictoin'\. Did you mean 'frict",
        ),
        ({"edits": [{"set": "geom(floor)", "friction": "much"}]}, r"geom\(floor\) cannot have friction: 'much'"),
        ({"edits": [{"set": "floor", "size": [1]}]}, r"'floor' is no element that can be edited\. Write e\.g\. geom"),
        ({"edits": [{"set": "geom(floor)", "delete": "geom(floor)"}]}, r"exactly one of set, delete and add"),
        ({"scene": "flat"}, r"the model has a geom\(floor\) of its own\. Leave env\.scene out, or rename"),
        ({"scene": "rom.xml"}, r"no such model file '.*/rom\.xml'"),
        ({"dt": 0.033}, r"control_dt_s is 0\.033 s, no whole multiple of the model's time step of 0\.01 s\..* 0\.03"),
    ],
)
def test_what_does_not_fit_the_model_is_one_line(env: dict[str, object], told: str, task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(task(**env))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("pendulum-v2.xml", r"no such model file .* Did you mean 'pendulum-v1\.xml'\?"),
        ("unitree_go11", r"no robot 'unitree_go11' .* Did you mean 'unitree_go1'\? .* pip install mujoco-menagerie"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(model: str, told: str, task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(task(model))
    assert "\n" not in str(found.value)


def test_a_file_that_is_no_model_is_one_line(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text('<mujoco><worldbody><geom typ="box"/></worldbody></mujoco>')
    with pytest.raises(ConfigError, match=r"not a model that MuJoCo reads: Schema violation: unrecognized attribute"):
        make(task("m.xml", folder=tmp_path))


@pytest.mark.parametrize(
    ("control", "actions", "expected"),
    [
        ({}, [1.0, -1.0], [1.0, -2.0]),  # -1 to 1 is the ctrlrange
        ({"actuators": ["turn"]}, [1.0], [0.0, 1.0]),
        ({"scale": 0.5}, [1.0, 1.0], [0.5, 0.5]),
        ({"scale": [0.5, 0.1], "default": [0.2, -0.5]}, [1.0, -1.0], [0.7, -0.6]),
        ({"scale": 9}, [1.0, -1.0], [1.0, -2.0]),  # never beyond the ctrlrange
    ],
)
def test_an_action_becomes_ctrl_as_declared(
    control: dict[str, object], actions: list[float], expected: list[float], task: Build, make: Make
) -> None:
    simulator = make(task(control=control), "ctrl")
    simulator.reset()
    assert simulator.action_low.tolist() == [-1.0] * len(actions)
    told = simulator.step(torch.tensor([actions] * 3)).info["ctrl"][0]
    torch.testing.assert_close(told, torch.tensor(expected))


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"control": {"actuators": ["psuh"]}}, r"no actuator 'psuh'\. Did you mean 'push'\?"),
        ({"control": {"actuators": ["push", "push"]}}, r"drives actuator 'push' twice"),
        ({"control": {"actuators": []}}, r"control\.actuators"),
        ({"control": {"default": 0.5}}, r"has a default but no scale"),
        ({"control": {"scale": [1, 2, 3]}}, r"env\.control\.scale has 3 numbers; expected 1 or 2"),
        ({"edits": [{"set": "actuator(push)", "ctrllimited": 0}]}, r"actuator 'push' has no ctrlrange\. Say what"),
        ({"control": {"scael": 1}}, r"unknown key 'scael' in 'control'\. Did you mean 'control\.scale'\?"),
        ({"observation": ["obs[0]"]}, r"env\.observation reads 'obs\[0\]', but there is no obs"),
        ({"observation": ["body(poel).xpos"]}, r"env\.observation, .* no body 'poel'\. Did you mean 'pole'\?"),
        ({"terminated": "qpoz > 1"}, r"env\.terminated: unknown name 'qpoz'\. Did you mean 'qpos'\?"),
    ],
)
def test_a_declaration_that_does_not_fit_is_one_line(
    env: dict[str, object], told: str, task: Build, make: Make
) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(task(**env))
    assert "\n" not in str(found.value)


def test_an_actuator_without_a_name_is_told_by_its_number(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "m.xml").write_text(BOT.replace("</actuator>", '<motor joint="k"/></actuator>'))
    with pytest.raises(ConfigError, match=r"actuator 'number 1' has no ctrlrange\."):
        make(task("m.xml", folder=tmp_path, dt=0.01))


def test_all_elements_of_a_kind_can_be_set_at_once(task: Build, make: Make) -> None:
    edits = [{"set": "geom(*)", "margin": 0.01}, {"set": "joint(*)", "damping": [2, 0, 0]}]
    edited = make(task(edits=edits)).pose(0)[0]
    assert (edited.geom_margin == 0.01).all()
    assert (edited.dof_damping == 2).all()


def test_without_what_is_only_seen_a_model_is_small_and_moves_alike() -> None:
    """Menagerie's Go1: 35 MiB of meshes, which each environment of a randomised task would have its own copy of."""
    spec = mujoco.MjSpec.from_file(str(robots.find("unitree_go1")))
    whole, bare = spec.compile(), model.unseen(spec)
    assert bare is not None
    assert whole.nbuffer > 2**24
    assert bare.nbuffer < 2**20
    states = []
    for each in (whole, bare):
        data = mujoco.MjData(each)
        mujoco.mj_resetDataKeyframe(each, data, 0)
        mujoco.mj_step(each, data, nstep=200)
        states.append(data.qpos.copy())
    np.testing.assert_array_equal(*states)


NAMED = """<mujoco>
  <worldbody><body name="{}"><joint name="j"/><geom size="0.1"/></body></worldbody>
  <actuator><motor joint="j" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>
"""


@pytest.mark.parametrize("model", ["leg.xml", "whole.xml"])
def test_a_model_that_is_no_utf8_is_named_and_what_to_do(task: Build, make: Make, tmp_path: Path, model: str) -> None:
    (tmp_path / "leg.xml").write_bytes(NAMED.format("Körper").encode("latin-1"))
    (tmp_path / "whole.xml").write_text('<mujoco><include file="leg.xml"/></mujoco>')
    with pytest.raises(ConfigError, match=r"leg\.xml is not UTF-8 text, first in line 2\. Save it as UTF-8\.$"):
        make(task(model, scene="flat", folder=tmp_path), "joint(j).qpos")


def test_a_comment_may_be_of_any_bytes(task: Build, make: Make, tmp_path: Path) -> None:
    (tmp_path / "leg.xml").write_bytes(NAMED.format("b").encode() + "<!-- für -->\n".encode("latin-1"))
    assert make(task("leg.xml", folder=tmp_path), "joint(j).qpos").reset().info["joint(j).qpos"].shape[0] == 3
