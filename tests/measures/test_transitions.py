"""Sampling transitions: what is of s, what of s', what of the episode."""

from __future__ import annotations

import pytest
import torch

from rewardsmith.measures.transitions import Joined, contexts, sample


def test_a_row_holds_the_state_before_and_the_state_after(episode) -> None:
    drawn = sample([episode({"x": [0, 1, 2, 3]})], episode_steps=6, rows=20)
    assert torch.equal(drawn.rows["x"], drawn.rows["prev_x"] + 1)
    assert torch.allclose(drawn.rows["episode_progress"], drawn.rows["x"] / 6)
    assert set(drawn.rows) == {"x", "prev_x", "episode_progress"}
    assert len(drawn.rows) == 3


def test_every_episode_gives_as_many_transitions_however_long_it_is(episode) -> None:
    short, long = episode({"x": [0, 1]}), episode({"x": list(range(100, 201))})
    drawn = sample([short, long], episode_steps=200, rows=40)
    assert len(drawn) == 40
    assert int((drawn.after["x"] < 100).sum()) == 20


def test_the_same_seed_draws_the_same(wanderers) -> None:
    one, two, other = (sample(wanderers, episode_steps=30, rows=48, seed=s) for s in (0, 0, 1))
    assert torch.equal(one.after["position"], two.after["position"])
    assert torch.equal(one.imagined, two.imagined)
    assert not torch.equal(one.after["position"], other.after["position"])


def test_episodes_share_a_context_where_all_that_never_changes_agrees(episode) -> None:
    # the handle slides along its second number alone; its first and the goal are the episode's
    def of(goal: float, handle: float):
        return episode({"goal": [goal] * 3, "handle": [[handle, 0.0], [handle, 0.1], [handle, 0.3]]})

    assert contexts([of(1, 5), of(2, 5), of(1, 5), of(1, 6)]) == [0, 1, 0, 2]


def test_a_task_without_anything_that_stays_is_one_context(episode) -> None:
    assert contexts([episode({"x": [0, 1]}), episode({"x": [5, 7]})]) == [0, 0]


def test_a_number_that_moves_in_any_episode_is_of_the_state_in_all(episode) -> None:
    assert contexts([episode({"x": [0, 0]}), episode({"x": [5, 7]})]) == [0, 0]


def test_imagined_arrivals_are_of_the_same_context(wanderers) -> None:
    drawn = sample(wanderers, episode_steps=30, rows=60, imagined=50)
    assert drawn.imagined.shape == (3, 50)
    for context, rows in enumerate(drawn.imagined):
        assert set(drawn.context[rows].tolist()) == {context}


def test_joined_inputs_read_prev_names_before_and_others_after() -> None:
    joined = Joined({"x": torch.tensor([1.0])}, {"x": torch.tensor([2.0]), "episode_progress": torch.tensor([0.5])})
    assert (float(joined["prev_x"]), float(joined["x"])) == (1.0, 2.0)
    with pytest.raises(KeyError):
        joined["y"]


def test_without_a_transition_there_is_nothing_to_sample(episode) -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        sample([], episode_steps=5)
    with pytest.raises(ValueError, match="a transition in each"):
        sample([episode({"x": [0]})], episode_steps=5)
