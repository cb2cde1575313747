"""The expression language of task files: what it reads, what it refuses, and that batch dimensions never mix."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import sources
from rewardsmith.sources import SourceError, View, parse


def view(*batch: int) -> View:
    """17 observed numbers, two kinds of info, two actuators; every number its own."""
    draw = torch.Generator().manual_seed(len(batch))

    def numbers(*shape: int) -> Tensor:
        return torch.randn((*batch, *shape), generator=draw)

    return View(
        obs={"obs": numbers(17), "obs.state": numbers(4)},
        info={"speed": numbers(), "tip/x": numbers(1)},
        action=numbers(2),
        reward=numbers(),
    )


VIEW = view(5, 3)
OBS = VIEW.obs["obs"]
ACTION = VIEW.action
REWARD = VIEW.reward if VIEW.reward is not None else OBS.new_empty(0)

MEANINGS: dict[str, Tensor] = {
    "obs[3]": OBS[..., 3],
    "obs[-1]": OBS[..., 16],
    "obs[0:3]": OBS[..., :3],
    "obs[:2]": OBS[..., :2],
    "obs[15:]": OBS[..., 15:],
    "obs[-2:]": OBS[..., 15:],
    "obs.state[0:3]": VIEW.obs["obs.state"][..., :3],
    "info.speed": VIEW.info["speed"],
    "info['tip/x']": VIEW.info["tip/x"],
    "info['tip/x'][0]": VIEW.info["tip/x"][..., 0],
    "action": ACTION,
    "action[1]": ACTION[..., 1],
    "reward": REWARD,
    "2": torch.full((5, 3), 2.0),
    "-obs[0]": -OBS[..., 0],
    "-obs[0] ** 2": -(OBS[..., 0] ** 2),
    "obs[0] + obs[1] * 2 - obs[2] / 4": OBS[..., 0] + OBS[..., 1] * 2 - OBS[..., 2] / 4,
    "obs[0:2] * action": OBS[..., :2] * ACTION,
    "obs[0:2] - obs[5]": OBS[..., :2] - OBS[..., 5:6],
    "1 - obs[0:2]": 1 - OBS[..., :2],
    "norm(obs[0:3])": OBS[..., :3].norm(dim=-1),
    "dot(obs[0:2], action)": (OBS[..., :2] * ACTION).sum(-1),
    "concat(obs[0], action, 1)": torch.cat([OBS[..., :1], ACTION, torch.ones(5, 3, 1)], dim=-1),
    "abs(obs[0])": OBS[..., 0].abs(),
    "sqrt(abs(obs[0]))": OBS[..., 0].abs().sqrt(),
    "exp(obs[0])": OBS[..., 0].exp(),
    "cos(obs[0]) + sin(obs[1])": OBS[..., 0].cos() + OBS[..., 1].sin(),
    "atan2(obs[0], obs[1])": torch.atan2(OBS[..., 0], OBS[..., 1]),
    "minimum(obs[0], obs[1])": torch.minimum(OBS[..., 0], OBS[..., 1]),
    "maximum(obs[0:2], 0)": OBS[..., :2].clamp(min=0),
    "clip(obs[0:2], -0.5, obs[3] ** 2)": torch.minimum(OBS[..., :2].clamp(min=-0.5), OBS[..., 3:4] ** 2),
    "obs[0] > 0": (OBS[..., 0] > 0).float(),
    "obs[0] >= obs[1]": (OBS[..., 0] >= OBS[..., 1]).float(),
    "obs[0:2] < obs[1]": (OBS[..., :2] < OBS[..., 1:2]).float(),
    "(obs[0] <= 0) * (obs[1] != 0) * (1 == 1)": (OBS[..., 0] <= 0).float(),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_expression_means_what_it_says(text: str) -> None:
    torch.testing.assert_close(parse(text).read(VIEW), MEANINGS[text])


@pytest.mark.parametrize("text", MEANINGS)
@pytest.mark.parametrize("batch", [(), (1,), (3,), (2, 3)])
def test_result_has_the_views_batch_dimensions(text: str, batch: tuple[int, ...]) -> None:
    whole = parse(text).read(view(*batch))
    assert whole.dtype == torch.float32
    assert whole.shape == (*batch, *MEANINGS[text].shape[2:])


@pytest.mark.parametrize("text", MEANINGS)
def test_one_state_reads_the_same_alone_and_in_a_batch(text: str) -> None:
    """Three environments and three-vectors must not be taken for one another."""
    several = view(3)
    alone = View(
        obs={k: v[1:2] for k, v in several.obs.items()},
        info={k: v[1:2] for k, v in several.info.items()},
        action=several.action[1:2],
        reward=None if several.reward is None else several.reward[1:2],
    )
    torch.testing.assert_close(parse(text).read(alone), parse(text).read(several)[1:2])


def test_integers_and_booleans_of_the_environment_read_as_float32() -> None:
    states = View(
        obs={"obs": torch.arange(6, dtype=torch.float64).reshape(2, 3)},
        info={"count": torch.tensor([1, 2]), "done": torch.tensor([True, False])},
        action=torch.zeros(2, 1),
    )
    assert parse("obs[0] + info.count + info.done").read(states).tolist() == [2.0, 5.0]
    assert parse("obs[0]").read(states).dtype == torch.float32


# --- what a source needs --------------------------------------------------------------------------------------------


def test_source_tells_what_it_needs() -> None:
    source = parse("norm(obs.state[0:3]) + info.speed * info['tip/x'] - reward * action[0] + obs[0]")
    assert source.info_fields == {"speed", "tip/x"}
    assert source.obs_keys == {"obs", "obs.state"}
    assert source.uses_reward
    assert source.uses_action


def test_constant_needs_nothing() -> None:
    source = parse("1")
    assert (source.info_fields, source.obs_keys) == (frozenset(), frozenset())
    assert not source.uses_reward
    assert not source.uses_action


def test_signal_stands_for_its_expression_and_its_needs() -> None:
    height = parse("info.height - 1")
    source = parse("2 * height", signals={"height": height})
    states = View(obs={}, info={"height": torch.tensor([3.0])}, action=torch.zeros(1, 1))
    assert source.read(states).tolist() == [4.0]
    assert source.info_fields == {"height"}


def test_signal_called_action_wins_over_the_raw_action() -> None:
    source = parse("action", signals={"action": parse("action * 2")})
    torch.testing.assert_close(source.read(VIEW), ACTION * 2)


def test_equal_texts_parse_to_equal_sources() -> None:
    assert parse("norm(obs[0:3])") == parse("norm(obs[0:3])")
    assert parse("obs[0]") != parse("obs[1]")


def test_parsing_loads_no_torch() -> None:
    code = """
import sys, types
package = types.ModuleType("rewardsmith.sim")
package.__path__ = [sys.argv[1]]
sys.modules["rewardsmith.sim"] = package
from rewardsmith import sources
sources.parse("norm(concat(obs[0:3], 1))")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(sources.__file__).rpartition("/")[0]], check=True, timeout=60)


# --- what is refused ------------------------------------------------------------------------------------------------

REFUSED: dict[str, str] = {
    "": "not an expression",
    "(": "not an expression",
    "obs[": "not an expression",
    "obs[]": "not an expression",
    "a\0b": "not an expression",
    "height": "unknown name 'height'. Known: obs, info, action, reward",
    "rewrad": "unknown name 'rewrad'. Did you mean 'reward'?",
    "info": "'info' needs a field, e.g. info.x_velocity",
    "norm": "'norm' is a function",
    "nrom(obs)": "unknown function 'nrom'. Did you mean 'norm'?",
    "__import__('os')": "unknown function '__import__'",
    "obs.mean()": "unknown function 'obs.mean'",
    "norm(1, 2)": "norm() takes 1 in its brackets, got 2",
    "clip(obs, 0, high=1)": "clip() takes 3 in its brackets",
    "concat(obs)": "concat() takes 2 or more in its brackets, got 1",
    "norm(*obs)": "not part of the expression language",
    "action.shape": "only obs and info have fields",
    "(obs + 1).T": "only obs and info have fields",
    "obs[1.5]": "brackets take whole numbers",
    "obs[True]": "brackets take whole numbers",
    "obs[action]": "brackets take whole numbers",
    "obs[0, 1]": "brackets take whole numbers",
    "obs[0:4:2]": "brackets take whole numbers",
    "obs['state'][0:'a']": "brackets take whole numbers",
    "True": "True is not a number",
    "'text'": "'text' is not a number",
    "1j": "1j is not a number",
    "1e999": "is not a number",
    "9" * 400: "is not a number",
    "1 < 2 < 3": "compare two values",
    "obs in info": "compare two values",
    "obs and action": "not part of the expression language",
    "not obs": "not part of the expression language",
    "obs % 2": "not part of the expression language",
    "obs @ action": "not part of the expression language",
    "[1, 2]": "not part of the expression language",
    "lambda: 1": "not part of the expression language",
    "obs if 1 else 2": "not part of the expression language",
    "[x for x in obs]": "not part of the expression language",
    "f'{obs}'": "not part of the expression language",
    "(x := 1)": "not part of the expression language",
    "-" * 60 + "1": "more than 40 operations",
    "1+" * 600 + "1": "at most 1000 are read",
}


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert REFUSED[text] in caught.value.message


UNREADABLE: dict[str, str] = {
    "obs[17]": "17 is out of range: there are 17 numbers, 0 to 16",
    "obs[-18]": "-18 is out of range",
    "obs[0:18]": "18 is out of range",
    "obs[3:3]": "the range 3:3 is empty",
    "obs[5:2]": "the range 5:2 is empty",
    "info.sped": "no info field 'sped'. Did you mean 'speed'? Known: speed, tip/x",
    "info.__class__": "no info field '__class__'",
    "obs.stat[0]": "no observation 'obs.stat'. Did you mean 'obs.state'?",
    "info.speed[0]": "a scalar has no parts",
    "obs[0:3] + action": "shapes (2,) and (3,) do not fit together in '+'",
    "dot(obs[0:3], action)": "shapes (2,) and (3,) do not fit together in 'dot'",
    "norm(obs[0])": "norm() takes vectors",
    "info['tip/x'] + action": "shapes (1,) and (2,) do not fit together",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_view_that_cannot_answer_is_told_of(text: str) -> None:
    source = parse(text)
    with pytest.raises(SourceError) as caught:
        source.read(VIEW)
    assert UNREADABLE[text] in caught.value.message


def test_reward_is_unreadable_where_none_is_given() -> None:
    states = View(obs=VIEW.obs, info=VIEW.info, action=VIEW.action)
    with pytest.raises(SourceError, match="own reward cannot be read here"):
        parse("reward").read(states)


def test_fault_knows_its_column() -> None:
    with pytest.raises(SourceError) as caught:
        parse("obs[0] + hight")
    assert caught.value.column == 10
    with pytest.raises(SourceError) as caught:
        parse("obs[0] + obs[99]").read(VIEW)
    assert caught.value.column == 10


# --- laws -----------------------------------------------------------------------------------------------------------

LEAVES = st.sampled_from(["obs[0]", "obs[1:3]", "action", "info.speed", "0.5", "reward"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "<", ">="]), inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "exp", "sin", "-"]), inner),
        st.builds("clip({}, {}, 1)".format, inner, inner),
    )


@given(text=st.recursive(LEAVES, _grown, max_leaves=8))
def test_rows_are_read_independently(text: str) -> None:
    """All vectors here are two long, so that every such expression is valid; three rows would expose a mix-up."""
    rows = view(3)
    order = torch.tensor([2, 0, 1])
    shuffled = View(
        obs={k: v[order] for k, v in rows.obs.items()},
        info={k: v[order] for k, v in rows.info.items()},
        action=rows.action[order],
        reward=None if rows.reward is None else rows.reward[order],
    )
    source = parse(text)
    torch.testing.assert_close(source.read(shuffled), source.read(rows)[order], equal_nan=True)


@given(text=st.text(max_size=80) | st.text(alphabet="obs[]().:,+-*/<>= 0123456789infoacnrmewd_", max_size=60))
@example(text="1if obs else 2")
@example(text="0x1for x in obs")
def test_any_text_parses_or_is_refused_cleanly(text: str) -> None:
    with suppress(SourceError):
        assert parse(text).text == text
