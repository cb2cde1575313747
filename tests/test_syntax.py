"""Tests of `syntax`: texts to trees, from any number of threads."""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rewardsmith import syntax

PACKAGE = Path(syntax.__file__).parent


class Litter:
    """What runs Python when it is collected, which may be in the midst of a parse: there threads change places."""

    def __del__(self) -> None:
        sum(range(100))

    @classmethod
    def drop(cls) -> None:
        for _ in range(200):
            one = cls()
            vars(one)["itself"] = one


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places, and garbage is collected, as often as can be."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("restless")
def test_threads_that_parse_at_once_all_get_their_trees() -> None:
    text = " + ".join(f"obs[{i}]" for i in range(60))
    want = ast.dump(ast.parse(text, mode="eval").body)

    def right(_: int) -> bool:
        Litter.drop()
        return ast.dump(syntax.expression(text)) == want

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(400)))


def test_a_file_is_read_without_warnings_about_what_it_holds() -> None:
    assert isinstance(syntax.module('"\\d"\nx = 1 is 1\n').body[0], ast.Expr)


@pytest.mark.parametrize("text", ["1 +", "x = 1", ""])
def test_what_is_no_expression_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        syntax.expression(text)


def test_nobody_else_in_the_package_parses_python() -> None:
    files = [f for f in PACKAGE.rglob("*.py") if re.search(r"\bast\.parse\(", f.read_text(encoding="utf-8"))]
    assert [f.name for f in files] == ["syntax.py"]
