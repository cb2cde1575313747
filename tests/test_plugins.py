"""Parts are found by name or dotted path; a wrong name is one error that helps."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rewardsmith import plugins
from rewardsmith.errors import ConfigError

BUILTIN = {"root": "math:sqrt", "power": "math:pow"}


def test_part_is_found_by_its_name_and_by_a_dotted_path() -> None:
    assert plugins.load("function", "root", BUILTIN) is math.sqrt
    assert plugins.load("function", "math:pow", {}) is math.pow


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rot", "Unknown function 'rot'. Did you mean 'root'? Known: power, root; or your own as package.module:Name."),
        ("zzz", "Unknown function 'zzz'. Known: power, root; or your own as package.module:Name."),
        ("", "Unknown function ''. Known: power, root; or your own as package.module:Name."),
        ("math:sqr", "Cannot find the function 'math:sqr': module 'math' has no 'sqr'. Did you mean 'sqrt'?"),
        ("math:", "Cannot find the function 'math:': module 'math' has no ''."),
        (
            "no_such_module:f",
            "Cannot import the function 'no_such_module:f': No module named 'no_such_module'. "
            "Expected package.module:Name, importable from here.",
        ),
        (
            ":f",
            "Cannot import the function ':f': Empty module name. Expected package.module:Name, importable from here.",
        ),
    ],
)
def test_wrong_name_is_one_error_that_says_what_is_known(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        plugins.load("function", name, BUILTIN)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def broken(:\n", r"SyntaxError: invalid syntax \(my_part\.py, line 1\)"),
        ("1 / 0\n", r"ZeroDivisionError at \S+:1: "),
    ],
)
def test_a_module_of_ones_own_that_fails_is_told_with_its_place(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_part.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"Cannot import the function 'my_part:f': {message}"):
        plugins.load("function", "my_part:f", {})


def test_relative_path_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Cannot import the function '\.errors:x'"):
        plugins.load("function", ".errors:x", BUILTIN)
