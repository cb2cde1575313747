"""Knobs: weights and temperatures are found by name and by place, numbers that mean something are not."""

from __future__ import annotations

import pytest

from rewardsmith.refit import knobs

HEAD = "import torch\n\n\ndef compute_reward(distance, action, q):\n"


def _found(body: str, head: str = HEAD) -> list[tuple[str, float]]:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return [(knob.name, knob.value) for knob in knobs.find(head + lines)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("near_weight = 2.0\nreturn near_weight * distance, {}", [("near_weight", 2.0)]),
        ("temperature: float = 0.1\nreturn torch.exp(-distance / temperature), {}", [("temperature", 0.1)]),
        ("t = f(distance, scale=0.5)\nreturn t, {}", [("scale", 0.5)]),
        ("weights = {'near': -1.0, 'far': 3}\nreturn weights['near'] * distance, {}",
         [("weights[near]", -1.0), ("weights[far]", 3)]),
        ("near = 2.0 * distance\nreturn near, {'near': near}", [("near", 2.0)]),
        ("return distance * -0.5 - action.sum(-1) * 3, {}", [("distance * -0.5", -0.5), ("action.sum(-1) * 3", 3)]),
        ("c = {}\nc['near'] = 2.0 * distance\nc['far'] = distance\nreturn c['near'] + c['far'], c", [("near", 2.0)]),
        ("total = distance\ntotal += 0.1 * action.sum(-1)\nreturn total, dict(a=0.2 * distance)",
         [("total", 0.1), ("a", 0.2)]),
    ],
)  # fmt: skip
def test_weights_and_temperatures_are_found(body: str, expected: list[tuple[str, float]]) -> None:
    assert _found(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "up = (1 - 2 * (q[:, 1] ** 2 + q[:, 2] ** 2)).abs()\nreturn up, {'up': up}",  # what a quaternion means
        "return torch.exp(-5.0 * distance), {}",  # no name says that it is a temperature
        "return torch.clamp(distance, 0.0, 2.0), {}",
        "weight = 0.0\nreturn weight * distance, {}",
        "weight = 1e999\nreturn weight * distance, {}",
        "weight = True\nreturn weight * distance, {}",
        "w = 0.5\nreturn distance ** w, {}",  # the w of a quaternion
        "return f'{2.0 * distance}', {}",
    ],
)
def test_other_numbers_are_let_alone(body: str) -> None:
    assert _found(body) == []


def test_a_term_written_twice_is_one_knob_and_keeps_its_signs() -> None:
    code = HEAD + "    return distance - 0.1 * action.sum(-1), {'effort': -0.1 * action.sum(-1)}\n"
    [knob] = knobs.find(code)
    assert len(knob.places) == 2
    assert knobs.set_to(code, [knob], (0.3,)).endswith(
        "distance - 0.3 * action.sum(-1), {'effort': -0.3 * action.sum(-1)}\n"
    )
    assert knobs.set_to(code, [knob], (-0.3,)).endswith("- -0.3 * action.sum(-1), {'effort': 0.3 * action.sum(-1)}\n")


def test_a_sign_before_the_rest_of_a_product_makes_no_other_term() -> None:
    code = HEAD + "    return distance - action.sum(-1) * 3, {'effort': -action.sum(-1) * 3}\n"
    [knob] = knobs.find(code)
    assert knobs.set_to(code, [knob], (0.5,)).endswith("- action.sum(-1) * 0.5, {'effort': -action.sum(-1) * 0.5}\n")


def test_a_number_that_stays_keeps_its_spelling() -> None:
    code = (
        HEAD + "    a_weight, b = 1, 2\n    near_weight = 1e-1  # why\n    return 2.50 * distance + near_weight, {}\n"
    )
    found = knobs.find(code)
    assert [k.value for k in found] == [0.1, 2.5]
    assert knobs.set_to(code, found, (0.1, 2.5)) == code
    assert knobs.set_to(code, found, (0.2, 2.5)) == code.replace("1e-1", "0.2")


@pytest.mark.parametrize("code", ["", "not python (", "x = 2.0\n", "def a(): ...\ndef b(): ...\n"])
def test_what_has_no_reward_function_has_no_knobs(code: str) -> None:
    assert knobs.find(code) == ()
