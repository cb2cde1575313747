"""Pictures of MuJoCo's models, through Gymnasium, through `mjcf` and alone; skipped where no OpenGL draws."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rewardsmith import sim, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Picture, Renders
from rewardsmith.resources import tasks_folder
from rewardsmith.sim.pictures import ModelPictures
from rewardsmith.types import EnvSpec, Measure, References, Task

SMALL = Picture(width=96, height=64)
ID = "RewardsmithTest/Falling-v0"
MODEL = """
<mujoco>
  <worldbody>
    <light pos="0 0 4"/>
    <camera name="above" pos="0 0 5"/>
    <camera name="beside" pos="0 -5 1" xyaxes="1 0 0 0 0 1"/>
    <body name="ball" pos="0 0 1"><freejoint/><geom size="0.3" rgba="1 0 0 1"/></body>
  </worldbody>
</mujoco>
"""


class Falling(gymnasium.Env[Any, Any]):
    """A ball that falls; it draws nothing, but shows its model unless it hides it."""

    def __init__(self, *, hidden: bool = False) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
        self._model = mujoco.MjModel.from_xml_string(MODEL)
        self._data = mujoco.MjData(self._model)
        if not hidden:
            self.model, self.data = self._model, self._data

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:  # noqa: ARG002
        super().reset(seed=seed)
        mujoco.mj_resetData(self._model, self._data)
        mujoco.mj_forward(self._model, self._data)
        return self._data.qpos[2:3].astype(np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:  # noqa: ARG002
        mujoco.mj_step(self._model, self._data, 50)
        return self._data.qpos[2:3].astype(np.float32), 0.0, False, False, {}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    gymnasium.register(ID, entry_point=Falling)
    yield
    del gymnasium.registry[ID]


def task(env_id: str = ID, backend: str = "gymnasium", **options: object) -> Task:
    return Task(
        name="seen",
        goal="Be seen.",
        env=EnvSpec(backend=backend, id=env_id, options=options),
        signals=(),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=20,
        control_dt_s=0.05,
    )


@pytest.fixture
def visible(request: pytest.FixtureRequest) -> Iterator[Callable[..., Renders]]:
    """Simulators that are closed at the end."""
    request.getfixturevalue("opengl_draws")
    made: list[Renders] = []

    def make(seen: Task, picture: Picture = SMALL, count: int = 2) -> Renders:
        made.append(sim.make_visible(seen, env_seeds=list(range(count)), info_fields=(), picture=picture))
        made[-1].reset()
        return made[-1]

    yield make
    for simulator in made:
        simulator.close()


def is_picture(pixels: NDArray[np.uint8], picture: Picture = SMALL) -> bool:
    """Of the right size and type, and not of one colour."""
    return pixels.shape == (picture.height, picture.width, 3) and pixels.dtype == np.uint8 and pixels.std() > 3


# --- through simulators -----------------------------------------------------------------------------------------------


def _half(simulator: Renders, sign: float) -> torch.Tensor:
    return (sign * simulator.action_high / 2).expand(simulator.num_envs, -1).clone()


@pytest.mark.parametrize("seen", [task("HalfCheetah-v5"), taskfile.load("cartpole_swingup").task], ids=lambda t: t.name)
def test_an_environment_is_seen_as_it_moves_and_not_its_neighbour(visible: Any, seen: Task) -> None:
    simulator = visible(seen)
    before = simulator.render(0)
    push = _half(simulator, 1.0)
    push[1] *= -1.0
    for _ in range(5):
        simulator.step(push)
    first, second = simulator.render(0), simulator.render(1)
    assert all(is_picture(p) for p in (before, first, second))
    assert (first != before).any()
    assert (first != second).any()
    assert (simulator.render(0) == first).all()


@pytest.mark.parametrize("seen", [task("HalfCheetah-v5"), taskfile.load("cartpole_swingup").task], ids=lambda t: t.name)
def test_being_looked_at_changes_nothing(visible: Any, seen: Task) -> None:
    plain = sim.make(seen, env_seeds=[0], info_fields=())
    looked_at = visible(seen, count=1)
    plain.reset()
    for sign in (1.0, -1.0, 1.0):
        looked_at.render(0)
        frames = [simulator.step(_half(simulator, sign)) for simulator in (plain, looked_at)]
        assert torch.equal(frames[0].obs["obs"], frames[1].obs["obs"])
    plain.close()


def test_an_environment_that_draws_nothing_is_drawn_from_its_model(visible: Any) -> None:
    simulator = visible(task(), Picture(width=96, height=64, camera="beside"))
    before = simulator.render(0)
    for _ in range(3):
        simulator.step(torch.zeros(2, 1))
    assert is_picture(before)
    assert (simulator.render(0) != before).any()


def test_an_environment_that_shows_no_model_is_refused(visible: Any) -> None:
    with pytest.raises(ConfigError, match="no render mode 'rgb_array', and shows no MuJoCo model"):
        visible(task(hidden=True))


@pytest.mark.parametrize("seen", [task("HalfCheetah-v5"), task()], ids=["draws itself", "drawn"])
def test_an_unknown_camera_is_refused_with_those_there_are(visible: Any, seen: Task) -> None:
    with pytest.raises(ConfigError, match=r"the model has no camera 'abve'.* Known: 0 "):
        visible(seen, Picture(width=96, height=64, camera="abve")).render(0)


def test_a_camera_goes_by_its_name_or_its_number(visible: Any) -> None:
    by = {c: visible(task(), Picture(width=96, height=64, camera=c)).render(0) for c in ("above", 0, "beside")}
    assert (by["above"] == by[0]).all()
    assert (by["above"] != by["beside"]).any()


# --- models alone -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("opengl_draws")
def test_without_a_camera_of_its_own_what_moves_freely_is_followed() -> None:
    model = mujoco.MjModel.from_xml_string(MODEL)
    data = mujoco.MjData(model)
    drawn = ModelPictures(model, SMALL, where="ball")
    pictures = []
    for x in (0.0, 30.0):
        data.qpos[0] = x
        mujoco.mj_forward(model, data)
        pictures.append(drawn.draw(data))
    drawn.close()
    drawn.close()
    red = [(p[..., 0].astype(int) - p[..., 2] > 40).sum() for p in pictures]
    assert min(red) > 20  # the ball is in both pictures, 30 m apart


@pytest.mark.usefixtures("opengl_draws")
def test_a_pole_that_lies_over_an_end_of_the_rail_is_in_the_picture() -> None:
    model = mujoco.MjModel.from_xml_path(str(tasks_folder() / "cartpole_swingup" / "model.xml"))
    data = mujoco.MjData(model)
    drawn = ModelPictures(model, Picture(width=320, height=240), where="cartpole_swingup")
    for side in (-1, 1):
        data.qpos[:] = [1.8 * side, np.pi / 2 * side]
        mujoco.mj_forward(model, data)
        red, _, blue = drawn.draw(data).astype(int).transpose(2, 0, 1)
        columns = np.flatnonzero((red - blue > 40).any(axis=0))  # the pole is orange, its tip red
        assert 2 < columns.min() < columns.max() < 317
        assert np.ptp(columns) > 20
    drawn.close()


# --- EnvPool, whose OpenGL must be loaded before it is imported: in a process of its own ------------------------------

_ENVPOOL = """
from rewardsmith import sim, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Picture
task = taskfile.load("inverted_pendulum_balance").task
def make(**picture):
    made = sim.make_visible(task, env_seeds=[1, 2], info_fields=(), picture=Picture(width=96, height=64, **picture))
    made.reset()
    return made
simulator = make()
plain = sim.make(task, env_seeds=[1, 2], info_fields=())
plain.reset()
before = simulator.render(0)
assert before.shape == (64, 96, 3) and before.dtype == "uint8" and before.std() > 3, before.std()
import torch
for i in range(3):
    push = torch.tensor([[1.0], [-1.0]])
    simulator.render(1)
    assert torch.equal(simulator.step(push).obs["obs"], plain.step(push).obs["obs"])
assert (simulator.render(0) != before).any() and (simulator.render(0) != simulator.render(1)).any()
for camera in ("side", 99):
    try:
        make(camera=camera).render(0)
    except ConfigError as error:
        print(error)
"""


def test_envpool_s_own_pictures() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ENVPOOL], capture_output=True, text=True, env=dict(os.environ), timeout=300, check=False
    )
    if "CannotRender" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    name, number = done.stdout.splitlines()
    assert "EnvPool knows cameras by their number alone; got 'side'" in name
    assert "EnvPool draws no such picture: camera_id is out of range" in number


def test_envpool_that_was_imported_before_opengl_is_refused_and_not_crashed() -> None:
    script = (
        "import envpool\nfrom rewardsmith import opengl, errors\n"
        "try:\n    opengl.load_library()\nexcept errors.CannotRender as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert "EnvPool was imported before OpenGL was loaded" in done.stdout
