"""Pictures of MuJoCo models, drawn without a display; for every simulator that has the model itself.

Which OpenGL draws is `opengl.choose`'s business. Shadows and reflections are off: on a CPU they cost five times the
picture.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.interfaces import Picture

MAX_GEOMS = 10_000
FOLLOWED = ("track", "tracking", "side")
"""What models call the camera that follows their robot, the first that is there being taken."""


class ModelPictures:
    """Draws states of one MuJoCo model. Opened at the first picture, since OpenGL belongs to the thread that draws.

    Where no camera is asked for, one of the model's that follows the robot is taken, else a free one that does.

    Raises: ConfigError: the model has no such camera.
    """

    def __init__(self, model: Any, picture: Picture, *, where: str) -> None:
        prepare(model, picture)
        self._model, self._picture = model, picture
        self._camera = _camera(model, picture.camera, where)
        self._open: tuple[Any, Any, Any] | None = None

    def draw(self, data: Any) -> NDArray[np.uint8]:
        """The state of `data`, whose kinematics are computed: `(height, width, 3)` RGB."""
        import mujoco

        gl, scene, context = self._opened()
        gl.make_current()
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        every = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, data, mujoco.MjvOption(), None, self._camera, every, scene)
        whole = mujoco.MjrRect(0, 0, self._picture.width, self._picture.height)
        pixels = np.empty((self._picture.height, self._picture.width, 3), dtype=np.uint8)
        mujoco.mjr_render(whole, scene, context)
        mujoco.mjr_readPixels(pixels, None, whole, context)
        return np.ascontiguousarray(pixels[::-1])

    def close(self) -> None:
        """Free what OpenGL holds; safe to call twice."""
        if self._open is not None:
            gl, _, context = self._open
            self._open = None
            gl.make_current()
            context.free()
            gl.free()

    def _opened(self) -> tuple[Any, Any, Any]:
        import mujoco

        if self._open is None:
            gl = _gl_context(self._picture)
            gl.make_current()
            scene = mujoco.MjvScene(self._model, MAX_GEOMS)
            context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
            self._open = gl, scene, context
        return self._open


def prepare(model: Any, picture: Picture) -> None:
    """Have a model's pictures be large enough, and cheap; nothing that moves is changed."""
    model.vis.global_.offwidth = max(model.vis.global_.offwidth, picture.width)
    model.vis.global_.offheight = max(model.vis.global_.offheight, picture.height)
    model.vis.quality.shadowsize = 0
    model.mat_reflectance[:] = 0.0


def camera_number(model: Any, camera: int | str, where: str) -> int:
    """The number of a camera of the model, by itself or by its name. Raises: ConfigError: there is no such camera."""
    names = [model.camera(i).name for i in range(model.ncam)]
    if isinstance(camera, str) and camera in names:
        return names.index(camera)
    if isinstance(camera, int) and 0 <= camera < len(names):
        return camera
    raise ConfigError(
        f"{where}: the model has no camera '{camera}'.{did_you_mean(str(camera), names)} "
        f"Known: {', '.join(f'{i} {name}'.strip() for i, name in enumerate(names)) or 'none'}."
    )


def _camera(model: Any, wanted: int | str | None, where: str) -> Any:
    """The camera asked for, the model's own that follows the robot, or a free one that does."""
    import mujoco

    camera = mujoco.MjvCamera()
    mujoco.mjv_defaultFreeCamera(model, camera)
    names = [model.camera(i).name for i in range(model.ncam)]
    own = next((name for name in FOLLOWED if name in names), None) if wanted is None else wanted
    if own is not None:
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, camera_number(model, own, where)
    elif (body := traveller(model)) is not None:
        camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, body
    return camera


def traveller(model: Any) -> int | None:
    """The heaviest body that is free to go anywhere; None where the model stays where it is."""
    import mujoco

    free = [int(model.jnt_bodyid[j]) for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE]
    return max(free, key=lambda body: float(model.body_subtreemass[body]), default=None)


def _gl_context(picture: Picture) -> Any:
    """A context of the kind that MUJOCO_GL names when it is asked for, not when MuJoCo was imported."""
    import mujoco

    match os.environ.get("MUJOCO_GL", "").strip().lower():
        case "egl":
            from mujoco.egl import GLContext
        case "osmesa":
            from mujoco.osmesa import GLContext
        case _:
            GLContext = mujoco.GLContext  # noqa: N806 - a class
    return GLContext(picture.width, picture.height)
