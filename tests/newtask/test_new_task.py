"""`new-task`: what is written for an environment loads, waits for goal and fitness, and then passes `check`."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith import cli, sim, taskfile, yamlfile
from rewardsmith.commands.check import observe
from rewardsmith.environment import first_frame
from rewardsmith.play import random_rollout
from rewardsmith.readings import Readings
from rewardsmith.types import Task

pytestmark = pytest.mark.filterwarnings("ignore:.*precision lowered")  # of EnvPool's own spaces

ID = "RewardsmithTest/Crane-v0"
FEW = ["Reacher-v5", "Hopper-v4", "BallInCupCatch-v1", "Pendulum-v1", "MetaWorld/Reach-v3"]
MANY = [
    *("Ant-v5", "HalfCheetah-v5", "Hopper-v3", "Hopper-v5", "Humanoid-v4", "Humanoid-v5", "HumanoidStandup-v5"),
    *("InvertedDoublePendulum-v5", "InvertedPendulum-v4", "Pusher-v5", "Reacher-v4", "Swimmer-v5", "Walker2d-v5"),
    *("AcrobotSwingup-v1", "CheetahRun-v1", "FingerSpin-v1", "FishSwim-v1", "ReacherEasy-v1", "WalkerWalk-v1"),
    *("MetaWorld/Assembly-v3", "MetaWorld/DoorOpen-v3", "MetaWorld/PickPlace-v3", "MetaWorld/WindowOpen-v3"),
    *("Go1JoystickFlatTerrain-v1", "LeapCubeRotateZAxis-v1", "PandaPickCube-v1", "PandaOpenCabinet-v1"),
    *("AdroitHandDoor-v1", "FetchReach-v4", "HandManipulatePen-v1", "PointMaze_UMaze-v3"),
    *("MountainCarContinuous-v0", "BipedalWalker-v3", "phys2d/Pendulum-v0", "parking-v0", "Intersection-v1"),
    *("myoElbowPose1D6MRandom-v0", "Jumanji/SearchAndRescue-v0"),
]


class Crane(gymnasium.Env[Any, Any]):
    """Gives several observations with awkward names, and an info with all kinds of entries."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - Gymnasium's own way

    def __init__(self, *, action: gymnasium.Space[Any] | None = None, obs: gymnasium.Space[Any] | None = None) -> None:
        box = gymnasium.spaces.Box(-np.inf, np.inf, (5,))
        parts = {"prev_state": box, "norm": box, "my key": gymnasium.spaces.Box(0, 1, (2, 2)), "action": box}
        self.observation_space = obs or gymnasium.spaces.Dict(parts)
        self.action_space = action or gymnasium.spaces.Box(-2, 2, (3,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None  # noqa: ARG002
    ) -> tuple[Any, dict[str, Any]]:  # fmt: skip
        super().reset(seed=seed)
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:  # noqa: ARG002
        number = float(self.np_random.normal())
        info = {"class": number, "load": {"mass": number, "is ok": True}, "is_success": number > 1, "words": "none"}
        return self._obs(), number, False, False, info

    def _obs(self) -> dict[str, Any]:
        x = self.np_random.normal(size=5).astype(np.float32)
        broken = np.where(np.arange(5) == 1, np.nan, x).astype(np.float32)
        still = np.where(np.arange(5) < 2, 3.0, x).astype(np.float32)
        return {"prev_state": still, "norm": broken, "my key": abs(np.tanh(x[:4])).reshape(2, 2), "action": x}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    gymnasium.register(ID, entry_point=Crane)
    yield
    del gymnasium.registry[ID]


def drafted(folder: Path, env_id: str, *options: str) -> Path:
    file = folder / "task.yaml"
    assert cli.run(["new-task", env_id, "--out", str(file), *options]) == 0
    return file


def filled(file: Path) -> Path:
    """With what a person is asked for."""
    text = file.read_text()
    for left, written in (
        ("  TODO. Say to a stranger", "  Make it move. Say to a stranger"),
        ("  of: TODO\n", "  of: reward\n"),
        ("  doc: TODO say what it measures\n", "  doc: the environment's own reward\n"),
    ):
        assert text.count(left) == 1
        text = text.replace(left, written)
    file.write_text(text)
    return file


def loaded(file: Path) -> Task:
    return taskfile.load(str(file)).task


def passes_check(file: Path) -> bool:
    """As `rewardsmith check`, but without measuring the speed of 64 environments, which takes its time."""
    found = taskfile.load(str(file))
    first_frame(found)
    task = found.task
    rollout = random_rollout(task, sim.make, seed=0, steps=min(task.episode_steps, 200))
    return all(signal.finite for signal in observe(task, rollout, Readings(task)).signals)


def told(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The error that a command ends with."""
    capsys.readouterr()
    assert cli.run(words) == 2
    return capsys.readouterr().err.strip()


# --- every environment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env_id",
    [*FEW, *(pytest.param(i, marks=pytest.mark.slow(reason="a family a test, some slow to make")) for i in MANY)],
)
def test_a_filled_draft_passes_check(env_id: str, tmp_path: Path) -> None:
    assert passes_check(filled(drafted(tmp_path, env_id)))


@pytest.mark.parametrize(
    "env_id", ["CartPole-v1", "FrozenLake-v1", "Pong-v5", "RubiksCube-v0", "gfootball/11_vs_11_competition-v1"]
)
def test_discrete_actions_are_refused(env_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = told(["new-task", env_id, "--out", str(tmp_path / "t.yaml")], capsys)
    assert error.startswith(f"error: '{env_id}' has actions ")
    assert "rewardsmith trains policies with continuous actions" in error
    assert not (tmp_path / "t.yaml").exists()


def test_pictures_and_nested_observations_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "t.yaml")
    assert "observes 27648 numbers, so probably a picture" in told(["new-task", "CarRacing-v3", "--out", file], capsys)
    assert "an observation 'desired_goal' that is Dict(" in told(
        ["new-task", "FrankaKitchen-v1", "--out", file], capsys
    )


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Hopper-v5", "Reacher-v5", "Pusher-v5", "Humanoid-v5"])
def test_control_step_is_the_one_gymnasium_states(env_id: str) -> None:
    import envpool

    from rewardsmith.newtask import timing

    env = gymnasium.make(env_id)
    read = timing.of_envpool(env_id, envpool.make_spec(env_id).config)
    assert timing.of_gymnasium(env).value == pytest.approx(env.unwrapped.dt)  # type: ignore[attr-defined]
    assert read is None or (read.value == pytest.approx(env.unwrapped.dt) and not read.guessed)  # type: ignore[attr-defined]
    env.close()


@pytest.mark.parametrize(
    ("env_id", "control_dt_s"),
    [
        ("WalkerWalk-v1", 0.025),
        ("HumanoidCMURun-v1", 0.02),
        ("MetaWorld/Reach-v3", 0.0125),
        ("Go1JoystickFlatTerrain-v1", 0.02),
        ("FetchReach-v4", 0.04),
        ("AdroitHandDoor-v1", 0.01),
    ],
)
def test_control_step_of_other_families_is_read_from_their_models(env_id: str, control_dt_s: float) -> None:
    """As dm_control, MetaWorld, Playground and gymnasium-robotics state them."""
    import envpool

    from rewardsmith.newtask import timing

    read = timing.of_envpool(env_id, envpool.make_spec(env_id).config)
    assert read is not None
    assert read.value == pytest.approx(control_dt_s)


# --- what is written ------------------------------------------------------------------------------------------------


def test_documented_numbers_get_the_names_and_units_of_the_documentation(tmp_path: Path) -> None:
    task = loaded(filled(drafted(tmp_path, "Hopper-v5")))
    assert task.name == "hopper"
    assert (task.episode_steps, task.control_dt_s) == (1000, 0.008)
    named = {s.name: (s.source, s.unit, s.doc) for s in task.signals}
    assert named["z_coordinate_torso"] == ("obs[0]", "m", "z-coordinate of the torso (height of hopper)")
    assert named["angular_velocity_foot_hinge"] == ("obs[10]", "rad/s", "angular velocity of the foot hinge")
    assert [s.source for s in task.signals[:11]] == [f"obs[{i}]" for i in range(11)]


def test_many_documented_numbers_come_in_runs_and_the_rest_as_one(tmp_path: Path) -> None:
    task = loaded(filled(drafted(tmp_path, "Ant-v5")))
    sources = [s.source for s in task.signals if s.source.startswith("obs")]
    assert sources == ["obs[0]", "obs[1:5]", "obs[5:13]", "obs[13:16]", "obs[16:19]", "obs[19:27]", "obs[27:105]"]


def test_a_long_table_without_columns_of_joints_is_cut_where_the_unit_changes(tmp_path: Path) -> None:
    rows = (f"| {i} | number {i} | -Inf | Inf | {'angle (rad)' if i < 13 else 'velocity (rad/s)'} |" for i in range(26))

    class Chain(Crane):
        def _obs(self) -> Any:
            return self.np_random.normal(size=26).astype(np.float32)

    Chain.__doc__ = "\n".join(["Chain.", "", "## Observation Space", *rows, ""])
    obs = gymnasium.spaces.Box(-np.inf, np.inf, (26,))
    gymnasium.register("RewardsmithTest/Chain-v0", entry_point=Chain, kwargs={"obs": obs})
    try:
        task = loaded(filled(drafted(tmp_path, "RewardsmithTest/Chain-v0")))
    finally:
        del gymnasium.registry["RewardsmithTest/Chain-v0"]
    units = {s.source: s.unit for s in task.signals if s.source.startswith("obs")}
    assert units == {"obs[0:13]": "rad", "obs[13:26]": "rad/s"}


def test_what_never_changed_is_commented_out_with_the_reason(tmp_path: Path) -> None:
    text = drafted(tmp_path, "MetaWorld/Reach-v3").read_text()
    assert "  # left out, since it never changed over random play:\n  # observation_11_17:\n" in text
    assert "\n  observation_0_10:\n" in text


def test_own_score_is_no_signal_and_success_is_proposed(tmp_path: Path) -> None:
    file = drafted(tmp_path, "MetaWorld/Reach-v3")
    text = file.read_text()
    assert "  # info.unscaled_reward, seen " in text
    assert "# success:\n#   of: info.success\n" in text
    assert not any("reward" in s.source or "success" in s.source for s in loaded(filled(file)).signals)


def test_check_names_the_lines_to_fill_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = drafted(tmp_path, "Reacher-v5")
    lines = file.read_text().splitlines()
    error = told(["check", str(file)], capsys).splitlines()
    goal = 1 + lines.index("goal: >")
    of, doc = (1 + lines.index(line) for line in ("  of: TODO", "  doc: TODO say what it measures"))
    assert [line.partition("TODO.")[0] for line in error] == [
        f"error: {file}:{goal}: 'goal' still says ",
        f"{file}:{of}: 'fitness.of' still says ",
        f"{file}:{doc}: 'fitness.doc' still says ",
    ]


def test_check_notes_signals_that_nobody_has_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = filled(drafted(tmp_path, "BallInCupCatch-v1"))
    unsaid = ", ".join(f"'{s.name}'" for s in loaded(file).signals if s.doc.startswith("TODO"))
    assert unsaid
    assert cli.run(["check", str(file)]) == 0
    assert f"note: the doc of {unsaid} still says TODO: " in capsys.readouterr().out


def test_a_file_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    error = told(["new-task", "Reacher-v5", "--out", str(file)], capsys)
    assert error == f"error: {file} exists already and is not touched. Name another file with --out."
    assert file.read_text() == "mine"


def test_file_and_task_are_named_after_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["new-task", "MetaWorld/DoorOpen-v3"]) == 0
    assert loaded(filled(tmp_path / "door_open.yaml")).name == "door_open"


def test_an_unknown_id_gets_a_suggestion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = told(["new-task", "Hoper-v5", "--out", str(tmp_path / "t.yaml")], capsys)
    assert error.startswith("error: Neither EnvPool nor Gymnasium can make 'Hoper-v5': ")
    assert "Did you mean 'Hopper-v5'?" in error
    error = told(["new-task", "FetchReach-v4", "--backend", "gymnasium", "--out", str(tmp_path / "t.yaml")], capsys)
    assert error.startswith("error: Gymnasium cannot make 'FetchReach-v4': ")


def test_out_may_be_a_folder_or_lie_in_one_that_is_not_there_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new-task", "Reacher-v5", "--out", str(tmp_path)]) == 0
    assert cli.run(["new-task", "Reacher-v5", "--out", str(tmp_path / "a b" / "c" / "mine.yml")]) == 0
    assert (tmp_path / "reacher.yaml").is_file()
    assert (tmp_path / "a b" / "c" / "mine.yml").is_file()
    assert f"then: rewardsmith check '{tmp_path}/a b/c/mine.yml'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("out", "words"),
    [("mine.json", "a task file's name ends in .yaml. Write e.g. --out"), ("file/mine.yaml", "cannot be made")],
)
def test_out_that_cannot_be_is_refused_before_anything_is_played(
    out: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("rewardsmith.newtask.survey.survey", lambda *_, **__: pytest.fail("was played"))
    assert words in told(["new-task", "Reacher-v5", "--out", str(tmp_path / out)], capsys)


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        code = cli.run(["new-task", "Reacher-v5", "--out", str(tmp_path / "t.yaml")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 8
    assert "There is no room to write" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("dt", "expected"), [(np.float32(0.02), 0.02), (np.int64(2), 2.0), (0.1, 0.1), (True, None), (np.inf, None)]
)
def test_a_control_step_may_be_a_number_of_numpy(dt: Any, expected: float | None) -> None:
    from rewardsmith.newtask import timing

    env = gymnasium.make(ID, disable_env_checker=True)
    env.unwrapped.dt = dt  # type: ignore[attr-defined]
    stated = timing.of_gymnasium(env)
    assert stated.value == (expected or 1 / 20)
    assert stated.guessed == (expected is None)


@pytest.mark.parametrize(
    ("kwargs", "documented"),
    [({}, True), ({"exclude_current_positions_from_observation": False}, False)],
)
def test_a_table_is_not_believed_where_what_is_observed_was_changed(
    kwargs: dict[str, Any], documented: bool, tmp_path: Path
) -> None:
    gymnasium.register("Hop12-v0", entry_point="gymnasium.envs.mujoco.hopper_v5:HopperEnv", kwargs=kwargs)
    try:
        text = drafted(tmp_path, "Hop12-v0").read_text()
    finally:
        del gymnasium.registry["Hop12-v0"]
    assert ("z_coordinate_torso" in text) == documented
    assert ("source: obs[" in text) == documented


# --- an environment of one's own ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*obs returned by")  # Gymnasium minds the NaN
def test_awkward_observations_and_infos_become_valid_signals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = filled(drafted(tmp_path, ID))
    task = loaded(file)
    assert {s.name: (s.source, s.shape) for s in task.signals} == {
        "action_2": ("obs.action", (5,)),
        "my_key": ("obs['my key']", (2, 2)),
        "norm_0": ("obs.norm[0:1]", (1,)),
        "norm_2_4": ("obs.norm[2:5]", (3,)),
        "state_2_4": ("obs.prev_state[2:5]", (3,)),
        "class_value": ("info['class']", ()),
        "load_mass": ("info.load.mass", ()),
        "action": ("action", (3,)),
    }
    text = file.read_text()
    assert "# left out, since it was not finite over random play:\n  # norm_1:" in text
    assert "# left out, since it never changed over random play:\n  # state_0_1:" in text
    assert "control_dt_s: 0.05    # GUESS, since it asks to be drawn 20 times a second; set it right" in text
    assert text.count("reset does not report it, so prev_ of it is 0 at an episode's first step") == 3
    capsys.readouterr()
    assert cli.run(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "PROBLEM" not in said
    assert "note: reset does not report info.class, which is 0 to prev_class_value at an episode's first step" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"action": gymnasium.spaces.Box(-np.inf, np.inf, (1,))}, "without finite bounds"),
        ({"action": gymnasium.spaces.MultiDiscrete([2, 3])}, "continuous actions"),
        ({"obs": gymnasium.spaces.Box(-1, 1, (0,))}, "observes no numbers at all"),
        ({"obs": gymnasium.spaces.Discrete(4)}, "an observation 'obs' that is Discrete(4)"),
    ],
)
def test_what_cannot_be_trained_in_is_refused(
    options: dict[str, Any], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gymnasium.registry[ID].kwargs.update(options)
    assert expected in told(["new-task", ID, "--out", str(tmp_path / "t.yaml")], capsys)


def test_an_id_that_a_module_registers_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_cart.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import PendulumEnv\n"
        "gymnasium.register('MyCart-v0', entry_point=PendulumEnv, max_episode_steps=40)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        task = loaded(filled(drafted(tmp_path, "my_cart:MyCart-v0")))
    finally:
        gymnasium.registry.pop("MyCart-v0", None)
    assert (task.name, task.env.backend, task.env.id, task.episode_steps) == (
        "my_cart",
        "gymnasium",
        "my_cart:MyCart-v0",
        40,
    )
    assert [s.name for s in task.signals] == ["x_cos", "y_sin", "angular_velocity", "action"]


BROKEN = """
import gymnasium
import numpy as np

class Arm(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (3,))
    action_space = gymnasium.spaces.Box(-1, 1, (2,))

    def reset(self, *, seed=None, options=None):
        return np.zeros(3, dtype=np.float32), {}

    def step(self, action):
        raise RuntimeError("joint limit\\nis exceeded")

class Needs(Arm):
    def __init__(self, xml):
        pass

class Lacks(Arm):
    def __init__(self):
        open("arm.xml")

class Empty(Arm):
    def __init__(self):
        assert not self.action_space

for kind in (Arm, Needs, Lacks, Empty):
    gymnasium.register(f"{kind.__name__}-v0", entry_point=kind)
"""


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        (BROKEN, "Arm", "be stepped: RuntimeError: joint limit ({file}:13)."),
        (BROKEN, "Needs", "be made: TypeError: Needs.__init__() missing 1 required positional argument: 'xml'."),
        (BROKEN, "Lacks", "be made: FileNotFoundError: [Errno 2] No such file or directory: 'arm.xml' ({file}:21)."),
        (BROKEN, "Empty", "be made: AssertionError ({file}:25)."),
        ("1 / 0", "Arm", "be made: ZeroDivisionError: division by zero ({file}:1)."),
        ("\ndef arm(:", "Arm", "be made: SyntaxError: invalid syntax ({file}:2)."),
    ],
)
def test_what_ones_own_environment_raises_is_one_line_with_its_place(
    source: str, name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    file = tmp_path / "broken_arm.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(gymnasium.envs.registration, "registry", dict(gymnasium.registry))
    sys.modules.pop("broken_arm", None)
    error = told(["new-task", f"broken_arm:{name}-v0", "--out", str(tmp_path / "t.yaml")], capsys)
    sys.modules.pop("broken_arm", None)
    assert error == f"error: 'broken_arm:{name}-v0' cannot {words.format(file=file)}"


def test_backend_can_be_chosen(tmp_path: Path) -> None:
    assert loaded(filled(drafted(tmp_path, "Pendulum-v1", "--backend", "gymnasium"))).env.backend == "gymnasium"


def test_options_make_the_environment_and_stand_in_the_file(tmp_path: Path) -> None:
    cut = "exclude_current_positions_from_observation=false"
    file = filled(drafted(tmp_path, "Hopper-v5", "--option", cut, "--option", "ctrl_cost_weight=0.5"))
    task = loaded(file)
    assert task.env.backend == "envpool"
    assert task.env.options == {"exclude_current_positions_from_observation": False, "ctrl_cost_weight": 0.5}
    assert next(s for s in task.signals if s.name == "observation").shape == (12,), (
        "of another size, so not the table's"
    )
    assert passes_check(file)
    own = tmp_path / "own"
    file = drafted(own, "Pendulum-v1", "--backend", "gymnasium", "--option", "g=1.5")
    assert loaded(filled(file)).env.options == {"g": 1.5}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["Hopper-v5", "--option", "g"], "--option g: expected name=value, e.g. --option reward_type=dense."),
        (["Hopper-v5", "--option", "=3"], "--option =3: expected name=value, e.g. --option reward_type=dense."),
        (["Hopper-v5", "--option", "x=[1"], "--option x=[1: not a YAML value: "),
        (["Hopper-v5", "--option", "ctrl_cost=1"], "'Hopper-v5' takes no option 'ctrl_cost'. Did you mean 'ctrl_cost_"),
        (
            ["Hopper-v5", "--option", "frame_skip=-3"],
            "'Hopper-v5' with options {'frame_skip': -3} has control steps of -0.006 s (frame_skip -3 x time",
        ),
        (
            ["Pendulum-v1", "--backend", "gymnasium", "--option", "max_episode_steps=50"],
            "Pendulum-v1: 'Pendulum-v1' takes no option 'max_episode_steps': the task's episode_steps says how long",
        ),
        (["Hopper-v5", "--option", "ctrl_cost_weight=a"], "EnvPool cannot load 'Hopper-v5' with options {'ctrl_cost_w"),
        (
            ["Pendulum-v1", "--backend", "gymnasium", "--option", "gg=1"],
            "'Pendulum-v1' refuses its options {'gg': 1}: PendulumEnv.__init__() got an unexpected",
        ),
    ],
)
def test_options_that_do_not_fit_are_told(
    words: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(["new-task", *words, "--out", str(tmp_path / "t.yaml")], capsys)
    assert said.startswith(f"error: {error}")
    assert "\n" not in said


def test_every_comment_keeps_to_the_width_and_every_line_is_yaml(tmp_path: Path) -> None:
    file = drafted(tmp_path, "Ant-v5")
    assert max(len(line) for line in file.read_text().splitlines()) <= 120
    assert yamlfile.load(file).values["name"] == "ant"
