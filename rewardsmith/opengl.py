"""OpenGL without a display: which kind of it draws here, and what to install where none does.

MuJoCo draws through EGL (a GPU, or Mesa without one) or OSMesa (no GPU ever); EnvPool through EGL alone. A driver that
is missing may end the process that asks for it, so each is tried in a process of its own.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rewardsmith.environ import public_environment
from rewardsmith.errors import CannotRender

Kind = Literal["egl", "osmesa", "glfw", "envpool"]

VARIABLE = "MUJOCO_GL"
"""The environment variable that MuJoCo and Gymnasium read."""
LIBRARIES = ("libEGL.so.1", "libGL.so.1", "libOSMesa.so.8")
PACKAGES = {"egl": "libegl1 libgl1", "osmesa": "libosmesa6", "glfw": "libglfw3", "envpool": "libegl1 libgl1"}
"""What provides each on Debian and Ubuntu."""
TIMEOUT_S = 60.0

_MODEL = "<mujoco><worldbody><light pos='0 0 3'/><geom size='1' rgba='1 0 0 1'/></worldbody></mujoco>"
_MUJOCO = f"""
import mujoco
model = mujoco.MjModel.from_xml_string("{_MODEL}")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(data)
picture = renderer.render()
renderer.close()
"""
_ENVPOOL = """
from rewardsmith import opengl
opengl.load_library()
import envpool
env = envpool.make(
    "InvertedPendulum-v5", env_type="gymnasium", num_envs=1, render_mode="rgb_array", render_width=16, render_height=16
)
env.reset()
picture = env.render()
env.close()
"""
_NOT_BLANK = "if picture.min() == picture.max(): raise SystemExit('its picture is blank')\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """Whether a kind of OpenGL drew a picture here, and why not."""

    kind: Kind
    works: bool
    why: str = ""

    @property
    def remedy(self) -> str:
        """What to install, for Debian and its kin."""
        return f"apt install {PACKAGES[self.kind]}"


@cache
def tried(kind: Kind) -> Tried:
    """Draw one small picture in a process of its own; the answer is remembered."""
    script = (_ENVPOOL if kind == "envpool" else _MUJOCO) + _NOT_BLANK
    env = public_environment() | ({} if kind == "envpool" else {VARIABLE: kind})
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Tried(kind=kind, works=False, why=f"it gave no picture within {TIMEOUT_S:g} s")
    if done.returncode == 0:
        return Tried(kind=kind, works=True)
    return Tried(kind=kind, works=False, why=_reason(done.stderr) or f"the process ended with {done.returncode}")


def _reason(stderr: str) -> str:
    """What the first traceback ends with, without the exception's name; else the last line."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    begun = False
    for line in lines:
        begun |= line.startswith("Traceback")
        if begun and not line.startswith(("Traceback", " ")):
            return _sentence(line.partition(": ")[2] or line)
    return _sentence(lines[-1])


def _sentence(text: str) -> str:
    return text.partition(". ")[0].strip().rstrip(".")


def choose() -> str:
    """Have MuJoCo draw through what works here, for this process and those it starts; returns its name.

    What a person set in MUJOCO_GL stays, and is believed. To be called before anything draws.

    Raises: CannotRender: nothing works.
    """
    if sys.platform != "linux":
        return "the system's own"  # MuJoCo draws with it, without a display too
    if wanted := os.environ.get(VARIABLE, "").strip().lower():
        return _believed(wanted)
    attempts = []
    for kind in ("egl", "osmesa"):
        attempts.append(tried(kind))
        if attempts[-1].works:
            os.environ[VARIABLE] = kind
            return kind
    told = "; ".join(f"{t.kind}: {t.why}" for t in attempts)
    raise CannotRender(f"No OpenGL draws here without a display ({told}). Install one: {_remedies(attempts)}.")


def _believed(wanted: str) -> str:
    """The kind a person chose. Raises: CannotRender: it is none, or does not work."""
    kinds: dict[str, Kind] = {"egl": "egl", "osmesa": "osmesa", "glfw": "glfw"}
    if wanted not in kinds:
        raise CannotRender(
            f"{VARIABLE}={wanted} has nothing drawn. Expected egl or osmesa, or glfw where there is a display; or "
            f"unset {VARIABLE} and the one that works is chosen."
        )
    if not (found := tried(kinds[wanted])).works:
        display = " It needs a display." if wanted == "glfw" else ""
        raise CannotRender(
            f"{VARIABLE}={wanted} does not draw here ({found.why}).{display} Install it: {found.remedy}, or unset "
            f"{VARIABLE} and the one that works is chosen."
        )
    return wanted


def _remedies(attempts: list[Tried]) -> str:
    return ", or ".join(t.remedy for t in attempts)


def load_library() -> None:
    """Load OpenGL into this process for EnvPool, which ends the process where it draws and there is none.

    It must happen before EnvPool is imported: after that, EnvPool's own libraries would be found instead of these.

    Raises: CannotRender: there is no OpenGL, or it is too late.
    """
    if sys.platform != "linux" or _loaded:
        return
    if "envpool" in sys.modules:
        raise CannotRender(
            "EnvPool was imported before OpenGL was loaded, and cannot draw in this process. Call "
            "rewardsmith.opengl.load_library() before anything imports envpool, or draw in a process of its own."
        )
    for library in LIBRARIES:
        with suppress(OSError):
            _loaded.append(ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL))
            return
    raise CannotRender(f"EnvPool finds no OpenGL to draw with. Install it: apt install {PACKAGES['envpool']}.")


_loaded: list[ctypes.CDLL] = []
