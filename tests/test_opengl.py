"""Which OpenGL draws: what works here, and what a machine without it is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rewardsmith import opengl
from rewardsmith.errors import CannotRender

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="elsewhere MuJoCo draws with the system's own")


@pytest.fixture
def no_egl(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without an EGL driver."""
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/there/is/none.json")
    opengl.tried.cache_clear()
    yield
    opengl.tried.cache_clear()


@pytest.mark.usefixtures("no_egl")
def test_what_a_person_chose_and_does_not_work_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "egl")
    with pytest.raises(
        CannotRender, match=r"MUJOCO_GL=egl does not draw here \(.+\)\. Install it: apt install libegl1"
    ):
        opengl.choose()


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("disable", r"MUJOCO_GL=disable has nothing drawn\. Expected egl or osmesa, or glfw where there is a display"),
        ("glfw", r"MUJOCO_GL=glfw does not draw here \(.+\)\. It needs a display\."),
    ],
)
def test_a_choice_that_cannot_draw_without_a_display_is_refused(
    monkeypatch: pytest.MonkeyPatch, chosen: str, told: str
) -> None:
    monkeypatch.setenv("MUJOCO_GL", chosen)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    opengl.tried.cache_clear()
    with pytest.raises(CannotRender, match=told):
        opengl.choose()


@pytest.mark.usefixtures("no_egl")
def test_osmesa_is_taken_where_egl_does_not_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    if not opengl.tried("osmesa").works:
        with pytest.raises(CannotRender, match=r"No OpenGL draws here .*egl: .*osmesa: .*, or apt install libosmesa6"):
            opengl.choose()
        return
    assert opengl.choose() == "osmesa"
    assert os.environ["MUJOCO_GL"] == "osmesa"


@pytest.mark.usefixtures("no_egl")
def test_where_nothing_draws_both_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")  # with which OSMesa is refused
    with pytest.raises(CannotRender) as told:
        opengl.choose()
    assert "apt install libegl1 libgl1, or apt install libosmesa6" in str(told.value)


def test_a_driver_that_does_not_answer_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opengl, "TIMEOUT_S", 0.01)
    opengl.tried.cache_clear()
    found = opengl.tried("egl")
    opengl.tried.cache_clear()
    assert (found.works, found.why) == (False, "it gave no picture within 0.01 s")
