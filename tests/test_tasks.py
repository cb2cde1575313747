"""The tasks that ship: each loads, fits its real environment, can be solved, and keeps its fitness to itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from rewardsmith import config, sim, sources, taskfile
from rewardsmith.interfaces import Frame, Rollout, Simulator
from rewardsmith.readings import Readings
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.sim.envpool import info_fields
from rewardsmith.sim.mjcf import declared
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Measure, Task

NAMES = taskfile.names()
CONTROL_DT_S = {  # physics time-step * steps per control step, from each environment's model
    "HalfCheetah-v5": 0.01 * 5,
    "Hopper-v5": 0.002 * 4,
    "InvertedPendulum-v5": 0.02 * 2,
    "Reacher-v5": 0.01 * 2,
    "Swimmer-v5": 0.01 * 4,
    "Ant-v5": 0.01 * 5,
    "Humanoid-v5": 0.003 * 5,
    "Walker2d-v5": 0.002 * 4,
    "WalkerWalk-v1": 0.0025 * 10,
    "Go1JoystickFlatTerrain-v1": 0.004 * 5,
    "Go1Handstand-v1": 0.004 * 5,
    "LeapCubeRotateZAxis-v1": 0.01 * 5,
    "PandaPickCube-v1": 0.005 * 4,
    "PandaOpenCabinet-v1": 0.005 * 4,
    "HandManipulatePenDense-v1": 0.002 * 20,
    "HandManipulateBlockDense-v1": 0.002 * 20,
    "AdroitHandDoor-v1": 0.002 * 5,
}
METAWORLD_DT_S = 0.0025 * 5
Act = Callable[[int, Frame], Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def played(task: Task, act: Callable[[Simulator], Act], *, steps: int, num_envs: int = 4) -> Rollout:
    simulator = sim.make(task, env_seeds=range(num_envs), info_fields=Readings(task).info_fields)
    try:
        return Stepper(simulator).collect(act(simulator), steps)
    finally:
        simulator.close()


def at_random(simulator: Simulator) -> Act:
    """Uniform actions, each held for eight steps so that bodies really move."""
    draw = torch.Generator().manual_seed(0)
    low, high = simulator.action_low, simulator.action_high
    held = torch.rand(200, simulator.num_envs, len(low), generator=draw) * (high - low) + low
    return lambda t, _: held[t // 8]


@functools.cache
def random_play(name: str) -> Rollout:
    task = taskfile.load(name).task
    return played(task, at_random, steps=min(2 * task.episode_steps + 2, 400))


def episodes(measure: Measure, values: Tensor, rollout: Rollout) -> list[float]:
    return [float(v) for v in EpisodeMeter(measure, rollout.reward.shape[1]).update(values, rollout).value]


# --- every task -----------------------------------------------------------------------------------------------------


KNOWN = """
    button_press_topdown door_open drawer_close drawer_open peg_insert_side pick_place push reach window_close
    window_open
    half_cheetah_run hopper_hop swimmer_forward inverted_pendulum_balance reacher_reach
    button_press sweep_into door_unlock door_close handle_press handle_press_side handle_pull
    ant_run humanoid_run walker_walk dm_walker_walk
    go1_joystick go1_handstand leap_cube_rotate panda_pick_cube panda_open_cabinet
    hand_pen hand_block adroit_door
    go1_velocity panda_open_drawer cube_rotate pen_spin
    hopper_front_flip hopper_back_flip ant_wave_leg ant_lie_down ant_run_mjcf humanoid_run_mjcf
"""


def test_the_tasks_that_people_know_ship() -> None:
    """BIRD's fifteen; CARD's and Text2Reward's others; walking and running; Playground's; hands."""
    assert set(NAMES) >= set(KNOWN.split())


@pytest.mark.parametrize("name", NAMES)
def test_task_is_named_like_its_file_and_names_its_training(name: str) -> None:
    loaded = taskfile.load(name)
    assert loaded.task.name == name
    settings = config.resolve(loaded.settings)
    assert settings.train.preset != "default"
    assert settings.train.env_steps >= 10 * loaded.task.episode_steps


@pytest.mark.parametrize("name", NAMES)
def test_task_fits_its_environment(name: str) -> None:
    loaded = taskfile.load(name)
    task = loaded.task
    known = Readings(task).info_fields if task.env.backend == "mjcf" else info_fields(task)
    simulator = sim.make(task, env_seeds=[0, 1, 2], info_fields=known)
    try:
        simulator.reset()
        actions = at_random(simulator)(0, simulator.reset())
        taskfile.check_against(loaded, simulator.step(actions), actions=actions)
    finally:
        simulator.close()


@pytest.mark.parametrize("name", NAMES)
def test_every_signal_varies_and_is_finite_over_random_play(name: str) -> None:
    task, rollout = taskfile.load(name).task, random_play(name)
    for signal, values in Readings(task).inputs(rollout, [s.name for s in task.signals]).items():
        rows = values[rollout.valid]
        assert torch.isfinite(rows).all(), signal
        assert (rows != rows[0]).any(), f"{signal} never changes"


@pytest.mark.parametrize("name", NAMES)
def test_fitness_and_references_are_finite_over_random_play(name: str) -> None:
    task, rollout = taskfile.load(name).task, random_play(name)
    readings = Readings(task)
    for values in (readings.fitness(rollout), readings.expert(rollout), readings.sparse(rollout)):
        assert torch.isfinite(values[rollout.valid]).all()
    if task.references.expert == "reward":
        torch.testing.assert_close(readings.expert(rollout), rollout.reward)


def seen_by_policy(task: Task) -> frozenset[str]:
    """Info fields that a policy sees: none but in a model of our own, whose observation is made of them."""
    if task.env.backend != "mjcf":
        return frozenset()
    signals = {s.name: sources.parse(s.source) for s in task.signals}
    texts = declared.read(task).observation
    return frozenset[str]().union(*(sources.parse(text, signals=signals).info_fields for text in texts))


@pytest.mark.parametrize("name", NAMES)
def test_no_signal_hands_over_the_fitness_or_the_reward(name: str) -> None:
    """Signals come from what the policy sees: so no success flag and no term of the expert's reward."""
    task = taskfile.load(name).task
    for signal in task.signals:
        source = sources.parse(signal.source)
        assert source.info_fields <= seen_by_policy(task)
        assert not source.uses_reward


@pytest.mark.parametrize("name", NAMES)
def test_policy_sees_what_the_signals_read(name: str) -> None:
    task = taskfile.load(name).task
    keys = frozenset[str]().union(*(sources.parse(s.source).obs_keys for s in task.signals))
    assert keys == (frozenset() if task.env.backend == "mjcf" else {task.env.observation})


@pytest.mark.parametrize("name", NAMES)
def test_goal_is_for_a_stranger(name: str) -> None:
    goal = taskfile.load(name).task.goal
    assert 40 <= len(goal.split()) <= 150
    assert not re.search(r"\b(reward|fitness|signals?|obs|info|env|policy|polic\w+|candidate|torch)\b", goal)


@pytest.mark.parametrize("name", NAMES)
def test_control_step_lasts_as_long_as_in_the_model(name: str) -> None:
    task = taskfile.load(name).task
    if task.env.backend == "mjcf":
        simulator = sim.make(task, env_seeds=[0], info_fields=["time"])
        assert isinstance(simulator, MjcfSimulator)
        simulator.reset()
        frame = simulator.step(torch.zeros(1, len(simulator.action_low)))
        assert frame.info["time"].item() == pytest.approx(task.control_dt_s)
        return
    expected = METAWORLD_DT_S if task.env.id.startswith("MetaWorld/") else CONTROL_DT_S[task.env.id]
    assert task.control_dt_s == pytest.approx(expected)


@pytest.mark.parametrize("name", ["door_open", "drawer_open", "reacher_reach"])
def test_episode_ends_when_the_task_says(name: str) -> None:
    task = taskfile.load(name).task
    rollout = played(task, at_random, steps=task.episode_steps, num_envs=2)
    assert not rollout.truncated[:-1].any()
    assert rollout.truncated[-1].all()


# --- what the signals mean ------------------------------------------------------------------------------------------


def test_cheetahs_velocity_is_that_of_its_position() -> None:
    task, rollout = taskfile.load("half_cheetah_run").task, random_play("half_cheetah_run")
    over_the_step = Readings(task).fitness(rollout)
    at_its_end = Readings(task).inputs(rollout, ["x_velocity"])["x_velocity"]
    both = torch.stack([over_the_step[rollout.valid], at_its_end[rollout.valid]])
    assert torch.corrcoef(both)[0, 1] > 0.8


def test_hopper_that_falls_forward_has_a_positive_pitch() -> None:
    """Episodes end by a lean of more than 0.2 rad; over one step the torso's x follows the lean."""
    task, rollout = taskfile.load("hopper_hop").task, random_play("hopper_hop")
    signals = Readings(task).inputs(rollout, ["torso_pitch", "torso_height"])
    ended = rollout.terminated & rollout.valid
    fallen = (signals["torso_pitch"].abs() > 0.2) | (signals["torso_height"] < 0.7)
    assert ended.any()
    assert fallen[ended].all()
    assert not fallen[rollout.valid & ~ended].any()


def test_pole_falls_to_the_side_that_its_angle_says() -> None:
    task, rollout = taskfile.load("inverted_pendulum_balance").task, random_play("inverted_pendulum_balance")
    signals = Readings(task).inputs(rollout, ["pole_angle", "prev_pole_angle", "pole_rate"])
    ended = rollout.terminated & rollout.valid
    assert (signals["pole_angle"].abs()[ended] > 0.2).all()
    moved = signals["pole_angle"] - signals["prev_pole_angle"]
    fast = rollout.valid & (moved.abs() > 0.1)
    assert (moved.sign() == signals["pole_rate"].sign())[fast].float().mean() > 0.9


def test_reachers_fingertip_is_where_its_angles_put_it() -> None:
    """Links of 0.10 and 0.11 m: forward kinematics by hand. MuJoCo's positions lag one physics step (0.01 s) behind."""
    task, rollout = taskfile.load("reacher_reach").task, random_play("reacher_reach")
    names = ["shoulder_angle", "elbow_angle", "joint_velocities", "fingertip_position", "to_target", "target_position"]
    s = {name: values[rollout.valid] for name, values in Readings(task).inputs(rollout, names).items()}
    shoulder, both = s["shoulder_angle"], s["shoulder_angle"] + s["elbow_angle"]
    x = 0.10 * shoulder.cos() + 0.11 * both.cos()
    y = 0.10 * shoulder.sin() + 0.11 * both.sin()
    off = (torch.stack([x, y], dim=-1) - s["fingertip_position"]).norm(dim=-1)
    speed = (s["joint_velocities"].abs() * torch.tensor([0.21, 0.11])).sum(-1)
    assert (off <= 0.02 * speed + 1e-3).all()
    assert off.median() < 0.003
    torch.testing.assert_close(s["fingertip_position"] + s["to_target"], s["target_position"], atol=1e-5, rtol=0)


# --- solved by a script: the measures tell it from random play ------------------------------------------------------


def pull_drawer(hand: Tensor, handle: Tensor) -> Tensor:
    """Above the handle, down over it, and back; the fingers stay open."""
    at = handle + torch.tensor([0.0, 0.0, -0.02])
    return _command(_aim(hand, at, at + torch.tensor([0.0, -0.06, 0.0]), lift=0.27, near=0.06) - hand, grip=-1.0)


def pull_door(hand: Tensor, handle: Tensor) -> Tensor:
    """Above the inner side of the handle, down, and along with it to the left; the fingers close."""
    at = handle + torch.tensor([0.01, 0.02, 0.0])
    return _command(_aim(hand, at, handle - torch.tensor([0.05, 0.0, 0.0]), lift=0.2, near=0.12) - hand, grip=1.0)


def _aim(hand: Tensor, at: Tensor, then: Tensor, *, lift: float, near: float) -> Tensor:
    """`lift` above `at` until near it in x and y, then down to it, then to `then`."""
    far = (hand - at)[:, :2].norm(dim=1, keepdim=True) > near
    high = (hand - at)[:, 2:].abs() > 0.04
    return torch.where(far, at + torch.tensor([0.0, 0.0, lift]), torch.where(high, at, then))


def _command(move: Tensor, *, grip: float) -> Tensor:
    return torch.cat([25 * move, torch.full((len(move), 1), grip)], dim=1).clamp(-1, 1)


def scripted(script: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Simulator], Act]:
    return lambda _: lambda __, frame: script(frame.obs["obs"][:, 0:3], frame.obs["obs"][:, 4:7])


def at_rest(simulator: Simulator) -> Act:
    return lambda _, __: torch.zeros(simulator.num_envs, len(simulator.action_low))


@pytest.mark.parametrize(("name", "script"), [("drawer_open", pull_drawer), ("door_open", pull_door)])
def test_metaworld_task_is_solved_by_a_script(name: str, script: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Fitness is 1 where success is, and an arm at rest has none of either."""
    task = taskfile.load(name).task
    readings = Readings(task)
    solved = played(task, scripted(script), steps=task.episode_steps)
    idle = played(task, at_rest, steps=task.episode_steps)
    success = readings.success(solved)
    assert success is not None
    assert task.success is not None
    assert episodes(task.success, success, solved) == [1.0] * 4
    assert episodes(task.fitness, readings.fitness(solved), solved) == [1.0] * 4
    assert (readings.fitness(solved)[success > 0] == 1).all()
    assert max(episodes(task.fitness, readings.fitness(idle), idle)) < 0.01


def test_door_angle_is_zero_shut_and_grows_while_the_handle_nears_its_goal() -> None:
    task = taskfile.load("door_open").task
    rollout = played(task, scripted(pull_door), steps=150)
    signals = Readings(task).inputs(rollout, ["door_angle", "handle_position", "goal_position"])
    assert signals["door_angle"][0].abs().max() < 0.01
    near = (signals["handle_position"] - signals["goal_position"])[..., 0].abs() <= 0.08
    assert near.any()
    assert 1.37 < signals["door_angle"][near].min() < 1.45


def test_pendulum_is_balanced_by_a_linear_law() -> None:
    """Push the cart under the pole: force from angle, its rate, and a little from the cart's place."""
    task = taskfile.load("inverted_pendulum_balance").task
    gains = torch.tensor([0.1, 3.0, 0.2, 0.4])

    def act(_: int, frame: Frame) -> Tensor:
        return (frame.obs["obs"] @ gains).clamp(-3, 3)[:, None]

    rollout = played(task, lambda _: act, steps=task.episode_steps, num_envs=2)
    assert episodes(task.fitness, Readings(task).fitness(rollout), rollout) == [1000.0, 1000.0]
    random = random_play("inverted_pendulum_balance")
    assert max(episodes(task.fitness, Readings(task).fitness(random), random)) < 100


def test_hoppers_fitness_is_the_metres_it_came() -> None:
    """The mean velocity over an episode times its duration is the way it made."""
    task, rollout = taskfile.load("hopper_hop").task, random_play("hopper_hop")
    readings = Readings(task)
    way = Measure(source="", reduce="sum")
    travelled = [task.control_dt_s * v for v in episodes(way, readings.sparse(rollout), rollout)]
    assert episodes(task.fitness, readings.fitness(rollout), rollout) == pytest.approx(travelled, abs=0.01)
