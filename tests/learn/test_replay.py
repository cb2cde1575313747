"""What is remembered: each step with what came of it, whoever's turn it was to be forgotten."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.learn.replay import Replay

COUNT, OBS, ACTION, GAMMA = 2, 3, 1, 0.9
CPU = torch.device("cpu")


class Lived:
    """Random rollouts of two candidates, added to a memory one after the other; ends and resets are their own."""

    def __init__(self, *, rollouts: int, blocks: int, steps: int, num_envs: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        size = (rollouts, COUNT, steps, num_envs)
        self.obs = torch.randn(rollouts, COUNT, steps + 1, num_envs, OBS, generator=draw)
        self.action = torch.randn(*size, ACTION, generator=draw)
        self.reward = torch.randn(size, generator=draw)
        ended = torch.rand(size, generator=draw) < 0.3
        self.valid = torch.ones(size, dtype=torch.bool)
        self.valid[:, :, 1:] = ~ended[:, :, :-1]  # the step after an end only resets
        ended &= self.valid
        self.valid[:, :, 1:] = ~ended[:, :, :-1]
        self.terminated = ended & (torch.rand(size, generator=draw) < 0.5)
        self.ended = ended
        self.blocks, self.steps, self.num_envs, self.rollouts = blocks, steps, num_envs, rollouts
        self.memory = self.empty()
        for r in range(rollouts):
            self.memory.add(
                self.obs[r], self.action[r], self.reward[r], terminated=self.terminated[r], valid=self.valid[r]
            )

    def empty(self) -> Replay:
        return Replay(
            COUNT,
            blocks=self.blocks,
            steps=self.steps,
            num_envs=self.num_envs,
            obs_dim=OBS,
            action_dim=ACTION,
            device=CPU,
        )

    def held(self) -> dict[int, int]:
        """Which rollout lies at which place of the ring."""
        return {r % self.blocks: r for r in range(self.rollouts)}

    def worked_out(self, place: int, k: int, *, ahead: int) -> tuple[float, Tensor, float]:
        """The rewards from a place on, the state after them and the discount of its value: step by step."""
        block, within = divmod(place, (self.steps + 1) * self.num_envs)
        t, env = divmod(within, self.num_envs)
        r, total, discount = self.held()[block], 0.0, 1.0
        for _ in range(ahead):
            if t == self.steps or not self.valid[r, k, t, env]:
                break
            total += discount * float(self.reward[r, k, t, env])
            discount *= GAMMA
            if self.terminated[r, k, t, env]:
                return total, self.obs[r, k, t + 1, env], 0.0
            t += 1
            if self.ended[r, k, t - 1, env]:
                break
        return total, self.obs[r, k, t, env], discount


lives = st.builds(
    Lived,
    rollouts=st.integers(1, 5),
    blocks=st.integers(1, 3),
    steps=st.integers(1, 6),
    num_envs=st.integers(1, 3),
    seed=st.integers(0, 99),
)


@given(lives, st.integers(1, 4))
def test_a_step_is_followed_by_what_came_of_it_and_by_nothing_else(lived: Lived, ahead: int) -> None:
    places = lived.memory.places((40,), torch.Generator().manual_seed(0))
    found = lived.memory.look_up(places[None], ahead=ahead, gamma=GAMMA)
    per_block = (lived.steps + 1) * lived.num_envs
    for i, place in enumerate(places.tolist()):
        for k in range(COUNT):
            block, within = divmod(place, per_block)
            t, env = divmod(within, lived.num_envs)
            r = lived.held()[block]
            assert torch.equal(found.obs[k, i], lived.obs[r, k, t, env])
            assert torch.equal(found.action[k, i], lived.action[r, k, t, env])
            assert found.weight[k, i] == float(lived.valid[r, k, t, env])
            rewards, later, discount = lived.worked_out(place, k, ahead=ahead)
            assert float(found.rewards[k, i]) == pytest.approx(rewards, abs=1e-5)
            assert torch.equal(found.later[k, i], later)
            assert float(found.discount[k, i]) == pytest.approx(discount, abs=1e-6)


@given(lives)
def test_every_step_that_is_held_is_looked_up_and_no_state_that_ended_a_rollout(lived: Lived) -> None:
    places = set(lived.memory.places((4000,), torch.Generator().manual_seed(0)).tolist())
    row = (lived.steps + 1) * lived.num_envs
    assert places == {p for p in range(lived.memory.held * row) if p % row < lived.steps * lived.num_envs}


@given(lives)
def test_what_is_taken_out_and_put_back_is_the_same_memory(lived: Lived) -> None:
    again = lived.empty()
    for k in range(COUNT):
        again.put_back(k, lived.memory.rows(k))
    assert (again.held, again.added) == (lived.memory.held, lived.memory.added)
    places = again.places((20,), torch.Generator().manual_seed(0))
    for one, other in zip(_all(again, places), _all(lived.memory, places), strict=True):
        assert torch.equal(one, other)


def _all(memory: Replay, places: Tensor) -> list[Tensor]:
    found = memory.look_up(places[None], ahead=2, gamma=GAMMA)
    return [found.obs, found.action, found.rewards, found.later, found.discount, found.weight]
