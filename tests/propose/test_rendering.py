"""Genomes as code: a term computes what it says, code and genome are one, and nothing else passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rewardsmith.propose.rendering import read, render
from rewardsmith.propose.terms import Genome, Term, component_names
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task


def signal(name: str, shape: tuple[int, ...] = ()) -> Signal:
    return Signal(name=name, shape=shape, unit="m", doc="", source="obs")


TASK = Task(
    name="made_up",
    goal="Bring a to b.",
    env=EnvSpec(backend="envpool", id="MadeUp-v1"),
    signals=(
        signal("a", (3,)),
        signal("b", (3,)),
        signal("x"),
        signal("y"),
        signal("action", (2,)),
        signal("m", (2, 3)),
    ),
    fitness=Measure(source="x", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.05,
)
A, B = torch.tensor([[3.0, 4.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.0]])
VALUES = {
    "a": A,
    "b": B,
    "x": torch.tensor([2.0]),
    "y": torch.tensor([0.5]),
    "action": torch.tensor([[1.0, 2.0]]),
    "m": torch.ones(1, 2, 3),
    "prev_a": 2 * A,
    "prev_b": B,
    "prev_x": torch.tensor([5.0]),
    "prev_action": torch.tensor([[1.0, 0.0]]),
}
E = 2.718281828


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Term(kind="linear", signals=("x",), weight=3.0), 6.0),
        (Term(kind="linear", signals=("a",), index=1, weight=1.0), 4.0),
        (Term(kind="linear", signals=("a",), weight=-1.0), -5.0),  # |(3, 4, 0)| = 5
        (Term(kind="linear", signals=("a", "b"), weight=-2.0), -10.0),
        (Term(kind="linear", signals=("x", "y"), weight=1.0), 1.5),
        (Term(kind="linear", signals=("m",), index=5, weight=1.0), 1.0),
        (Term(kind="near", signals=("a", "b"), weight=2.0, temperature=5.0), 2 / E),
        (Term(kind="near", signals=("x",), weight=1.0, temperature=3.0, target=5.0), 1 / E),
        (Term(kind="bell", signals=("x",), weight=1.0, temperature=2.0), 1 / E),
        (Term(kind="tanh", signals=("x",), weight=1.0, temperature=1000.0), 0.002),
        (Term(kind="progress", signals=("x",), weight=10.0), 30.0),  # from 5 to 2
        (Term(kind="progress", signals=("a", "b"), weight=1.0), 5.0),  # from 10 to 5
        (Term(kind="effort", signals=("action",), weight=-0.1), -0.5),
        (Term(kind="effort", signals=("m",), weight=1.0), 6.0),
        (Term(kind="smooth", signals=("action",), weight=-1.0), -4.0),
        (Term(kind="alive", signals=("x",), weight=0.5), 0.5),
    ],
)
def test_a_term_means_what_it_says(term: Term, expected: float) -> None:
    genome = Genome(terms=(term,))
    code = render(genome, TASK)
    namespace: dict[str, object] = {}
    exec(code, namespace)
    names = code.split("compute_reward(\n")[1].split(") ->")[0].replace(": torch.Tensor,", "").split()
    total, components = namespace["compute_reward"](**{n: VALUES[n] for n in names})  # type: ignore[operator]
    assert total.item() == pytest.approx(expected, rel=1e-5)
    assert tuple(components) == component_names(genome)
    assert read(code, TASK) == genome


TWO = Genome(terms=(Term(kind="linear", signals=("x",), weight=1.0), Term(kind="near", signals=("a", "b"), weight=2.0)))


def test_comments_and_layout_do_not_matter() -> None:
    code = render(TWO, TASK)
    assert read(f"# candidate g001-00\n{code}\n\n", TASK) == TWO
    assert read(code.replace("more_x = ", "more_x = 2.0 * "), TASK) is None


def test_numbers_are_read_where_the_program_has_them_so_a_refitted_reward_is_still_ours() -> None:
    code = render(TWO, TASK)
    refitted = read(code.replace("more_x_weight = 1.0", "more_x_weight = 1.5"), TASK)
    assert refitted == Genome(terms=(replace(TWO.terms[0], weight=1.5), TWO.terms[1]))
    assert read(code.replace("1.0, 1.0, 0.0]", "1.5, 1.0, 0.0]", 1), TASK) == TWO  # the comment is out of date
    assert read(code.replace("near_a_to_b_temperature = 1.0", "near_a_to_b_temperature = 0.0"), TASK) is None


@pytest.mark.parametrize("weight", [-0.3, 0.0])
def test_a_weight_that_was_turned_round_keeps_its_name_until_the_terms_are_written_anew(weight: float) -> None:
    code = render(TWO, TASK).replace("more_x_weight = 1.0", f"more_x_weight = {weight}")
    turned = read(code, TASK)
    assert turned is not None
    assert turned == Genome(terms=(replace(TWO.terms[0], weight=weight), TWO.terms[1]))
    assert component_names(turned) == ("more_x", "near_a_to_b")
    assert component_names(turned.with_terms(turned.terms)) == ("less_x", "near_a_to_b")


GOOD = '["linear", ["x"], null, 1.0, 1.0, 0.0]'


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "[1]",
        "[[]]",
        "[" * 2000 + "]" * 2000,
        f"[{GOOD}, {GOOD}]",
        GOOD.replace("linear", "system").join("[]"),
        GOOD.replace('"x"', '"nowhere"').join("[]"),
        GOOD.replace('["x"]', "[]").join("[]"),
        GOOD.replace('["x"]', '["x", 1]').join("[]"),
        GOOD.replace('["x"]', '["x", "a"]').join("[]"),
        GOOD.replace("null", "0").join("[]"),
        GOOD.replace("null", "true").join("[]"),
        GOOD.replace("1.0, 1.0", "NaN, 1.0").join("[]"),
        GOOD.replace("1.0, 1.0", "1e300, 1.0").join("[]"),
        GOOD.replace("1.0, 1.0", '"1.0", 1.0').join("[]"),
        GOOD.replace("1.0, 1.0", "1.0, 0.0").join("[]"),
        "not json",
    ],
)
def test_a_malformed_line_of_terms_is_not_read(line: str) -> None:
    code = render(Genome(terms=TWO.terms[:1]), TASK)
    assert f"# terms: [{GOOD}]" in code
    assert read(code.replace(f"[{GOOD}]", line), TASK) is None


@pytest.mark.parametrize("code", ["", "\0", "def compute_reward(:", "x = '''", "# terms: []", "(" * 500])
def test_what_is_no_program_of_ours_is_not_read(code: str) -> None:
    assert read(code, TASK) is None
