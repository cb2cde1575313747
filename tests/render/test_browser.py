"""Policies in a browser: what is served and played. How it looks is mjviser's."""

from __future__ import annotations

import socket
import urllib.request
from contextlib import closing
from dataclasses import replace

import mujoco
import pytest

from rewardsmith import cli, taskfile
from rewardsmith.errors import CannotRender, ConfigError
from rewardsmith.render import browser
from rewardsmith.render.film import random_player
from rewardsmith.sim.point import point_task

needs_viser = pytest.mark.skipif(
    bool(browser.lacking()),
    reason="needs viser and mjviser: pip install 'rewardsmith[view]'",
)


@needs_viser
def test_a_page_is_served_and_the_model_of_the_task_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    task = replace(taskfile.load("cartpole_swingup").task, episode_steps=5)
    shown = browser.BrowserView(random_player(0), task, env_seed=3, host="127.0.0.1", port=18500)
    with closing(shown):
        with urllib.request.urlopen(shown.url, timeout=20) as page:
            assert page.status == 200
            assert b"<html" in page.read()
        shown.play(episodes=2)
        assert len(shown.fitness) == 2
    shown.close()
    assert capsys.readouterr().out == ""


@needs_viser
def test_the_address_of_a_page_on_ipv6_can_be_opened() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    task = taskfile.load("cartpole_swingup").task
    with closing(browser.BrowserView(random_player(0), task, env_seed=3, host="::1", port=18500)) as shown:
        assert shown.url.startswith("http://[::1]:")
        with urllib.request.urlopen(shown.url, timeout=20) as page:
            assert page.status == 200


@needs_viser
@pytest.mark.parametrize("host", ["192.0.2.7", "no such host"])
def test_an_address_of_another_machine_is_refused_in_a_line(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """192.0.2.0/24 is kept for documentation (RFC 5737): no machine has such an address."""
    assert cli.run(["view", "random", "--task", "cartpole_swingup", "--host", host]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --host {host}: ")
    assert ". Expected an address of this machine, e.g. 127.0.0.1" in error
    assert error.count("\n") == 1


@needs_viser
def test_a_simulator_without_a_model_is_refused_with_what_else_to_do() -> None:
    with pytest.raises(ConfigError, match=r"'point' shows no MuJoCo model to a browser.*`rewardsmith render`"):
        browser.BrowserView(random_player(0), point_task(), env_seed=3, host="127.0.0.1", port=18500)


@needs_viser
def test_another_model_on_the_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of an environment that draws its robot anew at each reset."""
    task = taskfile.load("cartpole_swingup").task
    shown = browser.BrowserView(random_player(0), task, env_seed=3, host="127.0.0.1", port=18500)
    other = mujoco.MjModel.from_xml_string("<mujoco><worldbody><body><geom size='.1'/></body></worldbody></mujoco>")
    with closing(shown):
        monkeypatch.setattr(shown._simulator, "pose", lambda _: (other, mujoco.MjData(other)))
        with pytest.raises(ConfigError, match=r"makes another MuJoCo model when it is reset.*`rewardsmith render`"):
            shown.play(episodes=1)


BALL = "<joint type='{joint}'/><geom size='.1' mass='1'/>"
SCENES = {
    "a robot that roams": ("<body pos='3 0 1'>{free}</body>", True, (3, 0, 1), 0.1),
    "a robot that stays": ("<body pos='3 0 1'>{hinge}</body>", False, (3, 0, 1), 0.1),
    "a hand with a ball": ("<body pos='0 0 1'>{hinge}</body><body pos='2 0 1'>{free}</body>", False, (1, 0, 1), 1.1),
}


@pytest.mark.parametrize(("bodies", "roams", "middle", "radius_m"), SCENES.values(), ids=SCENES)
def test_the_camera_begins_near_what_moves_and_goes_with_a_robot_that_roams(
    bodies: str, roams: bool, middle: tuple[float, ...], radius_m: float
) -> None:
    inside = bodies.format(free=BALL.format(joint="free"), hinge=BALL.format(joint="hinge"))
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody><geom type='plane' size='40 40 1'/>{inside}</worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    assert browser.roams(model) == roams
    assert browser.look_at_robot(model, data) == pytest.approx(radius_m)
    assert model.stat.center == pytest.approx(middle)


def test_without_its_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert cli.run(["view", "random", "--task", "cartpole_swingup"]) == CannotRender.exit_code
    error = capsys.readouterr().err
    assert "viser and mjviser, not installed here: pip install 'rewardsmith[view]'" in error
    assert error.count("\n") == 1
