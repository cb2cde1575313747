"""Landlock: no path, no TCP port, no abstract socket and no signal leads out of this process any more.

A ruleset that handles every kind of access the kernel knows, and allows none. It misses what Landlock does not cover
(chmod, stat, UDP, among others): those are seccomp's. Reference: Linux, Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
import struct

from rewardsmith.sandbox import kernel

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same on every machine
_VERSION = 1

# Number of file-system accesses by ABI: 13 at first, then refer (2), truncate (3) and ioctl on devices (5).
_FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_ACCESSES = 16


def abi() -> int:
    """The version of Landlock this kernel enforces; 0 where it has none."""
    try:
        return kernel.syscall(_CREATE_RULESET, 0, 0, _VERSION)
    except OSError:
        return 0


def deny_all() -> None:
    """Forbid everything Landlock can forbid, for good. Needs no_new_privs. Raises: OSError: it is not available."""
    version = abi()
    files = (1 << _FILE_ACCESSES.get(version, _NEWEST_FILE_ACCESSES)) - 1
    network = 0b11 if version >= 4 else 0  # bind and connect over TCP
    scopes = 0b11 if version >= 6 else 0  # abstract sockets, signals
    fields = [files, network, scopes][: 1 if version < 4 else 2 if version < 6 else 3]
    rules = ctypes.create_string_buffer(struct.pack(f"={len(fields)}Q", *fields), 8 * len(fields))
    ruleset = kernel.syscall(_CREATE_RULESET, rules, 8 * len(fields), 0)
    try:
        kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
