"""Tests of `sandbox.seccomp`: the filter is run here as the kernel runs it, for both machines it is written for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.sandbox import seccomp
from rewardsmith.sandbox.seccomp import ALLOW, FAIL, KILL, Machine

ROOT = Path(__file__).parents[2]
ARCH: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES: tuple[Machine, ...] = ("x86_64", "aarch64")
PROGRAMS = {machine: seccomp.program(machine) for machine in MACHINES}
RULES = {machine: {rule.name: rule for rule in seccomp.rules(machine)} for machine in MACHINES}


def _decide(machine: Machine, number: int, *args: int, arch: int | None = None) -> int:
    """What the program returns for a system call: a small interpreter of classic BPF."""
    words = {0: number, 4: ARCH[machine] if arch is None else arch}
    for i, arg in enumerate((*args, *[0] * (6 - len(args)))):
        words[16 + 8 * i], words[20 + 8 * i] = arg & 0xFFFFFFFF, arg >> 32 & 0xFFFFFFFF
    program, at, accumulator = PROGRAMS[machine], 0, 0
    while True:
        code, then, otherwise, value = program[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            accumulator = words[value]
            continue
        holds = {
            0x15: accumulator == value,
            0x35: accumulator >= value,
            0x25: accumulator > value,
            0x45: bool(accumulator & value),
        }[code]
        at += then if holds else otherwise


def _number(machine: Machine, name: str) -> int:
    return RULES[machine][name].number


@pytest.mark.parametrize("machine", MACHINES)
def test_every_rule_is_kept(machine: Machine) -> None:
    wanted = {"allow": ALLOW, "kill": KILL}
    for rule in seccomp.rules(machine):
        if rule.call != "check":
            assert _decide(machine, rule.number) == wanted[rule.call], rule


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 0x3FFFFFFF), args=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_what_has_no_rule_fails(machine: Machine, number: int, args: list[int]) -> None:
    known = {rule.number for rule in seccomp.rules(machine)}
    if number not in known:
        assert _decide(machine, number, *args) == FAIL


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 0xFFFFFFFF), arch=st.integers(0, 0xFFFFFFFF))
def test_calls_of_another_machine_kill(machine: Machine, number: int, arch: int) -> None:
    if arch != ARCH[machine]:
        assert _decide(machine, number, arch=arch) == KILL


@given(number=st.integers(0x40000000, 0xFFFFFFFF))
def test_calls_of_the_x32_variant_kill(number: int) -> None:
    assert _decide("x86_64", number) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["mmap", "mprotect"])
def test_memory_never_becomes_executable(machine: Machine, name: str) -> None:
    number = _number(machine, name)
    assert _decide(machine, number, 0, 4096, 3) == ALLOW
    for prot in (4, 5, 6, 7, 4 | 0x10000000):
        assert _decide(machine, number, 0, 4096, prot) == FAIL


@pytest.mark.parametrize("machine", MACHINES)
def test_only_the_answer_and_the_standard_descriptors_are_written_to(machine: Machine) -> None:
    number = _number(machine, "write")
    assert [_decide(machine, number, fd) for fd in range(4)] == [ALLOW] * 4
    assert {_decide(machine, number, fd) for fd in (4, 5, 31, 2**32 - 1, 2**31)} == {FAIL}


@pytest.mark.parametrize("machine", MACHINES)
def test_no_call_stands_twice_and_the_program_fits_the_kernel(machine: Machine) -> None:
    numbers = [rule.number for rule in seccomp.rules(machine)]
    assert len(set(numbers)) == len(numbers)
    assert len(PROGRAMS[machine]) <= 4096


@pytest.mark.skipif(
    not Path("/usr/include/asm-generic/unistd.h").exists(), reason="needs the kernel's headers (linux-libc-dev)"
)
def test_numbers_are_those_of_the_kernels_headers() -> None:
    found = _defined(Path("/usr/include/asm-generic/unistd.h"))
    assert {n: r.number for n, r in RULES["aarch64"].items()} == {n: found[n] for n in RULES["aarch64"]}


def _defined(header: Path) -> dict[str, int]:
    lines = [
        line.split() for line in header.read_text(encoding="utf-8").splitlines() if line.startswith("#define __NR")
    ]
    pairs = [(name.replace("3264_", "_").removeprefix("__NR_"), number) for _, name, number, *_ in lines]
    return {name.removeprefix("__NR"): int(number) for name, number in pairs if number.isdigit()}


SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import os, socket
from rewardsmith.sandbox import kernel, seccomp
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
seccomp.install()
try:
    os.stat("/")
except PermissionError:
    os.write(1, b"refused ")
os.write(1, b"alive ")
socket.socket()
os.write(1, b"escaped")
"""


@pytest.mark.skipif(sys.platform != "linux" or not seccomp.machine(), reason="needs Linux on x86-64 or aarch64")
def test_the_kernel_takes_the_filter_and_keeps_to_it() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(ROOT)], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"refused alive ", done.stderr
    assert done.returncode == -31  # SIGSYS
