"""The kernel calls that Python has no function for, through ctypes: `prctl`, `unshare`, Landlock's, `capset`.

Only Linux has them; what each is for is said where it is called.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 36, 38, 47
CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x08000000, 0x10000000, 0x40000000

_CAP_VERSION_3 = 0x20080522


def prctl(option: int, value: int = 0, third: int | ctypes.Array[ctypes.c_char] = 0) -> None:
    """`prctl(2)`. Raises: OSError."""
    _checked(_libc().prctl(option, ctypes.c_ulong(value), _argument(third), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def syscall(number: int, *args: int | ctypes.Array[ctypes.c_char]) -> int:
    """Any system call by number, which must be the same on every machine it is used on. Raises: OSError."""
    return _checked(_libc().syscall(ctypes.c_long(number), *map(_argument, args)))


def unshare(flags: int) -> None:
    """Move this process to namespaces of its own. Raises: OSError."""
    _checked(_libc().unshare(ctypes.c_int(flags)))


def drop_capabilities() -> None:
    """Give up every capability, of this process and of whatever it might execute. Raises: OSError."""
    last = int(_read("/proc/sys/kernel/cap_last_cap") or 40)
    for capability in range(last + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except PermissionError:  # without CAP_SETPCAP there is nothing to drop that could be gained again
            break
    header = ctypes.create_string_buffer(struct.pack("=II", _CAP_VERSION_3, 0))
    _checked(_libc().capset(header, ctypes.create_string_buffer(24)))


def effective_capabilities() -> int:
    """The set of capabilities in force, as a bit mask."""
    lines = _read("/proc/self/status").splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _argument(value: int | ctypes.Array[ctypes.c_char]) -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""
