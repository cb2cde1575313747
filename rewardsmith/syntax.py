"""Python text to its syntax tree, for whoever reads code without running it.

Every parse goes through here, because only one may be under way: before Python 3.11.8 two threads that parse at once
disturb one another (`SystemError: AST constructor recursion depth mismatch`, CPython issue 106905), and silencing
warnings is of the whole process.
"""

from __future__ import annotations

import ast
import threading
import warnings
from typing import Literal

_ONE_AT_A_TIME = threading.Lock()


def module(code: str) -> ast.Module:
    """The tree of a file's text, without warnings about what it holds.

    Raises: SyntaxError or ValueError: it is not Python. RecursionError or MemoryError: it is nested too deeply.
    """
    tree = _parsed(code, "exec")
    assert isinstance(tree, ast.Module)
    return tree


def expression(text: str) -> ast.expr:
    """The tree of one expression. Raises: as `module`."""
    tree = _parsed(text, "eval")
    assert isinstance(tree, ast.Expression)
    return tree.body


def _parsed(text: str, mode: Literal["exec", "eval"]) -> ast.AST:
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in strings, comparisons with literals
        return ast.parse(text, mode=mode)
