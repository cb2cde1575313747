"""What can go wrong, as a tree. A candidate's fault is a `types.Rejected`, never an exception.

RewardsmithError            one clear message that says what to do next; the shell prints it without a traceback
|- ConfigError              a file or setting of the person's is wrong          exit 2
|- UsageError               a command's words are wrong                          exit 2
|- RunError                 a run folder cannot be used as asked                 exit 3
|  |- RunLocked             another process holds the run
|  |- DiskFull              there is no room to write; the run is saved            exit 8
|- ProposerError            the model cannot be reached, or refuses our key      exit 4
|- LimitReached             a limit the person set was reached; the run is saved exit 5
|- SandboxUnavailable       generated code cannot be locked in on this machine   exit 6
|- CannotRender             nothing here can draw a picture or make a video     exit 6
|- FarmError                the machines of a cluster cannot be used              exit 7
|- CannotCompile (graph.py) torch cannot make machine code of a reward here      exit 1
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class RewardsmithError(Exception):
    """Base of every error meant for the person at the shell."""

    exit_code = 1


class ConfigError(RewardsmithError):
    """A file or a setting is wrong; the message names file, line, what came and what is known."""

    exit_code = 2


class UsageError(RewardsmithError):
    """A command was given words that do not fit."""

    exit_code = 2


class RunError(RewardsmithError):
    """A run folder is missing, unreadable, or not what was asked for."""

    exit_code = 3


class RunLocked(RunError):
    """Another process is working on the run; the message names it."""


class DiskFull(RunError):
    """There is no room left to write; what was recorded before is kept, and the run can be resumed."""

    exit_code = 8


class ProposerError(RewardsmithError):
    """No reply can be had from the model; the message says whether it is the key, the name or the network."""

    exit_code = 4


class LimitReached(RewardsmithError):
    """A limit the person set was reached; everything so far is saved."""

    exit_code = 5


class SandboxUnavailable(RewardsmithError):
    """This machine cannot lock generated code in, so none is run."""

    exit_code = 6


class CannotRender(RewardsmithError):
    """No picture can be drawn, or no video made of it, on this machine; the message says what to install."""

    exit_code = 6


class FarmError(RewardsmithError):
    """Training on other machines cannot be had or broke down there; the message says where to look."""

    exit_code = 7


def no_room(error: OSError) -> bool:
    """Whether a write failed because nothing more fits: the disk, a quota, or the largest file allowed."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known word, or an empty string.

    >>> did_you_mean("simulater", ["simulator", "goal"])
    " Did you mean 'simulator'?"
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
