"""Policies in a browser: what is served and played. How it looks is mjviser's."""

from __future__ import annotations

import urllib.request
from contextlib import closing
from dataclasses import replace

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
def test_a_page_is_served_and_the_model_of_the_task_is_in_it() -> None:
    task = replace(taskfile.load("cartpole_swingup").task, episode_steps=5)
    shown = browser.BrowserView(random_player(0), task, env_seed=3, host="127.0.0.1", port=18500)
    with closing(shown):
        with urllib.request.urlopen(shown.url, timeout=20) as page:
            assert page.status == 200
            assert b"<html" in page.read()
        shown.play(episodes=2)
        assert len(shown.fitness) == 2
    shown.close()


@needs_viser
def test_a_simulator_without_a_model_is_refused_with_what_else_to_do() -> None:
    with pytest.raises(ConfigError, match=r"'point' shows no MuJoCo model to a browser.*`rewardsmith render`"):
        browser.BrowserView(random_player(0), point_task(), env_seed=3, host="127.0.0.1", port=18500)


def test_without_its_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert cli.run(["view", "random", "--task", "cartpole_swingup"]) == CannotRender.exit_code
    error = capsys.readouterr().err
    assert "viser and mjviser, not installed here: pip install 'rewardsmith[view]'" in error
    assert error.count("\n") == 1
