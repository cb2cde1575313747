"""Pictures of kept episodes for a judge: which moments, of which episode, and that each is drawn once."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from rewardsmith import judge, sim, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Picture
from rewardsmith.render import stills
from rewardsmith.render.stills import AlbumInMemory, Still, Stills, draw, draw_first, moments, prove
from rewardsmith.sim.point import point_task
from rewardsmith.store.episodes import to_bytes
from rewardsmith.types import EnvSpec, Policy, Trajectory

SMALL = Picture(width=128, height=48)


@pytest.fixture
def kept(point_policy: Policy) -> tuple[Trajectory, ...]:
    [played] = judge.play(
        [("g001-00", point_policy)], point_task(), sim.make, seed=9, episodes=3, watch=lambda _: None, keep=3
    )
    assert isinstance(played, judge.Played)
    return played.trajectories


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws in this process; that it is another is tested once, below."""
    monkeypatch.setattr(stills, "_apart", lambda work, *given: work(*given))


def place_m(png: bytes) -> float:
    """Where the point is, as a picture of it shows."""
    pixels = np.asarray(Pillow.open(io.BytesIO(png)))
    red = np.flatnonzero((pixels == (200, 0, 0)).all(2).any(0))
    return float(red.mean() + 0.5) / (pixels.shape[1] - 1) * 4.0 - 2.0


@given(steps=st.integers(1, 2000), count=st.integers(2, 24))
def test_moments_are_few_evenly_apart_and_hold_both_ends(steps: int, count: int) -> None:
    found = moments(steps, count)
    apart = np.diff(found)
    assert (found[0], found[-1]) == (0, steps)
    assert len(found) <= count
    assert (apart[:-1] == apart[0]).all()
    assert 0 < apart[-1] <= apart[0]


@pytest.mark.parametrize(
    ("steps", "count", "states"), [(20, 5, [0, 5, 10, 15, 20]), (3, 6, [0, 1, 2, 3]), (7, 3, [0, 4, 7])]
)
def test_moments_by_hand(steps: int, count: int, states: list[int]) -> None:
    assert moments(steps, count) == states


def test_the_pictures_show_the_states_of_that_episode(kept: tuple[Trajectory, ...]) -> None:
    for episode, found in zip(kept, draw(to_bytes(kept), point_task(), SMALL, 5), strict=True):
        assert not isinstance(found, str)
        assert [still.step for still in found] == [0, 5, 10, 15, 20]
        for still in found:
            assert place_m(still.png) == pytest.approx(float(episode.signals["position"][still.step]), abs=0.06)


def test_an_episode_that_cannot_be_played_again_has_no_pictures_and_says_why(kept: tuple[Trajectory, ...]) -> None:
    forged = replace(kept[0], actions=torch.ones_like(kept[0].actions))
    unknown = replace(kept[0], env_seed=None)
    bent, lost, fine = draw(to_bytes([forged, unknown, kept[1]]), point_task(), SMALL, 5)
    assert isinstance(bent, str)
    assert "cannot be played again: its seed does not give it here" in bent
    assert isinstance(lost, str)
    assert "it was kept without the seed of its environment" in lost
    assert isinstance(fine[0], Still)


@pytest.mark.usefixtures("here")
def test_an_episode_is_drawn_once_and_shown_alike_ever_after(
    kept: tuple[Trajectory, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    album = AlbumInMemory()
    eyes = Stills(point_task(), count=5, camera=None, album=album, tell=lambda _: None)
    first = eyes(kept)
    monkeypatch.setattr(stills, "_apart", None)
    assert eyes(kept[::-1]) == first[::-1]
    assert [image.caption for image in first[0]][:2] == ["at 0 s (step 0 of 20)", "at 0.5 s (step 5 of 20)"]
    assert len({image.sha256 for images in first for image in images}) > 5
    assert len(album.images) == 3


@pytest.mark.usefixtures("here")
def test_other_pictures_of_an_episode_are_others(kept: tuple[Trajectory, ...]) -> None:
    album = AlbumInMemory()
    for count, camera in ((5, None), (3, None), (5, 1)):
        Stills(point_task(), count=count, camera=camera, album=album, tell=lambda _: None)(kept[:1])
    assert [len(images) for images in album.images.values()] == [5, 3, 5]


@pytest.mark.usefixtures("here")
def test_what_cannot_be_drawn_is_told_and_not_kept(kept: tuple[Trajectory, ...]) -> None:
    album, told = AlbumInMemory(), list[str]()
    eyes = Stills(point_task(), count=5, camera=None, album=album, tell=told.append)
    assert eyes([replace(kept[0], env_seed=None)]) == [()]
    assert [line.startswith("The judge is shown nothing of an episode: The episode of 'g001-00'") for line in told] == [
        True
    ]
    assert not album.images


def test_a_process_of_its_own_draws_the_same(kept: tuple[Trajectory, ...]) -> None:
    [theirs] = Stills(point_task(), count=3, camera=None, album=AlbumInMemory(), tell=lambda _: None)(kept[:1])
    [mine] = draw(to_bytes(kept[:1]), point_task(), Picture(width=stills.WIDTH, height=stills.HEIGHT), 3)
    assert [image.content for image in theirs] == [still.png for still in mine if isinstance(still, Still)]


def test_a_task_that_nobody_can_draw_is_refused_before_anything_is_asked() -> None:
    task = replace(point_task(), env=EnvSpec(backend="gymnasium", id="CartPole-v1"))
    with pytest.raises(ConfigError):
        prove(task, camera=None)


def test_what_a_gpu_played_is_shown_to_no_judge() -> None:
    task = replace(point_task(), env=EnvSpec(backend="mjcf", id="robot.xml", options={"device": "cuda"}))
    with pytest.raises(ConfigError, match=r"a GPU repeats no physics exactly\. Write advice\.look: summaries, or env"):
        prove(task, camera=None)


@pytest.mark.usefixtures("opengl_draws")
def test_a_model_is_drawn_at_its_beginning() -> None:
    png = draw_first(taskfile.load("cartpole_swingup").task, Picture(width=64, height=48))
    assert Pillow.open(io.BytesIO(png)).size == (64, 48)
