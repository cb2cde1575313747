"""EnvPool beyond the contract: nested observations and info, what its options may be, and agreement with Gymnasium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame
from rewardsmith.sim.envpool import EnvPoolSimulator, info_fields
from rewardsmith.types import EnvSpec, Measure, References, Task


def _task(
    env_id: str, *, backend: str = "envpool", steps: int = 50, observation: str = "obs", **options: object
) -> Task:
    return Task(
        name="t",
        goal="None.",
        env=EnvSpec(backend=backend, id=env_id, options=options, observation=observation),
        signals=(),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=steps,
        control_dt_s=0.05,
        path="tasks/t.yaml",
    )


def _first_step(task: Task, *fields: str, seeds: tuple[int, ...] = (0, 1)) -> Frame:
    simulator = sim.make(task, env_seeds=seeds, info_fields=fields)
    try:
        simulator.reset()
        return simulator.step((simulator.action_high / 2).expand(len(seeds), -1).contiguous())
    finally:
        simulator.close()


def test_dict_observations_are_named_by_their_keys() -> None:
    frame = _first_step(_task("Go1JoystickFlatTerrain-v1", observation="obs.state"))
    assert {key: tuple(value.shape) for key, value in frame.obs.items()} == {
        "obs.state": (2, 48),
        "obs.privileged_state": (2, 123),
    }


def test_actions_with_more_than_one_axis_are_given_flat() -> None:
    """Two searchers with two numbers each."""
    task = _task("SearchAndRescue-v0")
    simulator = sim.make(task, env_seeds=[0, 1], info_fields=())
    assert len(simulator.action_low) == 4
    simulator.close()
    assert not _first_step(task).started.any()


def test_a_policy_that_sees_obs_sees_all_of_a_dict_in_the_order_of_its_keys() -> None:
    obs = _first_step(_task("WalkerWalk-v1")).obs
    assert obs["obs.height"].shape == (2,)  # one number each, without an axis of its own
    parts = [obs["obs.height"][:, None], obs["obs.orientations"], obs["obs.velocity"]]
    assert torch.equal(obs["obs"], torch.cat(parts, dim=1))


def test_info_fields_are_the_numbers_that_the_environment_reports() -> None:
    assert info_fields(_task("HalfCheetah-v5")) == (
        "elapsed_step",
        "reward_ctrl",
        "reward_run",
        "x_position",
        "x_velocity",
    )
    assert "success" in info_fields(_task("MetaWorld/DoorOpen-v3"))


def test_every_info_field_that_is_listed_can_be_asked_for() -> None:
    for env_id in ("HalfCheetah-v5", "MetaWorld/DoorOpen-v3", "Go1JoystickFlatTerrain-v1"):
        task = _task(env_id)
        frame = _first_step(task, *info_fields(task))
        assert set(frame.info) == set(info_fields(task))
        assert all(len(value) == 2 and value.dtype == torch.float32 for value in frame.info.values())


def test_options_reach_the_environment() -> None:
    plain = _first_step(_task("HalfCheetah-v5", reset_noise_scale=0.0))
    slow = _first_step(_task("HalfCheetah-v5", reset_noise_scale=0.0, frame_skip=1))
    assert not torch.allclose(plain.obs["obs"], slow.obs["obs"])
    assert torch.equal(plain.obs["obs"][0], plain.obs["obs"][1])  # without noise all start alike


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frame_skp": 3}, r"takes no option 'frame_skp'\. Did you mean 'frame_skip'\? Known: .*frame_skip"),
        ({"num_envs": 3}, r"takes no option 'num_envs'\."),  # ours to decide
        ({"max_episode_steps": 3}, r"takes no option 'max_episode_steps'\."),
        ({"frame_skip": "three"}, r"cannot make 'HalfCheetah-v5' with options {'frame_skip': 'three'}: "),
        ({"xml_file": "no.xml"}, r"cannot make 'HalfCheetah-v5' with options {'xml_file': 'no.xml'}: .*no\.xml"),
    ],
)
def test_options_that_do_not_fit_are_one_error(options: Mapping[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=rf"^tasks/t\.yaml: .*{words}") as found:
        _first_step(_task("HalfCheetah-v5", **options))
    assert "\n" not in str(found.value)


def test_actions_that_are_no_box_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'CartPole-v1' has actions Discrete\(2\); expected a Box"):
        EnvPoolSimulator(_task("CartPole-v1"), env_seeds=[0], info_fields=())


@pytest.mark.parametrize(
    ("env_id", "fields"),
    [
        ("HalfCheetah-v5", ("x_velocity", "x_position", "reward_ctrl")),
        ("Hopper-v5", ("x_velocity", "x_position")),
    ],
)
def test_envpool_and_gymnasium_mean_the_same_by_reward_and_info(env_id: str, fields: tuple[str, ...]) -> None:
    """From the same state and under the same actions; EnvPool's MuJoCo is another version, so not to the last digit."""
    frames = {}
    for backend in ("envpool", "gymnasium"):
        task = _task(env_id, backend=backend, reset_noise_scale=0.0)
        simulator = sim.make(task, env_seeds=[0], info_fields=fields)
        draw = torch.Generator().manual_seed(0)
        simulator.reset()
        actions = [torch.rand(1, len(simulator.action_low), generator=draw) * 2 - 1 for _ in range(5)]
        frames[backend] = [simulator.step(action) for action in actions]
        simulator.close()
    for ours, theirs in zip(frames["envpool"], frames["gymnasium"], strict=True):
        assert torch.allclose(ours.obs["obs"], theirs.obs["obs"], atol=1e-2)
        assert torch.allclose(ours.reward, theirs.reward, atol=1e-2)
        for name in fields:
            assert torch.allclose(ours.info[name], theirs.info[name], atol=1e-2), name


def test_the_expert_reward_is_made_of_the_terms_that_info_reports() -> None:
    frame = _first_step(_task("HalfCheetah-v5"), "x_velocity", "reward_run", "reward_ctrl")
    assert torch.allclose(frame.reward, frame.info["x_velocity"] + frame.info["reward_ctrl"], atol=1e-4)
    assert torch.allclose(frame.info["reward_run"], frame.info["x_velocity"], atol=1e-4)


def test_a_wrong_info_field_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"Known: elapsed_step, reward_ctrl, reward_run, x_position, x_velocity\.$"):
        _first_step(_task("HalfCheetah-v5"), "speed_in_knots")


def test_an_id_that_is_nothing_like_any_other_gets_no_suggestion() -> None:
    with pytest.raises(ConfigError) as found:
        _first_step(replace(_task("qqq"), path=""))
    assert str(found.value) == "t: EnvPool has no environment 'qqq'."
