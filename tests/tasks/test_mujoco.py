"""The signals of the Gymnasium tasks against MuJoCo itself.

At every step of a random play in EnvPool, the state is put into Gymnasium's environment of the same id, which takes the
same action; what a signal then reads from EnvPool's observation must be what MuJoCo says of the bodies and joints by
their names in the model. So neither a wrong index nor a wrong sign, nor an observation laid out otherwise, goes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from conftest import Play

STEPS = 40


@dataclass(frozen=True)
class World:
    """MuJoCo's data after a step: `left` as Gymnasium leaves it, positions one physics step old; `now` up to date."""

    model: Any
    left: Any
    now: Any

    def at(self, body: str) -> Any:
        return self.now.body(body).xpos

    def axes(self, body: str) -> Any:
        """Columns are the body's own x, y and z, in the world."""
        return self.now.body(body).xmat.reshape(3, 3)

    def pitch(self, body: str) -> float:
        """Turned about +y, so positive where the body's own x points down."""
        return float(np.arctan2(-self.axes(body)[2, 0], self.axes(body)[0, 0]))

    def moves(self, body: str, *, own_axes: bool = False) -> tuple[Any, Any]:
        """Velocity and angular velocity of the body's frame."""
        found = np.zeros(6)
        kind, number = mujoco.mjtObj.mjOBJ_XBODY, self.model.body(body).id
        mujoco.mj_objectVelocity(self.model, self.now, kind, number, found, int(own_axes))
        return found[3:], found[:3]

    def angles(self, *joints: str) -> list[float]:
        return [float(self.now.joint(j).qpos[0]) for j in joints]

    def rates(self, *joints: str) -> list[float]:
        return [float(self.now.joint(j).qvel[0]) for j in joints]

    def pushed_up(self, *bodies: int) -> Any:
        """The z part of the force from outside on each body."""
        return self.left.cfrc_ext[list(bodies), 5]


Said = Mapping[str, Callable[[World], Any]]
CHEETAH = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
HOPPER = ("thigh_joint", "leg_joint", "foot_joint")
LEFT = ("thigh_left_joint", "leg_left_joint", "foot_left_joint")
ANT = ("hip_1", "ankle_1", "hip_2", "ankle_2", "hip_3", "ankle_3", "hip_4", "ankle_4")
ABDOMEN = ("abdomen_z", "abdomen_y", "abdomen_x")
LEGS = tuple(f"{side}_{joint}" for side in ("right", "left") for joint in ("hip_x", "hip_z", "hip_y", "knee"))
ARMS = tuple(f"{side}_{joint}" for side in ("right", "left") for joint in ("shoulder1", "shoulder2", "elbow"))


def in_the_plane(height: Callable[[World], Any]) -> Said:
    return {
        "torso_height": height,
        "torso_pitch": lambda w: w.pitch("torso"),
        "x_velocity": lambda w: w.moves("torso")[0][0],
        "z_velocity": lambda w: w.moves("torso")[0][2],
        "pitch_rate": lambda w: w.moves("torso")[1][1],
    }


ON_A_FREE_JOINT: Said = {
    "torso_height": lambda w: w.at("torso")[2],
    "torso_orientation": lambda w: w.now.body("torso").xquat,
    "torso_upright": lambda w: w.axes("torso")[2, 2],
    "velocity": lambda w: w.moves("torso")[0],
    "angular_velocity": lambda w: w.moves("torso", own_axes=True)[1],
}

SAID: Mapping[str, Said] = {
    "half_cheetah_run": {
        **in_the_plane(lambda w: w.at("torso")[2] - w.model.body("torso").pos[2]),
        "joint_angles": lambda w: w.angles(*CHEETAH),
        "joint_velocities": lambda w: w.rates(*CHEETAH),
    },
    "hopper_hop": {
        **in_the_plane(lambda w: w.at("torso")[2]),
        "joint_angles": lambda w: w.angles(*HOPPER),
        "joint_velocities": lambda w: w.rates(*HOPPER),
    },
    "walker_walk": {
        **in_the_plane(lambda w: w.at("torso")[2]),
        "right_leg_angles": lambda w: w.angles(*HOPPER),
        "left_leg_angles": lambda w: w.angles(*LEFT),
        "joint_velocities": lambda w: w.rates(*HOPPER, *LEFT),
    },
    "swimmer_forward": {
        "heading": lambda w: np.arctan2(*w.axes("torso")[1::-1, 0]),
        "joint_angles": lambda w: w.angles("motor1_rot", "motor2_rot"),
        "x_velocity": lambda w: w.moves("torso")[0][0],
        "y_velocity": lambda w: w.moves("torso")[0][1],
        "heading_rate": lambda w: w.moves("torso")[1][2],
        "joint_velocities": lambda w: w.rates("motor1_rot", "motor2_rot"),
    },
    "inverted_pendulum_balance": {
        "cart_position": lambda w: w.at("cart")[0],
        "pole_angle": lambda w: np.arctan2(*w.axes("pole")[0::2, 2]),
        "cart_velocity": lambda w: w.moves("cart")[0][0],
        "pole_rate": lambda w: w.moves("pole")[1][1],
    },
    "reacher_reach": {
        "shoulder_angle": lambda w: np.arctan2(*w.axes("body0")[1::-1, 0]),
        "elbow_angle": lambda w: w.angles("joint1")[0],
        "joint_velocities": lambda w: w.rates("joint0", "joint1"),
        "fingertip_position": lambda w: w.left.body("fingertip").xpos[:2],
        "target_position": lambda w: w.at("target")[:2],
        "to_target": lambda w: (w.left.body("target").xpos - w.left.body("fingertip").xpos)[:2],
    },
    "ant_run": {
        **ON_A_FREE_JOINT,
        "joint_angles": lambda w: w.angles(*ANT),
        "joint_velocities": lambda w: w.rates(*ANT),
        "foot_contacts": lambda w: w.pushed_up(4, 7, 10, 13).clip(-1, 1),
    },
    "humanoid_run": {
        **ON_A_FREE_JOINT,
        "torso_pitch": lambda w: np.arctan2(*w.axes("torso")[0::2, 2]),
        "facing": lambda w: w.axes("torso")[0, 0],
        "abdomen_angles": lambda w: w.angles(*ABDOMEN),
        "right_leg_angles": lambda w: w.angles(*LEGS[:4]),
        "left_leg_angles": lambda w: w.angles(*LEGS[4:]),
        "arm_angles": lambda w: w.angles(*ARMS),
        "joint_velocities": lambda w: w.rates(*ABDOMEN, *LEGS, *ARMS),
        "joint_torques": lambda w: [w.left.joint(j).qfrc_actuator[0] for j in (*ABDOMEN, *LEGS, *ARMS)],
        "foot_forces": lambda w: w.pushed_up(w.model.body("right_foot").id, w.model.body("left_foot").id),
    },
}


def state(name: str, obs: Any, model: Any) -> tuple[Any, Any]:
    """Positions and velocities from an observation; where the body stands is not in it, and does not matter."""
    if name == "reacher_reach":
        return np.array([*np.arctan2(obs[2:4], obs[0:2]), *obs[4:6]]), np.array([*obs[6:8], 0.0, 0.0])
    unseen = {"inverted_pendulum_balance": 0, "swimmer_forward": 2, "ant_run": 2, "humanoid_run": 2}.get(name, 1)
    seen = model.nq - unseen
    return np.concatenate([np.zeros(unseen), obs[:seen]]), np.array(obs[seen : seen + model.nv])


@pytest.fixture
def twin() -> Iterator[Callable[[str], Any]]:
    made: list[Any] = []

    def make(env_id: str) -> Any:
        made.append(gymnasium.make(env_id).unwrapped)
        made[-1].reset(seed=0)
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.mark.parametrize("name", SAID)
def test_signals_are_what_mujoco_says(name: str, play: Play, twin: Callable[[str], Any]) -> None:
    played = play(name, steps=STEPS, num_envs=1, scale=0.2)
    env, said = twin(played.task.env.id), SAID[name]
    obs, actions = played.rollout.obs["obs"][:, 0].double().numpy(), played.rollout.led_by[:, 0].numpy()
    off: dict[str, list[float]] = {signal: [] for signal in said}
    for t in range(STEPS):
        qpos, qvel = state(name, obs[t], env.model)
        cut_off = name in ("hopper_hop", "walker_walk") and abs(obs[t : t + 2]).max() >= 10
        if not played.rollout.valid[t, 0] or cut_off:
            continue  # a reset, or a velocity that the observation does not tell in full
        env.set_state(qpos, qvel)
        env.step(actions[t + 1])
        now = mujoco.MjData(env.model)
        now.qpos[:], now.qvel[:] = env.data.qpos, env.data.qvel
        mujoco.mj_forward(env.model, now)
        world = World(env.model, env.data, now)
        for signal, read in said.items():
            told = played[signal][t, 0]
            expected = torch.as_tensor(np.asarray(read(world)), dtype=torch.float32)
            assert told.shape == expected.shape
            off[signal].append(float(((told - expected).abs() / (1 + expected.abs())).max()))
    assert min(len(errors) for errors in off.values()) >= STEPS / 4
    assert {signal: max(errors) for signal, errors in off.items() if max(errors) > 1e-3} == {}


@pytest.mark.parametrize("name", SAID)
def test_every_signal_but_the_action_is_compared(name: str, play: Play) -> None:
    assert {s.name for s in play(name, steps=1, num_envs=1).task.signals} == {*SAID[name], "action"}
