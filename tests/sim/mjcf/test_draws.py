"""Drawn numbers: uniform, the same wherever they are drawn, and others for everything that they depend on."""

from __future__ import annotations

import numpy as np
import torch

from rewardsmith.sim.mjcf.draws import PURPOSES, uniform

SEEDS, EPISODES, STEPS = torch.arange(2000), torch.zeros(2000, dtype=torch.int64), torch.zeros(2000, dtype=torch.int64)


def test_numbers_are_uniform() -> None:
    """Of 2000 x 50 numbers the mean is within 4 standard errors, and each tenth of [0, 1) has a tenth within 2 %."""
    drawn = uniform("start", SEEDS, EPISODES, STEPS, 50)
    assert drawn.dtype == torch.float64
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 4 / (12 * drawn.numel()) ** 0.5
    tenths = torch.bincount((drawn * 10).long().flatten(), minlength=10) / drawn.numel()
    assert (tenths - 0.1).abs().max() < 0.002 + 0.002
    assert torch.corrcoef(drawn.T).fill_diagonal_(0).abs().max() < 0.12  # columns know nothing of one another
    assert torch.corrcoef(torch.stack([drawn[:-1, 0], drawn[1:, 0]]))[0, 1].abs() < 0.09  # nor do seeds


def test_numpy_and_torch_draw_the_same_bits() -> None:
    seeds = torch.tensor([0, 1, 2**31 - 1, 2**62])
    episodes, steps = torch.tensor([0, 5, 7, 9]), torch.tensor([0, 1, 2, 1000])
    ours = uniform("push", seeds, episodes, steps, 7)
    theirs = uniform("push", seeds.numpy(), episodes.numpy(), steps.numpy(), 7)
    np.testing.assert_array_equal(ours.numpy(), theirs)


def test_a_row_is_the_same_alone_and_in_company_and_whatever_is_drawn_after_it() -> None:
    every = uniform("start", SEEDS, EPISODES, STEPS, 9)
    assert torch.equal(uniform("start", SEEDS[7:8], EPISODES[7:8], STEPS[7:8], 4), every[7:8, :4])


def test_seed_episode_step_and_purpose_each_make_other_numbers() -> None:
    seeds, episodes, steps = (x.flatten() for x in torch.meshgrid(*[torch.arange(12)] * 3, indexing="ij"))
    drawn = torch.cat([uniform(purpose, seeds, episodes, steps, 3) for purpose in PURPOSES])
    assert len(drawn.flatten().unique()) == drawn.numel()
