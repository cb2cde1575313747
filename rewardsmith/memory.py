"""How many environments the free memory takes: one of MetaWorld holds 20 to 35 MiB, one of Playground 60 to 90.

Nothing here changes a result: whoever has more to play than there is room for plays it one part after the other.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import SimulatorFactory
from rewardsmith.readings import Readings
from rewardsmith.types import Task

MIB = 2**20
SHARE = 0.8  # of what is free may be taken
AMPLE_MIB = 200.0  # with as much for each environment, none is measured: it is twice what the largest known take
MEASURED = 4  # environments, to know what one takes

_known_mib: dict[str, float | None] = {}


def at_once(parts: int, envs: int, task: Task, simulator: SimulatorFactory, *, besides_mib: float = 0.0) -> int:
    """How many of `parts`, of `envs` environments and `besides_mib` each, may be played side by side; one at least.

    All of them where the system does not say what is free; where it does not say what is held, environments count
    nothing.
    """
    free = free_mib()
    if free is None or fitting(parts, each_mib=envs * AMPLE_MIB + besides_mib, free_mib=free) == parts:
        return parts
    return fitting(parts, each_mib=envs * (env_mib(task, simulator) or 0.0) + besides_mib, free_mib=free)


def fitting(parts: int, *, each_mib: float, free_mib: float) -> int:
    """How many of `parts` fit into the share of what is free that they may take; one at least."""
    return parts if each_mib * parts <= SHARE * free_mib else max(1, int(SHARE * free_mib / each_mib))


def env_mib(task: Task, simulator: SimulatorFactory) -> float | None:
    """What one environment of the task holds of this machine's memory, measured once a process, or None."""
    world = repr(replace(task.env, disturbance=None))
    if world not in _known_mib:
        first = _held_by(1, task, simulator)  # it loads what all of them share
        _known_mib[world] = None if first is None else _held_by(MEASURED, task, simulator)
    return _known_mib[world]


def _held_by(count: int, task: Task, simulator: SimulatorFactory) -> float | None:
    """What each of `count` environments holds, once begun; None where they are on a GPU, or nobody knows."""
    before = _allocated()
    sim = simulator(task, env_seeds=range(count), info_fields=Readings(task).info_fields, threads=1)
    try:
        here = sim.reset().reward.device.type == "cpu"
        after = _allocated()
    finally:
        sim.close()
    return None if before is None or after is None or not here else max(0.0, after - before) / MIB / count


@contextmanager
def gpu_room(candidates: int, envs: int) -> Iterator[None]:
    """Have a GPU without enough memory be told in one line; `envs` are each candidate's.

    Raises: ConfigError: torch or Warp got no more of the GPU's memory.
    """
    try:
        yield
    except RuntimeError as fault:
        if not re.search(r"out of memory|Failed to allocate \d+ bytes on device 'cuda", str(fault)):
            raise
        raise ConfigError(
            f"The GPU has no memory left for {candidates} candidates of {envs} environments each: "
            f"{str(fault).splitlines()[0][:200].rstrip('.')}. Train fewer side by side (train.at_once, also on "
            "`rewardsmith resume`), or with smaller train.num_envs."
        ) from fault


# --- what the system says -------------------------------------------------------------------------------------------


def free_mib(*, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The memory that programs may still take: the machine's, or less where a container or a job has a limit.

    What this process has freed and not given back is given back first. None where the system does not say.
    """
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)
    machine = re.search(r"^MemAvailable:\s+(\d+) kB", _read(proc / "meminfo"), re.MULTILINE)
    if machine is None:
        return None
    return min([int(machine[1]) / 1024, *_left_mib(cgroups, _read(proc / "self" / "cgroup"))])


def _left_mib(cgroups: Path, own: str) -> list[float]:
    """What is left of every limit that holds for this process; file pages that can go count as left."""
    left = []
    for kind in (_V1, _V2):
        mine, top = re.search(kind.line, own, re.MULTILINE), cgroups / kind.top
        folder = top / (mine[1] if mine else "")
        while folder.is_relative_to(top):  # within a container its own path may not be there: then the top is its own
            most, used = (_read(folder / name).strip() for name in (kind.most, kind.used))
            spare = re.search(kind.spare, _read(folder / "memory.stat"), re.MULTILINE)
            if most.isdecimal() and used.isdecimal():
                left.append(max(0, int(most) - int(used) + (int(spare[1]) if spare else 0)) / MIB)
            folder = folder.parent
    return left


@dataclass(frozen=True, kw_only=True, slots=True)
class _Groups:
    """How a version of cgroups tells: a process's group in `/proc/self/cgroup`, and the files of a group, in bytes."""

    top: str
    line: str
    most: str
    used: str
    spare: str


_V1 = _Groups(
    top="memory",
    line=r"^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:/(.*)$",
    most="memory.limit_in_bytes",
    used="memory.usage_in_bytes",
    spare=r"^total_inactive_file (\d+)$",
)
_V2 = _Groups(top="", line=r"^0::/(.*)$", most="memory.max", used="memory.current", spare=r"^inactive_file (\d+)$")


def _read(file: Path) -> str:
    """A file's text, empty where it cannot be read."""
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


_MALLINFO2 = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`, in bytes."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO2)


@cache
def _libc() -> ctypes.CDLL | None:
    """The C library, where it counts what it has given out: glibc from 2.33 on."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2") or not hasattr(libc, "malloc_trim"):
        return None
    libc.mallinfo2.restype = _Mallinfo2
    return libc


def _allocated() -> int | None:
    """Bytes that malloc has given out and not got back, in all threads; the resident size would not sink with them."""
    if (libc := _libc()) is None:
        return None
    told = libc.mallinfo2()
    return int(told.uordblks + told.hblkhd)
