"""A policy at work in a browser: MuJoCo's model in 3D, by mjviser, while episode after episode is played.

For simulators whose model can be had (`interfaces.ShowsModel`). It listens on this machine alone unless told otherwise.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import socket
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from rewardsmith import sim
from rewardsmith.errors import CannotRender, ConfigError, UsageError
from rewardsmith.interfaces import Simulator
from rewardsmith.readings import Readings
from rewardsmith.render.film import Player, one_thread
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.sim.pictures import traveller
from rewardsmith.types import Task

SPEEDS = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
IDLE_S = 0.02
NEAR = 2.5
"""How far off the camera begins, in radii of what is looked at."""
NEEDED = ("viser", "mjviser")


def lacking() -> list[str]:
    """Which of the packages that show models in a browser are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def check(host: str) -> None:
    """Raises: CannotRender: a package is lacking. UsageError: nothing here can listen at `host`."""
    if names := lacking():
        raise CannotRender(
            f"A browser's view needs {' and '.join(names)}, not installed here: pip install 'rewardsmith[view]'. "
            "`rewardsmith render` makes a video without."
        )
    try:  # the server waits for ever where it cannot listen
        for family, kind, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as tried:
                tried.bind(address)
    except OSError as error:
        raise UsageError(
            f"--host {host}: {error.strerror or error}. Expected an address of this machine, e.g. 127.0.0.1, or "
            "0.0.0.0 for all of them."
        ) from error


class BrowserView:
    """Plays one environment, step by step, and shows it at `url`; close it when done.

    Raises: CannotRender, UsageError: `check` says why. ConfigError: the simulator shows no MuJoCo model.
    """

    def __init__(self, player: Player, task: Task, *, env_seed: int, host: str, port: int) -> None:
        check(host)
        import viser
        from mjviser import ViserMujocoScene

        self._task, self._readings = task, Readings(task)
        self._simulator = sim.make(task, env_seeds=[env_seed], info_fields=self._readings.info_fields, threads=1)
        try:
            stepper = Stepper(self._simulator)
            model, data = _pose(self._simulator, task)
            self._act = player(self._simulator, stepper.frame)
            with redirect_stdout(io.StringIO()):  # viser prints, whatever `verbose` says
                self._server: Any = viser.ViserServer(host=host, port=port, label=task.name, verbose=False)
        except BaseException:
            self._simulator.close()
            raise
        self._stepper, self._meter = stepper, EpisodeMeter(task.fitness, 1)
        self._panel = _Panel(self._server)
        self._model, shown = model, copy.copy(model)  # the copy is scaled
        radius_m = look_at_robot(shown, data)
        self._scene = ViserMujocoScene(self._server, shown, num_envs=1)
        self._scene.camera_tracking_enabled = roams(model)
        self._scene.create_visualization_gui(camera_distance=NEAR * radius_m)
        self._scene.update_from_mjdata(data)
        self.fitness: list[float] = []

    @property
    def url(self) -> str:
        """Where a browser finds it; another port than the one asked for where that was taken."""
        host = self._server.get_host()
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.get_port()}"

    def play(self, *, episodes: int | None = None) -> None:
        """Play so many whole episodes, for ever where it is None, at the speed that the panel says."""
        due = time.monotonic()
        with one_thread():
            while episodes is None or len(self.fitness) < episodes:
                if not self._panel.playing:
                    time.sleep(IDLE_S)
                    due = time.monotonic()
                    continue
                self._step()
                due += self._task.control_dt_s / self._panel.speed
                late = time.monotonic() - due
                if late < 0:
                    time.sleep(-late)
                else:
                    due += late  # what cannot be kept up with is not caught up with

    def close(self) -> None:
        """Stop serving; safe to call twice."""
        with redirect_stdout(io.StringIO()):
            self._server.stop()
        self._simulator.close()

    def _step(self) -> None:
        rollout = self._stepper.collect(self._act, 1)
        model, data = _pose(self._simulator, self._task)
        if not _same_parts(model, self._model):
            raise ConfigError(
                f"'{self._task.env.id}' makes another MuJoCo model when it is reset, which the browser cannot follow. "
                "Film it instead, with `rewardsmith render`."
            )
        self._scene.update_from_mjdata(data)
        ended = self._meter.update(self._readings.fitness(rollout), rollout)
        self.fitness += ended.value.tolist()
        elapsed_s = int(rollout.elapsed[-1, 0]) * self._task.control_dt_s
        self._panel.tell(elapsed_s, self.fitness, unit=self._task.fitness.unit)


def roams(model: Any) -> bool:
    """Whether all that moves is one robot that may go anywhere, so that the camera has to go with it."""
    body = traveller(model)
    return body is not None and bool((model.body_rootid[model.jnt_bodyid] == model.body_rootid[body]).all())


def look_at_robot(model: Any, data: Any) -> float:
    """Have the middle of `model` be that of a robot that roams, or of all but the ground; returns its radius in metres.

    By itself a model's middle and size are those of its ground too, and it is seen from far enough for all of that.
    """
    import mujoco

    mine = model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE
    if roams(model):
        mine &= model.body_rootid[model.geom_bodyid] == model.body_rootid[model.jnt_bodyid[0]]
    if not mine.any():
        return float(model.stat.extent)
    places = data.geom_xpos[mine]
    model.stat.center[:] = (places.min(axis=0) + places.max(axis=0)) / 2
    return float((np.linalg.norm(places - model.stat.center, axis=1) + model.geom_rbound[mine]).max())


def _same_parts(a: Any, b: Any) -> bool:
    """Whether a scene made of the one model can show states of the other."""
    return a is b or bool(
        (a.nbody, a.ngeom, a.nsite, a.ntendon) == (b.nbody, b.ngeom, b.nsite, b.ntendon)
        and (a.geom_type == b.geom_type).all()
        and (a.geom_bodyid == b.geom_bodyid).all()
    )


def _pose(simulator: Simulator, task: Task) -> tuple[Any, Any]:
    pose = getattr(simulator, "pose", None)
    if pose is None:
        raise ConfigError(
            f"The simulator '{task.env.backend}' shows no MuJoCo model to a browser; 'mjcf' and 'gymnasium' do. "
            "Film it instead, with `rewardsmith render`."
        )
    found: tuple[Any, Any] = pose(0)
    return found


class _Panel:
    """What a person can press, and is told, beside the picture."""

    def __init__(self, server: Any) -> None:
        self._playing = server.gui.add_checkbox("Play", initial_value=True)
        self._speed = server.gui.add_dropdown("Speed", options=SPEEDS, initial_value="1")
        self._told = server.gui.add_markdown("")
        self._last_s = 0.0

    @property
    def playing(self) -> bool:
        return bool(self._playing.value)

    @property
    def speed(self) -> float:
        """How many times as fast as it really happens."""
        whole, _, part = str(self._speed.value).partition("/")
        return float(whole) / float(part or 1)

    def tell(self, elapsed_s: float, fitness: Sequence[float], *, unit: str) -> None:
        """The time in the episode, ten times a second at most, and what the last ones came to."""
        now = time.monotonic()
        if now - self._last_s < 0.1:
            return
        self._last_s = now
        first = max(0, len(fitness) - 5)
        shown = "" if unit == "1" else f" {unit}"
        lines = [f"episode {first + i}: fitness {f:.4g}{shown}" for i, f in enumerate(fitness[first:])]
        self._told.content = "\n\n".join([f"episode {len(fitness)}: {elapsed_s:.1f} s", *reversed(lines)])
