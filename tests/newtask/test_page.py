"""Whatever an environment calls its observations and info fields, the file that is written loads."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith import sources, taskfile, yamlfile
from rewardsmith.newtask import entries, page
from rewardsmith.newtask.survey import Survey
from rewardsmith.newtask.timing import Stated
from rewardsmith.taskfile import TaskKeys
from rewardsmith.types import EnvSpec

ROWS = 4
WORDS = st.sampled_from(
    ["obs", "reward", "class", "dt", "prev_x", "norm", "action", "a b", "it's", "x: y", "# no", "null"]
)
KEYS = st.lists(WORDS | st.text(string.printable.strip() + " éλ", min_size=1, max_size=60), unique=True, max_size=6)


NONE: Mapping[str, object] = {}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=3),
    max_leaves=5,
)


def found(observed: Sequence[str], told: Sequence[str], options: Mapping[str, object] = NONE) -> Survey:
    """An environment with vectors as observations and numbers as info fields; of each, the first numbers vary."""
    vector = torch.arange(3.0 * ROWS).reshape(ROWS, 3)
    vector[:, 2] = float("nan")
    return Survey(
        env=EnvSpec(backend="gymnasium", id="Nobodys-v0", options=options),
        episode_steps=Stated(value=10, why="as it is"),
        control_dt_s=Stated(value=0.1, why="nothing is said", guessed=True),
        obs={f"obs.{key}": vector for key in observed},
        info={key: torch.arange(float(ROWS)) for key in told},
        action_low=torch.tensor([-1.0, -2.0]),
        action_high=torch.tensor([1.0, 2.0]),
        reward=torch.zeros(ROWS),
        steps=5,
    )


@settings(deadline=None)
@given(KEYS, KEYS)
def test_any_names_give_a_file_that_loads_and_names_its_signals_apart(
    observed: Sequence[str], told: Sequence[str]
) -> None:
    proposed = entries.propose(found(observed, told))
    text = page.write(found(observed, told), proposed, name="nobodys")
    keys = yamlfile.parse(text, path="t.yaml").read_as(TaskKeys)
    kept = [entry for entry in proposed if not entry.left_out]
    assert list(keys.signals) == [entry.name for entry in kept]
    for name, signal in keys.signals.items():
        assert re.fullmatch("(?!prev_)[a-z][a-z0-9_]*", name)
        assert name not in taskfile.TAKEN
        source = sources.parse(signal.source)
        assert source.obs_keys <= {f"obs.{key}" for key in observed}
        assert source.info_fields <= set(told)


def test_guesses_and_what_is_known_are_told_apart() -> None:
    text = page.write(found(["x"], []), entries.propose(found(["x"], [])), name="nobodys")
    assert "\nepisode_steps: 10    # as it is\n" in text
    assert "\ncontrol_dt_s: 0.1    # GUESS, since nothing is said; set it right\n" in text


def test_numbers_are_told_by_their_place_in_the_vector_they_were_cut_from() -> None:
    text = page.write(found(["x"], []), entries.propose(found(["x"], [])), name="nobodys")
    assert "    # seen [0] 0 to 9; [1] 1 to 10\n" in text
    assert "  # left out, since it was not finite over random play:\n  # x_2:\n" in text
    assert "  #   # seen [2] no finite number\n" in text


def test_bounds_of_actions_are_told_one_by_one_where_they_differ() -> None:
    text = page.write(found([], []), entries.propose(found([], [])), name="nobodys")
    assert "    # commands, -1 to 1, -2 to 2\n" in text


@settings(deadline=None)
@given(st.dictionaries(WORDS | st.from_regex("[a-z_]{1,20}", fullmatch=True), VALUES, max_size=4))
def test_options_are_written_so_that_they_are_read_as_they_were(options: Mapping[str, object]) -> None:
    survey = found(["state"], [], options)
    keys = yamlfile.parse(page.write(survey, entries.propose(survey), name="mine"), path="t.yaml").read_as(TaskKeys)
    assert keys.env.options == options
