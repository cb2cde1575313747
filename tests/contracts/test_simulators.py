"""What every simulator must do, asserted of each one by name: a backend is under test the moment it is listed.

A task of 20 steps is long enough to cross an episode's end and short enough to do so twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame, Simulator
from rewardsmith.types import EnvSpec, Measure, References, Task

STEPS = 20


def _task(backend: str, env_id: str, observation: str = "obs", **options: object) -> Task:
    return Task(
        name="contract",
        goal="Obey the contract.",
        env=EnvSpec(backend=backend, id=env_id, options=options, observation=observation),
        signals=(),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=STEPS,
        control_dt_s=0.05,
    )


PENDULUM = str(Path(__file__).parent.parent / "sim" / "models" / "pendulum-v1.xml")
START = {"noise": {"qpos": 0.1}}

# One that only truncates and one that terminates of each; beside it an info field and a name that is nearly one.
CASES = {
    "point": (_task("point", "Point-v0"), "distance", "distanse"),
    "envpool": (_task("envpool", "HalfCheetah-v5"), "x_velocity", "x_velocty"),
    "envpool, terminating": (_task("envpool", "InvertedPendulum-v5"), "elapsed_step", "elapsed_stp"),
    "envpool, dict observations": (
        _task("envpool", "Go1JoystickFlatTerrain-v1", "obs.state"),
        "elapsed_step",
        "elapsed_stp",
    ),
    "envpool, MetaWorld": (_task("envpool", "MetaWorld/DoorOpen-v3"), "success", "sucess"),
    "gymnasium": (_task("gymnasium", "HalfCheetah-v5"), "x_velocity", "x_velocty"),
    "mjcf": (_task("mjcf", PENDULUM, reset=START), "qvel", "qvl"),
    "mjcf, terminating": (
        _task("mjcf", PENDULUM, reset=START, terminated="abs(joint(hinge).qpos) > 0.3"),
        "qvel",
        "qvl",
    ),
    "mjcf, every world another": (
        _task("mjcf", PENDULUM, reset=START, randomise={"mass": [0.5, 1.5], "damping": [0.5, 1.5]}),
        "qvel",
        "qvl",
    ),
    "gymnasium, terminating": (_task("gymnasium", "InvertedPendulum-v5"), "reward_survive", "reward_surviv"),
}
SEEDS = [11, 12, 13, 14]

Make = Callable[..., Simulator]


def test_every_backend_is_under_contract() -> None:
    assert {task.env.backend for task, _, _ in CASES.values()} == set(sim.BACKENDS)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Task, str, str]:
    return CASES[request.param]


@pytest.fixture
def make(case: tuple[Task, str, str]) -> Iterator[Make]:
    """Builds simulators of the case and closes them; its info field is asked for."""
    task, field, _ = case
    made: list[Simulator] = []

    def build(seeds: Sequence[int] = SEEDS, fields: Sequence[str] = (field,)) -> Simulator:
        made.append(sim.make(task, env_seeds=seeds, info_fields=fields))
        return made[-1]

    yield build
    for simulator in made:
        simulator.close()


def _actions(simulator: Simulator, t: int) -> Tensor:
    """The same action for every environment, another one at each step."""
    draw = torch.Generator().manual_seed(t)
    span = simulator.action_high - simulator.action_low
    action = simulator.action_low + torch.rand(len(span), generator=draw) * span
    return action.expand(simulator.num_envs, -1).contiguous()


def _play(simulator: Simulator, steps: int) -> list[Frame]:
    return [simulator.reset(), *(simulator.step(_actions(simulator, t)) for t in range(steps))]


def _same(first: Frame, second: Frame, rows: Sequence[int]) -> bool:
    """Whether environment i of `first` is environment `rows[i]` of `second`."""
    pairs = [
        *((first.obs[key], second.obs[key]) for key in first.obs),
        *((first.info[key], second.info[key]) for key in first.info),
        (first.reward, second.reward),
        (first.terminated, second.terminated),
        (first.truncated, second.truncated),
        (first.started, second.started),
    ]
    return all(torch.equal(a, b[list(rows)]) for a, b in pairs)


class TestSimulatorContract:
    """Every simulator, through `sim.make`, as the loop builds it."""

    def test_frames_have_the_promised_shapes_and_types(self, make: Make, case: tuple[Task, str, str]) -> None:
        simulator, (task, field, _) = make(), case
        for frame in _play(simulator, 2):
            assert task.env.observation in frame.obs
            assert all(key == "obs" or key.startswith("obs.") for key in frame.obs)
            assert all(len(x) == 4 and x.dtype == torch.float32 for x in (*frame.obs.values(), *frame.info.values()))
            assert set(frame.info) == {field}
            assert frame.reward.shape == (4,)
            assert frame.reward.dtype == torch.float32
            for flags in (frame.terminated, frame.truncated, frame.started):
                assert flags.shape == (4,)
                assert flags.dtype == torch.bool

    def test_no_info_field_is_carried_that_nobody_asked_for(self, make: Make) -> None:
        assert [dict(frame.info) for frame in _play(make(fields=()), 1)] == [{}, {}]

    def test_action_bounds_are_finite_and_ordered(self, make: Make) -> None:
        simulator = make()
        assert simulator.num_envs == 4
        assert simulator.action_low.dtype == simulator.action_high.dtype == torch.float32
        assert torch.isfinite(simulator.action_low).all()
        assert torch.isfinite(simulator.action_high).all()
        assert (simulator.action_low < simulator.action_high).all()

    def test_a_reset_starts_every_environment_and_ends_none(self, make: Make) -> None:
        frame = make().reset()
        assert frame.started.all()
        assert not (frame.terminated | frame.truncated).any()
        assert not frame.reward.any()

    def test_the_step_after_an_end_starts_and_no_other(self, make: Make) -> None:
        frames = _play(make(), 2 * STEPS + 4)
        for before, after in pairwise(frames):
            assert torch.equal(after.started, before.terminated | before.truncated)

    def test_a_started_frame_has_no_reward_and_ends_nothing(self, make: Make) -> None:
        for frame in _play(make(), 2 * STEPS + 4):
            assert not frame.reward[frame.started].any()
            assert not (frame.terminated | frame.truncated)[frame.started].any()

    def test_no_episode_lasts_longer_than_the_task_says_and_truncation_is_exactly_then(self, make: Make) -> None:
        length = torch.zeros(4, dtype=torch.int64)
        ended = 0
        for frame in _play(make(), 2 * STEPS + 4):
            length = torch.where(frame.started, 0, length + 1)
            assert (length[frame.truncated] == STEPS).all()
            assert ((length < STEPS) | frame.truncated | frame.terminated).all()
            ended += int((frame.truncated | frame.terminated).sum())
        assert ended >= 8  # each of the four at least twice

    def test_the_frame_that_ends_an_episode_still_holds_its_last_state(self, make: Make) -> None:
        frames = _play(make(), STEPS + 2)
        ends = [t for t, frame in enumerate(frames) if bool((frame.truncated | frame.terminated)[0])]
        last, fresh, start = frames[ends[0]], frames[ends[0] + 1], frames[0]
        moved = [float((last.obs[key][0] - start.obs[key][0]).abs().max()) for key in last.obs]
        jumped = [float((fresh.obs[key][0] - last.obs[key][0]).abs().max()) for key in last.obs]
        assert max(moved) > 0.01
        assert max(jumped) > 0.01

    def test_the_action_of_the_step_after_an_end_is_ignored(self, make: Make) -> None:
        """Two batches that differ in that one action alone go on alike."""
        one, other = make(), make()
        first, second = one.reset(), other.reset()
        for t in range(STEPS + 6):
            ended = first.terminated | first.truncated
            actions = _actions(one, t)
            flipped = torch.where(ended[:, None], one.action_high + one.action_low - actions, actions)
            first, second = one.step(actions), other.step(flipped)
            assert _same(first, second, range(4))

    def test_the_same_seeds_give_the_same_frames(self, make: Make) -> None:
        once, again = _play(make(), STEPS + 6), _play(make(), STEPS + 6)
        assert all(_same(a, b, range(4)) for a, b in zip(once, again, strict=True))

    @pytest.mark.parametrize("chosen", [[2], [3, 1], [3, 2, 1, 0]], ids=["alone", "two, swapped", "reversed"])
    def test_an_environment_depends_on_its_own_seed_alone(self, make: Make, chosen: list[int]) -> None:
        everyone = _play(make(), STEPS + 6)
        some = _play(make([SEEDS[i] for i in chosen]), STEPS + 6)
        assert all(_same(a, b, chosen) for a, b in zip(some, everyone, strict=True))

    def test_equal_seeds_are_twins_and_different_ones_are_not(self, make: Make) -> None:
        frame = make([7, 7, 8]).reset()
        rows = torch.cat([x.flatten(1) for x in frame.obs.values()], dim=1)
        assert torch.equal(rows[0], rows[1])
        assert not torch.equal(rows[0], rows[2])

    def test_an_episode_begins_elsewhere_than_the_one_before(self, make: Make) -> None:
        frames = _play(make(), STEPS + 6)
        starts = [torch.cat([x[0].flatten() for x in f.obs.values()]) for f in frames if bool(f.started[0])]
        assert len(starts) >= 2
        assert not torch.equal(starts[0], starts[1])

    def test_frames_are_not_written_over_by_later_steps(self, make: Make) -> None:
        simulator = make()
        frame = simulator.reset()
        kept = {key: value.clone() for key, value in frame.obs.items()}
        for t in range(3):
            simulator.step(_actions(simulator, t))
        assert all(torch.equal(frame.obs[key], value) for key, value in kept.items())
        assert frame.started.all()

    def test_closing_twice_is_safe(self, make: Make) -> None:
        simulator = make()
        simulator.reset()
        simulator.close()
        simulator.close()

    def test_an_unknown_id_is_one_error_that_suggests_the_right_one(self, case: tuple[Task, str, str]) -> None:
        task = case[0]
        wrong = replace(task, env=replace(task.env, id=task.env.id.replace("-v", "a-v")))
        with pytest.raises(ConfigError, match=rf"^contract: .*'{wrong.env.id}'.* Did you mean '{task.env.id}'\?"):
            sim.make(wrong, env_seeds=[0], info_fields=())

    def test_an_unknown_option_is_one_error_that_names_it(self, case: tuple[Task, str, str]) -> None:
        task = case[0]
        wrong = replace(task, env=replace(task.env, options={"no_such_option": 1}))
        with pytest.raises(ConfigError, match=rf"^contract: .*'{task.env.id}'.*'no_such_option'"):
            sim.make(wrong, env_seeds=[0], info_fields=())

    def test_an_unknown_info_field_is_one_error_that_suggests_the_right_one(
        self, make: Make, case: tuple[Task, str, str]
    ) -> None:
        _, right, wrong = case
        with pytest.raises(ConfigError, match=rf"info has no field '{wrong}'\. Did you mean '{right}'\? Known: "):
            make(fields=(wrong,)).reset()


def test_an_unknown_backend_is_one_error_that_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"Unknown simulator 'envpol'\. Did you mean 'envpool'\? Known: "):
        sim.make(_task("envpol", "HalfCheetah-v5"), env_seeds=[0], info_fields=())
