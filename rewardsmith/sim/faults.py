"""Faults of an environment that someone else wrote, in one line: what was being done, what it raised, and where."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rewardsmith.errors import ConfigError, RewardsmithError, no_room

LONGEST: Final = 300
"""So many characters of an error are told."""
INSTALLED: Final = tuple({*map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))})
OURS: Final = str(Path(__file__).parents[1])


@contextmanager
def told(env_id: str, doing: str, *, where: str = "") -> Iterator[None]:
    """Have whatever the environment raises be one error; `doing` is e.g. "be reset"."""
    try:
        yield
    except Exception as fault:
        raise refused(env_id, doing, fault, where=where) from fault


def refused(env_id: str, doing: str, fault: Exception, *, where: str = "") -> RewardsmithError:
    """The error to raise for `fault`: itself where it is one of ours. `where`: the task that asks for it."""
    if isinstance(fault, RewardsmithError):
        return fault
    if isinstance(fault, OSError) and no_room(fault):
        raise fault
    unfit = " What it returns does not fit the spaces that it declares." if _in_gymnasium_batch(fault) else ""
    return ConfigError(f"{f'{where}: ' if where else ''}'{env_id}' cannot {doing}: {kind_and_reason(fault)}{unfit}")


def kind_and_reason(fault: BaseException) -> str:
    """`ValueError: no such joint (/home/me/robot.py:12).`"""
    words, at = said(fault).removesuffix("."), place(fault)
    return f"{words} ({at})." if at else f"{words}."


def said(fault: BaseException) -> str:
    """`ValueError: no such joint`"""
    return f"{type(fault).__name__}: {reason(fault)}".removesuffix(": ")


def reason(fault: BaseException) -> str:
    """The first line of its message that says something, without what Gymnasium adds to it."""
    if isinstance(fault, SyntaxError):
        return str(fault.msg)
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    plain = lines[0].partition(" was raised from the environment creator for ")[0] if lines else ""
    return plain[:LONGEST]


def place(fault: BaseException) -> str:
    """File and line of the code that someone wrote, be it raised there or in what was called there; else empty."""
    while True:
        if isinstance(fault, SyntaxError) and fault.filename:
            return f"{fault.filename}:{fault.lineno}"
        theirs = [f for f in traceback.extract_tb(fault.__traceback__) if _is_theirs(f.filename)]
        if theirs:
            return f"{theirs[-1].filename}:{theirs[-1].lineno}"
        if fault.__cause__ is None:
            return ""
        fault = fault.__cause__


def _is_theirs(file: str) -> bool:
    return not file.startswith(("<", OURS, *INSTALLED))


def _in_gymnasium_batch(fault: BaseException) -> bool:
    """Whether it came up where Gymnasium joins what the environments of a batch returned."""
    files = [Path(frame.filename).as_posix() for frame in traceback.extract_tb(fault.__traceback__)]
    return not place(fault) and any("gymnasium/vector/utils" in file for file in files)
