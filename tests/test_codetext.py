"""Reward code as text: numbers are found where they stand, and an edit leaves every other character as it was."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.codetext import (
    Places,
    edited,
    entry,
    formulas,
    named_numbers,
    only_numbers_differ,
    parsed,
    read_reward,
    rounded,
    value_of,
    with_numbers,
)
from rewardsmith.errors import ConfigError
from rewardsmith.sandbox import gate

BENIGN = sorted((Path(__file__).parent / "corpus" / "benign").glob("*.py"))


def _numbers(code: str) -> list[ast.expr]:
    tree = parsed(code)
    assert tree is not None
    inside = {id(n.operand) for n in ast.walk(tree) if isinstance(n, ast.UnaryOp) and value_of(n) is not None}
    return [n for n in ast.walk(tree) if isinstance(n, ast.expr) and value_of(n) is not None and id(n) not in inside]


@pytest.mark.parametrize(("content", "said"), [(b" \n", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_file_that_holds_no_code_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "mine.py").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_reward(tmp_path / "mine.py")


@pytest.mark.parametrize("file", BENIGN, ids=lambda file: file.stem)
def test_the_reward_function_is_the_one_that_the_gate_finds(file: Path) -> None:
    code = file.read_text(encoding="utf-8")
    tree = parsed(code)
    found = None if tree is None else entry(tree)
    assert found is not None
    assert found.name == gate.check(code).function


@pytest.mark.parametrize("file", BENIGN, ids=lambda file: file.stem)
def test_every_number_is_found_where_it_stands(file: Path) -> None:
    code = file.read_text(encoding="utf-8")
    places = Places(code)
    for node in _numbers(code):
        span = places.number(node)
        if span is not None:  # None: inside an f-string
            assert ast.literal_eval(code[slice(*span)]) == value_of(node)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a = -1.5 * x", "a = 7.0 * x"),
        ("a = - 1.5*x", "a = 7.0*x"),
        ("def f():\r\n    return-1.5", "def f():\r\n    return 7.0"),
        ("é = 'ü'; b = 1.5  # π", "é = 'ü'; b = 7.0  # π"),
        ("\ufeffa = 1.5", "\ufeffa = 7.0"),
        ("# one\ra = 1.5", "# one\ra = 7.0"),
        ("a = (\n    1.5  # the gain\n    * x\n)", "a = (\n    7.0  # the gain\n    * x\n)"),
    ],
)
def test_a_number_is_replaced_and_nothing_else(code: str, expected: str) -> None:
    [number] = _numbers(code)
    span = Places(code).number(number)
    assert span is not None
    assert with_numbers(code, {span: 7.0}) == expected


def test_a_number_does_not_grow_into_the_words_beside_it() -> None:
    assert with_numbers("return-1.5if x else y", {(6, 10): 7.0}) == "return 7.0 if x else y"


@given(value=st.floats(allow_nan=False, allow_infinity=False), before=st.sampled_from(["", "-", "2 * ", "x = "]))
def test_a_number_written_is_the_number_read(value: float, before: str) -> None:
    code = f"{before}1.5"
    span = Places(code).number(_numbers(code)[-1])
    assert span is not None
    written = with_numbers(code, {span: value})
    assert only_numbers_differ(code, written)
    assert value_of(_numbers(written)[-1]) == value


def test_named_numbers_are_those_that_stand_alone_behind_a_name() -> None:
    tree = parsed("a = 1\nb: float = -2.5\nc = d = 3\ne = 2 * 4\nf += 5\ng = True\n")
    assert tree is not None
    assert [(name, value_of(node)) for name, node in named_numbers(tree)] == [("a", 1), ("b", -2.5)]


def test_pieces_are_put_in_from_left_to_right_whatever_their_order() -> None:
    assert edited("abcdef", {(4, 5): "E!", (0, 2): ""}) == "cdE!f"


def test_fitted_numbers_have_three_digits() -> None:
    assert [rounded(v) for v in (1234.5, -0.012345, 2.0, 1e-9)] == [1230.0, -0.0123, 2.0, 1e-09]


@pytest.mark.parametrize("other", ["a = 2.0 * y", "a = 2.0 + x", "a = x", "b = 2.0 * x", "a = (", "a = '2' * x"])
def test_programs_that_differ_in_more_than_numbers_are_told_apart(other: str) -> None:
    assert only_numbers_differ("a = 1.0 * x  # so", "a = -2 * x  # or so")
    assert not only_numbers_differ("a = 1.0 * x", other)


FORMULAS = """import torch


def helper(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    inner = x + 1
    return inner / by


def compute_reward(x: torch.Tensor, y: torch.Tensor):
    temperature = 0.5
    near = torch.exp(  # the nearer the better
        -x / temperature
    )
    parts = {"near": near, "low": -0.1 * y}
    total = near + parts["low"]
    return total, parts
"""


def test_formulas_are_the_reward_function_s_own_but_for_the_total_then_those_of_its_helpers() -> None:
    near = "near = torch.exp(-x / temperature)"
    helper = ["inner = x + 1", "helper(x, by=2.0) = inner / by"]
    assert formulas(FORMULAS) == ["temperature = 0.5", near, "'low': -0.1 * y", *helper]
    assert formulas(FORMULAS, numbers=False) == [near, "'low': -0.1 * y", *helper]


@pytest.mark.parametrize("code", ["", "no Python (", "x = 1", "def compute_reward(a):\n    b = " + "-" * 2000 + "a"])
def test_code_that_cannot_be_read_has_no_formulas(code: str) -> None:
    assert formulas(code) == []


def test_code_with_a_number_that_no_float_holds_is_not_read() -> None:
    code = "def compute_reward(a):\n    b = {}\n    return a, {{'c': a * ({} % 7)}}"
    for number in ("0x" + "f" * 4000, str(10**400)):
        assert parsed(code.format(number, 1)) is None
        assert formulas(code.format(1, number)) == []
    assert parsed(code.format(10**300, 1)) is not None


def test_an_f_string_that_python_cannot_write_gives_no_formulas() -> None:
    assert formulas("def compute_reward(a):\n    b = f'''{'\a'}'''\n    return a, {}") == []
