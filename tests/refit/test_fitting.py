"""Refitting planted faults: what is wrong comes right, what is right stays, held-out pairs are never ranked worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rewardsmith.codetext import only_numbers_differ
from rewardsmith.config import RefitSettings
from rewardsmith.interfaces import Sandbox
from rewardsmith.refit import Kept, Refitted, refit
from rewardsmith.sim.point import point_task
from rewardsmith.types import Preference, Trajectory

TASK = point_task(episode_steps=10)
HEAD = "import torch\n\n\ndef compute_reward(distance: torch.Tensor, action: torch.Tensor):\n"
EFFORT = "    effort = -0.05 * action.square().sum(dim=-1)\n"
TAIL = "    total = near + effort\n    return total, {'near': near, 'effort': effort}\n"

Fit = Callable[..., Refitted | Kept]


@pytest.fixture
def fit(sandbox: Sandbox, episodes: list[Trajectory]) -> Fit:
    def run(
        code: str, known: Sequence[Trajectory] = episodes, people: Sequence[Preference] = (), **settings: object
    ) -> Refitted | Kept:
        chosen = RefitSettings.model_validate(settings)
        return refit(code, known, people, TASK, sandbox, chosen, gamma=0.99)

    return run


def _after(found: Refitted | Kept) -> dict[str, float]:
    assert isinstance(found, Refitted), found
    return {c.name: c.after for c in found.changes}


@pytest.mark.parametrize("returns", ["discounted", "mean"])
def test_a_weight_of_the_wrong_sign_turns_round(fit: Fit, returns: str) -> None:
    code = HEAD + "    near = 1.0 * distance  # the wrong way\n" + EFFORT + TAIL
    found = fit(code, returns=returns)
    assert _after(found)["near"] == pytest.approx(-1.0, rel=0.2)
    assert isinstance(found, Refitted)
    assert found.before.accuracy < 0.1
    assert found.after.accuracy == 1.0
    assert found.after.loss < found.before.loss
    assert only_numbers_differ(code, found.code)
    assert "# the wrong way" in found.code


def test_a_weight_that_drowns_the_others_gives_way(fit: Fit) -> None:
    code = HEAD + "    near = -0.001 * distance\n    effort = -1.0 * action.square().sum(dim=-1)\n" + TAIL
    found = fit(code)
    after = _after(found)
    assert after["near"] < -100 * 0.001
    assert abs(after["effort"]) < 0.2
    assert isinstance(found, Refitted)
    assert found.before.accuracy < 0.7
    assert found.after.accuracy == 1.0


def test_a_temperature_that_saturates_everything_is_warmed_and_the_weight_before_it_found(fit: Fit) -> None:
    near = "    near_temperature = 0.0005  # m\n    near = -2.0 * torch.exp(-distance / near_temperature)\n"
    found = fit(HEAD + near + EFFORT + TAIL)
    after = _after(found)
    assert 0.05 < after["near_temperature"] < 10.0  # distances go from 1 m to 0
    assert after["near"] > 0
    assert isinstance(found, Refitted)
    assert found.before.accuracy < 0.6
    assert found.after.accuracy > 0.95


def test_the_weight_before_a_term_that_is_0_in_all_episodes_is_found_where_its_temperature_is_warmed(
    fit: Fit, episode: Callable[..., Trajectory]
) -> None:
    near = "    near_temperature = 0.0005  # m\n    near = -2.0 * torch.exp(-distance / near_temperature)\n"
    efforts = [0.1, 0.9, 0.4, 0.7, 0.2]
    known = [
        episode(1.0, 0.07 * i / 59, effort=efforts[i % 5], source=f"g{i // 5}") for i in range(60)
    ]  # none comes nearer than 0.3 m, where the term is exp(-600)
    after = _after(fit(HEAD + near + EFFORT + TAIL, known))
    assert after["near_temperature"] > 0.05
    assert after["near"] > 0


def test_a_temperature_folded_into_another_number_is_warmed_as_well(fit: Fit, episodes: list[Trajectory]) -> None:
    near = "    near_temperature = 0.0005\n    near = torch.exp(-distance * (1.0 / near_temperature))\n"
    found = fit(HEAD + near + "    effort = -action.square().sum(dim=-1) / 20\n" + TAIL, known=episodes)
    assert 0.05 < _after(found)["near_temperature"] < 10.0


def test_numbers_that_are_right_stay(fit: Fit) -> None:
    found = fit(HEAD + "    near = -1.0 * distance\n    return near, {'near': near}\n")
    assert isinstance(found, Kept)


def test_a_scale_on_everything_is_not_fitted_beside_what_it_scales(fit: Fit) -> None:
    code = HEAD + "    total_scale = 0.1\n    near = 1.0 * distance\n" + EFFORT
    code += "    return total_scale * (near + effort), {'near': near, 'effort': effort}\n"
    after = _after(fit(code))
    assert after["total_scale"] == 0.1
    assert after["near"] < 0


def test_what_a_person_prefers_is_fitted_to_where_fitness_says_nothing(
    fit: Fit, episode: Callable[..., Trajectory]
) -> None:
    # the same way at the same speed, gently or with effort: fitness is equal, a person prefers the gentle one
    known = [episode(1.0, 0.05, effort=0.2 + 0.01 * i, source="gentle") for i in range(12)]
    known += [episode(1.0, 0.05, effort=0.8 + 0.01 * i, source="rough") for i in range(12)]
    known = [e for pair in zip(known[:12], known[12:], strict=True) for e in pair]
    code = HEAD + "    near = -1.0 * distance\n    effort = 0.05 * action.square().sum(dim=-1)\n" + TAIL
    assert isinstance(fit(code, known, least_pairs=20), Kept)
    said = Preference(first="gentle", second="rough", p_first=1.0, source="person", who="ada", when="now")
    assert _after(fit(code, known, [said], least_pairs=20))["effort"] < 0


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("    return -distance, {}\n", "no weight or temperature"),
        ("    weight = 2.0\n    return weight * distance.sum(), {}\n", "does not pass"),
        ("    weight = 2.0\n    return weight * torch.log(distance - 1.0), {}\n", "not finite"),
        ("    weight = 2.0\n    return -distance, {'near': weight * distance}\n", "changes what"),
    ],
)
def test_what_cannot_be_fitted_says_why(fit: Fit, body: str, why: str) -> None:
    found = fit(HEAD + body)
    assert isinstance(found, Kept)
    assert why in found.why


def test_too_few_ranked_pairs_are_not_fitted_to(fit: Fit, episodes: list[Trajectory]) -> None:
    code = HEAD + "    near = 1.0 * distance\n    return near, {'near': near}\n"
    found = fit(code, known=episodes[:6])
    assert isinstance(found, Kept)
    assert "refit.least_pairs" in found.why
    assert isinstance(fit(code, known=[]), Kept)


CODES = [
    HEAD + f"    near = {near} * distance\n    effort = {effort} * action.square().sum(dim=-1)\n" + TAIL
    for near, effort in ((-1.0, -0.01), (-0.1, -0.3), (0.5, -0.3), (-1.0, 1.0))
]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shuffle", [1, 7])
def test_held_out_pairs_are_never_ranked_worse_than_before(
    fit: Fit, episode: Callable[..., Trajectory], code: str, shuffle: int
) -> None:
    """Fitness here is chance: it follows neither distance nor effort, so there is nothing to be learnt."""
    known = [
        episode(1.0, 0.1 * (i * shuffle % 10) / 10, effort=0.1 * (i % 4), source=f"g{i % 6}", success=i % 3 == 0)
        for i in range(36)
    ]
    found = fit(code, known)
    if isinstance(found, Refitted):
        assert found.after.accuracy >= found.before.accuracy
        assert found.after.loss < found.before.loss
