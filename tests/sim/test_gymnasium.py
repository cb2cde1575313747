"""Gymnasium beyond the contract, on small environments registered here: info that comes and goes, nested or not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor

from rewardsmith import sim
from rewardsmith.errors import CannotRender, ConfigError
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.readings import Readings
from rewardsmith.sim.gymnasium import GymnasiumSimulator, info_fields
from rewardsmith.types import EnvSpec, Measure, References, Task

ID = "RewardsmithTest/Counter-v0"


class Counter(gymnasium.Env[Any, Any]):
    """Counts its steps and ends after `ends_at`, or up to `spread` later by seed; its info changes by the step."""

    def __init__(
        self, *, ends_at: int = 100, spread: int = 0, nested: bool = False, bound: float = 2.0, fails: str = ""
    ) -> None:  # fmt: skip
        box = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
        self.observation_space = gymnasium.spaces.Dict({"a": box, "b": box}) if nested else box
        self.action_space = gymnasium.spaces.Box(-bound, bound, (2, 3))
        self.ends_at, self.spread, self.nested, self.fails = ends_at, spread, nested, fails
        if fails == "make":
            raise ValueError("no such joint\nnor any like it")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None  # noqa: ARG002
    ) -> tuple[Any, dict[str, Any]]:  # fmt: skip
        super().reset(seed=seed)
        if self.fails == "reset":
            raise RuntimeError
        if self.fails == "shape":
            return np.zeros(3, dtype=np.float32), {}
        self.count, self.last = 0, self.ends_at + int(self.np_random.integers(0, self.spread + 1))
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count += 1
        if self.fails == "step":
            raise KeyError("gripper")
        if self.fails == "interrupt":
            raise KeyboardInterrupt
        if self.fails == "ours":
            raise ConfigError("said well already")
        info: dict[str, Any] = {"count": self.count, "vector": np.array([self.count, 1.0, 2.0]), "flag": self.count > 1}
        info["inner"] = {"depth": 10.0 * self.count}
        info["words"] = "not a number"
        if self.count != 3:
            info["mostly"] = 7.0
        return self._obs(), float(action.sum()), self.count >= self.last, False, info

    def _obs(self) -> Any:
        value = np.array([self.count], dtype=np.float32)
        return {"a": value, "b": -value} if self.nested else value


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    gymnasium.register(ID, entry_point=Counter)
    yield
    del gymnasium.registry[ID]


def _simulator(
    *fields: str, count: int = 2, env_id: str = ID, steps: int = 50, **options: object
) -> GymnasiumSimulator:
    return GymnasiumSimulator(_task(env_id, steps=steps, **options), env_seeds=range(count), info_fields=fields)


def _task(env_id: str, *, steps: int = 50, **options: object) -> Task:
    return Task(
        name="t",
        goal="None.",
        env=EnvSpec(backend="gymnasium", id=env_id, options=options),
        signals=(),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=steps,
        control_dt_s=0.05,
    )


def _play(simulator: GymnasiumSimulator, steps: int) -> list[Frame]:
    width = len(simulator.action_low)
    return [simulator.reset(), *(simulator.step(torch.ones(simulator.num_envs, width)) for _ in range(steps))]


def test_actions_of_any_shape_are_given_flat() -> None:
    simulator = _simulator()
    assert simulator.action_low.tolist() == [-2.0] * 6
    assert simulator.action_high.tolist() == [2.0] * 6
    simulator.reset()
    assert simulator.step(torch.arange(12.0).view(2, 6) / 10).reward.tolist() == pytest.approx([1.5, 5.1])


def test_dict_observations_are_named_by_their_keys() -> None:
    frame = _play(_simulator(nested=True), 3)[-1]
    assert {key: value.tolist() for key, value in frame.obs.items()} == {
        "obs.a": [[3.0], [3.0]],
        "obs.b": [[-3.0], [-3.0]],
        "obs": [[3.0, -3.0], [3.0, -3.0]],
    }


def test_an_info_field_is_zero_where_it_is_not_reported() -> None:
    """A reset reports nothing here."""
    frames = _play(_simulator("count", "vector", "flag", ends_at=3), 5)
    assert [f.info["count"].tolist() for f in frames] == [[0, 0], [1, 1], [2, 2], [3, 3], [0, 0], [1, 1]]
    assert [f.info["flag"][0].item() for f in frames] == [0, 0, 1, 1, 0, 0]
    assert frames[3].info["vector"].tolist() == [[3, 1, 2], [3, 1, 2]]


def test_a_field_of_environments_out_of_step_is_each_ones_own() -> None:
    simulator = _simulator("count", count=6, ends_at=2, spread=3)
    frames, expected = _play(simulator, 12), torch.zeros(6)
    for frame in frames[1:]:
        expected = torch.where(frame.started, 0.0, expected + 1)
        assert torch.equal(frame.info["count"], expected)
    assert 0 < sum(int(f.started.sum()) for f in frames[1:]) < 6 * 12
    assert any(0 < int(f.started.sum()) < 6 for f in frames)


def test_a_field_keeps_its_shape_through_resets() -> None:
    frames = _play(_simulator("vector", ends_at=2), 6)
    assert {tuple(f.info["vector"].shape) for f in frames} == {(2, 3)}


def test_a_field_that_is_left_out_at_times_is_zero_there() -> None:
    frames = _play(_simulator("mostly"), 4)
    assert [f.info["mostly"].tolist() for f in frames] == [[0, 0], [7, 7], [7, 7], [0, 0], [7, 7]]


def test_a_nested_field_is_named_by_its_path() -> None:
    frames = _play(_simulator("inner.depth"), 2)
    assert [f.info["inner.depth"].tolist() for f in frames] == [[0, 0], [10, 10], [20, 20]]


@pytest.mark.parametrize("name", ["words", "_count", "inner", "cuont"])
def test_a_field_that_is_no_number_is_not_known(name: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"^info has no field '{name}'\..* Known: count, flag, inner\.depth, mostly, vec"
    ):
        _simulator(name).reset()


class Kinds(Counter):
    """One quantity as whatever type is at hand, as environments of one's own do."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        *others, _ = super().step(action)
        even = self.np_random_seed == 0
        info = {
            "bonus": 0 if even else 0.5,
            "near": np.bool_(not even),
            "inner": {"deep": np.int64(2) if even else 1.5},
            "array": np.array([1, 2]) if even else np.array([0.5, 0.25]),
            "flags": np.array([True, False]),
        }
        return *others, info  # type: ignore[return-value]


def test_a_field_is_read_whatever_kind_of_number_each_environment_reports() -> None:
    """The environment with seed 0 is the first, and reports ints."""
    gymnasium.register("RewardsmithTest/Kinds-v0", entry_point=Kinds)
    fields = ("array", "bonus", "flags", "inner.deep", "near")
    try:
        assert info_fields(_task("RewardsmithTest/Kinds-v0")) == fields
        last = _play(_simulator(*fields, env_id="RewardsmithTest/Kinds-v0"), 1)[-1]
    finally:
        del gymnasium.registry["RewardsmithTest/Kinds-v0"]
    assert {name: value.tolist() for name, value in last.info.items()} == {
        "array": [[1, 2], [0.5, 0.25]],
        "bonus": [0, 0.5],
        "flags": [[1, 0], [1, 0]],
        "inner.deep": [2, 1.5],
        "near": [0, 1],
    }


def test_fields_that_a_reset_does_not_report_are_known() -> None:
    class Tells(Counter):
        def reset(self, **given: Any) -> Any:
            return super().reset(**given)[0], {"count": 0, "inner": {"depth": 0.0}}

    gymnasium.register("RewardsmithTest/Tells-v0", entry_point=Tells, disable_env_checker=True)
    try:
        task = _task("RewardsmithTest/Tells-v0")
        assert sim.unreported_at_reset(task, ("count", "flag", "inner.depth")) == ("flag",)
    finally:
        del gymnasium.registry["RewardsmithTest/Tells-v0"]


def test_looking_at_the_first_step_leaves_no_trace() -> None:
    looked, plain = _simulator("count", count=3, spread=5, ends_at=2), _simulator(count=3, spread=5, ends_at=2)
    for ours, theirs in zip(_play(looked, 12), _play(plain, 12), strict=True):
        assert torch.equal(ours.obs["obs"], theirs.obs["obs"])
        assert torch.equal(ours.started, theirs.started)


class Odd(Counter):
    """Reports `odd` at resets as `first`, and at steps as what `later` makes of the count."""

    def __init__(self, *, first: Any, later: Any, ends_at: int = 100) -> None:
        super().__init__(ends_at=ends_at)
        self.first, self.later = first, later

    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0], {"count": 0, "odd": self.first, **self._keyed(self.first)}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        *others, _ = super().step(action)
        odd = self.later(self.count + (self.np_random_seed or 0))
        return *others, {"count": self.count, "odd": odd, **self._keyed(odd)}

    def _keyed(self, odd: Any) -> dict[Any, Any]:
        """The same under keys that are no strings, and under one that could be Gymnasium's own."""
        return {0: odd, (1, 2): 1.0, "_count": odd}


@pytest.fixture
def _odd() -> Iterator[None]:
    gymnasium.register("RewardsmithTest/Odd-v0", entry_point=Odd, disable_env_checker=True)
    yield
    del gymnasium.registry["RewardsmithTest/Odd-v0"]


@pytest.mark.usefixtures("_odd")
def test_a_none_is_not_reported_and_leaves_the_others_what_they_report() -> None:
    """Step and seed give 1, 2, 3 in the first environment and 2, 3, 4 in the second, which tells None for 4."""
    simulator = _simulator(
        "odd", env_id="RewardsmithTest/Odd-v0", first=None, later=lambda told: None if told == 4 else told
    )
    assert [f.info["odd"].tolist() for f in _play(simulator, 3)] == [[0, 0], [1, 2], [2, 3], [3, 0]]
    task = _task("RewardsmithTest/Odd-v0", first=None, later=float)
    assert sim.unreported_at_reset(task, ("count", "odd")) == ("odd",)


@pytest.mark.usefixtures("_odd")
def test_a_reset_that_tells_none_leaves_the_episodes_of_others_alone() -> None:
    """The first environment is alone in starting anew."""
    simulator = _simulator("odd", env_id="RewardsmithTest/Odd-v0", first=None, later=float)
    simulator.reset()
    simulator._env.envs[0].unwrapped.last = 1
    frames = [simulator.step(torch.ones(2, 6)) for _ in range(2)]
    assert frames[-1].started.tolist() == [True, False]
    assert [f.info["odd"].tolist() for f in frames] == [[1, 2], [0, 3]]


@pytest.mark.usefixtures("_odd")
@pytest.mark.parametrize(
    ("first", "later"),
    [
        (np.zeros(0), np.zeros),
        (np.zeros(2), lambda told: {"inner": np.zeros(told)}),
        (1.0, lambda told: {"inner": 1.0} if told % 2 else 1.0),
        ({}, lambda told: "a" if told % 2 else 2.0),
    ],
)
def test_what_nobody_asked_for_may_take_any_shape(first: Any, later: Any) -> None:
    last = _play(_simulator("count", env_id="RewardsmithTest/Odd-v0", first=first, later=later), 3)[-1]
    assert last.info["count"].tolist() == [3, 3]


@pytest.mark.usefixtures("_odd")
def test_a_field_that_is_read_keeps_its_shape_or_is_refused() -> None:
    simulator = _simulator("odd", env_id="RewardsmithTest/Odd-v0", first=np.zeros(1), later=np.zeros)
    with pytest.raises(ConfigError, match=r"^info field 'odd' has shape \(2,\); it had \(1,\) before\. .* fill it up"):
        _play(simulator, 3)


class Strict(Counter):
    """Takes no action outside its space, whose bounds are no float32."""

    def __init__(self, *, bound: float) -> None:
        super().__init__()
        self.action_space = gymnasium.spaces.Box(-bound, bound, (2, 3), dtype=np.float64)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        return super().step(action)


@pytest.mark.parametrize("bound", [0.1, 0.3, 0.7])  # 0.1 and 0.3 are larger as float32, 0.7 is smaller
def test_an_action_at_the_bounds_is_in_the_space(bound: float) -> None:
    gymnasium.register("RewardsmithTest/Strict-v0", entry_point=Strict)
    try:
        simulator = _simulator(env_id="RewardsmithTest/Strict-v0", bound=bound)
        simulator.reset()
        for action in (simulator.action_low, simulator.action_high):
            simulator.step(action.expand(2, -1))
    finally:
        del gymnasium.registry["RewardsmithTest/Strict-v0"]


@pytest.mark.parametrize(
    ("env_id", "options", "words"),
    [
        (ID, {"ends_att": 3}, r"'RewardsmithTest/Counter-v0' refuses its options .* Did you mean 'ends_at'\?$"),
        (ID, {"max_episode_steps": 3}, r"takes no option 'max_episode_steps': the task's episode_steps says how long"),
        ("HalfCheetah-v5", {"xml_file": "no.xml"}, r"refuses its options {'xml_file': 'no.xml'}: .*no\.xml"),
        ("HalfCheetah-v55", {}, r"cannot make 'HalfCheetah-v55': .* Did you mean 'HalfCheetah-v5'\? An environment of"),
        ("no_such_module:Env-v0", {}, r"cannot make 'no_such_module:Env-v0': No module named 'no_such_module'"),
        ("", {}, r"cannot make '': Malformed environment ID"),
        ("CartPole-v1", {}, r"'CartPole-v1' has actions Discrete\(2\); expected a Box with finite bounds\.$"),
        (ID, {"fails": "make"}, r"refuses its options {'fails': 'make'}: no such joint \(.*test_gymnasium\.py:\d+\)$"),
        (":X", {}, r"cannot make ':X': Environment `X` doesn't exist\. An environment of your own is"),
        (ID, {"bound": float("inf")}, r"has actions Box\(-inf, inf, .*; expected a Box with finite bounds\.$"),
    ],
)
def test_what_cannot_be_made_is_one_error(env_id: str, options: Mapping[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=rf"^t: .*{words}") as found:
        _simulator(env_id=env_id, **options)
    assert "\n" not in str(found.value)


class Observed(Counter):
    """Observes as `space` says."""

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        super().__init__()
        self.observation_space = space

    def _obs(self) -> Any:
        return self.observation_space.sample()


BOX = gymnasium.spaces.Box(-1, 1, (3,))
NUMBER = gymnasium.spaces.Box(-1, 1, ())
PIXELS_SEEN = gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8)


def _observing(space: gymnasium.Space[Any], observation: str = "obs") -> Tensor:
    """What a policy sees of two environments that observe so."""
    gymnasium.register("RewardsmithTest/Observed-v0", entry_point=Observed, disable_env_checker=True)
    try:
        task = _task("RewardsmithTest/Observed-v0", space=space)
        task = replace(task, env=replace(task.env, observation=observation))
        with closing(GymnasiumSimulator(task, env_seeds=[0, 1], info_fields=())) as simulator:
            return Readings(task).policy_obs(simulator.reset())
    finally:
        del gymnasium.registry["RewardsmithTest/Observed-v0"]


@pytest.mark.parametrize(
    ("space", "observation", "width"),
    [
        (NUMBER, "obs", 1),
        (gymnasium.spaces.MultiBinary(3), "obs", 3),
        (gymnasium.spaces.Dict(at=BOX, mode=gymnasium.spaces.Discrete(4)), "obs.mode", 1),
        (gymnasium.spaces.Dict(at=BOX, mode=gymnasium.spaces.Discrete(4)), "obs", 4),
        (gymnasium.spaces.Dict(at=BOX, shown=PIXELS_SEEN), "obs.at", 3),
    ],
)
def test_a_policy_sees_a_row_of_numbers_whatever_is_observed(
    space: gymnasium.Space[Any], observation: str, width: int
) -> None:
    assert _observing(space, observation).shape == (2, width)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            gymnasium.spaces.Tuple((BOX, BOX)),
            r"observation 'obs' that is Tuple\(.*; expected a Box, or a Dict of plain",
        ),
        (gymnasium.spaces.Dict(a=gymnasium.spaces.Dict(b=BOX)), r"observation 'a' that is Dict\('b': Box"),
        (gymnasium.spaces.Discrete(4), r"observation 'obs' that is Discrete\(4\)"),
        (gymnasium.spaces.Dict(at=BOX, shown=PIXELS_SEEN), r"observes 12291 numbers, so probably a picture"),
    ],
)
def test_what_no_policy_can_read_is_refused_before_it_is_played(space: gymnasium.Space[Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^t: 'RewardsmithTest/Observed-v0' .*{words}"):
        _observing(space)


@pytest.mark.filterwarnings("ignore:.*obs returned by")  # Gymnasium minds the shape, too
@pytest.mark.parametrize(
    ("fails", "words"),
    [
        ("reset", r"t: 'RewardsmithTest/Counter-v0' cannot be reset: RuntimeError \(.*test_gymnasium\.py:\d+\)\."),
        ("shape", r"t: .* cannot be reset: ValueError: .* does not fit the spaces that it declares\."),
        ("step", r"t: .* cannot be stepped: KeyError: 'gripper' \(.*test_gymnasium\.py:\d+\)\."),
        ("ours", "said well already"),
    ],
)
def test_what_an_environment_raises_is_one_error_with_its_place(fails: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{words}$") as found:
        _play(_simulator(fails=fails), 1)
    assert "\n" not in str(found.value)


def test_an_interrupt_is_no_fault_of_the_environment() -> None:
    with pytest.raises(KeyboardInterrupt):
        _play(_simulator(fails="interrupt"), 1)


# --- pictures -------------------------------------------------------------------------------------------------------

PIXELS = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
PICTURE = Picture(width=64, height=48)


class Painter(Counter):
    """Returns `draws` as its picture, whoever made it."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - Gymnasium's own way

    def __init__(self, render_mode: str | None = None, *, draws: Any = PIXELS) -> None:
        super().__init__()
        self.render_mode, self.draws = render_mode, draws

    def render(self) -> Any:
        if isinstance(self.draws, Exception):
            raise self.draws
        return self.draws


class Unasked(Painter):
    """Draws always, and takes no `render_mode`."""

    def __init__(self) -> None:
        super().__init__("rgb_array")


def _function(render_mode: str | None = None) -> Painter:
    return Painter(render_mode)


def _picture_of(entry_point: Any, **options: object) -> Any:
    gymnasium.register("RewardsmithTest/Painter-v0", entry_point=entry_point, disable_env_checker=True)
    try:
        task = _task("RewardsmithTest/Painter-v0", **options)
        with closing(GymnasiumSimulator(task, env_seeds=[0], info_fields=(), picture=PICTURE)) as simulator:
            simulator.reset()
            return simulator.render(0)
    finally:
        del gymnasium.registry["RewardsmithTest/Painter-v0"]


@pytest.mark.parametrize("entry_point", [Painter, Unasked, _function])
def test_what_draws_itself_is_drawn_however_it_is_made(entry_point: Any) -> None:
    """Alpha is left out."""
    assert np.array_equal(_picture_of(entry_point), PIXELS[..., :3])


def test_a_class_that_draws_in_no_way_that_can_be_asked_for_is_refused_with_that_reason() -> None:
    class Silent(Counter):
        metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - Gymnasium's own way

    with pytest.raises(ConfigError, match="no render mode 'rgb_array', and shows no MuJoCo model"):
        _picture_of(Silent)


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (None, "its render() returned None; expected"),
        ([PIXELS], "its render() returned a list; expected"),
        (PIXELS[..., 0], "its render() returned an array of shape (2, 4), uint8; expected"),
        (PIXELS / 255, "its render() returned an array of shape (2, 4, 4), float64; expected"),
        (NotImplementedError(), "cannot draw here: NotImplementedError ("),
    ],
)
def test_what_is_no_picture_is_refused(draws: Any, words: str) -> None:
    with pytest.raises(CannotRender, match=f"^'RewardsmithTest/Painter-v0' .*{re.escape(words)}"):
        _picture_of(Painter, draws=draws)


def test_a_model_that_a_reset_made_is_the_one_that_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Remade(Counter):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.data = SimpleNamespace(body_mass=0), SimpleNamespace(qpos=0)

        def reset(self, **given: Any) -> Any:
            self.model = SimpleNamespace(body_mass=0)
            return super().reset(**given)

    class Recorded:
        open = 0

        def __init__(self, model: Any, *_: object, **__: object) -> None:
            self.model = model
            Recorded.open += 1

        def draw(self, _: Any) -> Any:
            return self.model

        def close(self) -> None:
            Recorded.open -= 1

    monkeypatch.setattr("rewardsmith.sim.gymnasium.ModelPictures", Recorded)
    monkeypatch.setattr("rewardsmith.opengl.choose", lambda: None)
    gymnasium.register("RewardsmithTest/Remade-v0", entry_point=Remade, disable_env_checker=True)
    try:
        task = _task("RewardsmithTest/Remade-v0")
        with closing(GymnasiumSimulator(task, env_seeds=[0], info_fields=(), picture=PICTURE)) as simulator:
            for _ in range(2):
                simulator.reset()
                assert simulator.render(0) is simulator.pose(0)[0]
                assert Recorded.open == 1
    finally:
        del gymnasium.registry["RewardsmithTest/Remade-v0"]
