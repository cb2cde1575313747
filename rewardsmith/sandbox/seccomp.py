"""seccomp: the few system calls tracing needs, and no other.

A classic BPF program, written here instruction by instruction: calls that mean an attack kill the process, those that
honest code may try on the way to an error fail with EPERM, some forty are allowed. Memory can never be made executable,
and only descriptors 0 to 3 can be written to. Reference: Linux, Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from rewardsmith.sandbox import kernel

# Call numbers as name:x86-64:aarch64, where - means that the machine has no such call.
_ALLOWED: Final = """
    read:0:63  close:3:57  munmap:11:215  mremap:25:216  madvise:28:233  brk:12:214  futex:202:98
    rt_sigaction:13:134  rt_sigprocmask:14:135  rt_sigreturn:15:139  sigaltstack:131:132  exit:60:93
    exit_group:231:94  clock_gettime:228:113  clock_getres:229:114  clock_nanosleep:230:115  nanosleep:35:101
    gettimeofday:96:169  getpid:39:172  gettid:186:178  getppid:110:173  getuid:102:174  geteuid:107:175
    getgid:104:176  getegid:108:177  sched_yield:24:124  sched_getaffinity:204:123  getrandom:318:278
    getrusage:98:165  times:100:153  sysinfo:99:179  restart_syscall:219:128  rseq:334:293
    set_robust_list:273:99  membarrier:324:283  getcpu:309:168  getrlimit:97:163  uname:63:160  time:201:-
"""
_CHECKED: Final = """
    write:1:64  mmap:9:222  mprotect:10:226
"""
_KILLED: Final = """
    execve:59:221  execveat:322:281  fork:57:-  vfork:58:-  clone:56:220  clone3:435:435  socket:41:198
    socketpair:53:199  connect:42:203  bind:49:200  listen:50:201  accept:43:202  accept4:288:242  sendto:44:206
    sendmsg:46:211  sendmmsg:307:269  recvfrom:45:207  recvmsg:47:212  ptrace:101:117  process_vm_readv:310:270
    process_vm_writev:311:271  process_madvise:440:440  pidfd_open:434:434  pidfd_getfd:438:438
    pidfd_send_signal:424:424  kill:62:129  rt_sigqueueinfo:129:138  rt_tgsigqueueinfo:297:240
    io_uring_setup:425:425  io_uring_enter:426:426  io_uring_register:427:427  bpf:321:280
    perf_event_open:298:241  userfaultfd:323:282  seccomp:317:277  unshare:272:97  setns:308:268  mount:165:40
    umount2:166:39  pivot_root:155:41  chroot:161:51  mount_setattr:442:442  open_tree:428:428
    move_mount:429:429  fsopen:430:430  init_module:175:105  finit_module:313:273  delete_module:176:106
    kexec_load:246:104  kexec_file_load:320:294  reboot:169:142  add_key:248:217  request_key:249:218
    keyctl:250:219  memfd_create:319:279  memfd_secret:447:447  pkey_mprotect:329:288  modify_ldt:154:-
    iopl:172:-  ioperm:173:-  shmget:29:194  shmat:30:196  shmctl:31:195  semget:64:190  msgget:68:186
    mq_open:240:180  personality:135:92  setuid:105:146  setgid:106:144  setreuid:113:145  setregid:114:143
    setresuid:117:147  setresgid:119:149  setgroups:116:159  capset:126:91
"""

Machine = Literal["x86_64", "aarch64"]
Call = Literal["allow", "check", "kill"]

ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_ALLOW, RET_ERRNO with EPERM, RET_KILL_PROCESS
_AUDIT_ARCH: Final[Mapping[Machine, int]] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_CALLS: Final = 0x40000000  # from here on x86-64 counts the calls of its x32 variant
_PROT_EXEC: Final = 4
_LAST_WRITABLE: Final = 3  # the descriptor the answer goes to
_MODE_FILTER: Final = 2

# Offsets in struct seccomp_data; arguments are 64 bits wide, of which the lower half is read.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

# BPF: load a word; jump if equal, at least, greater, any bit set; return.
_LOAD, _JEQ, _JGE, _JGT, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06


class Instruction(NamedTuple):
    """One BPF instruction: skip `then` or `otherwise` instructions as the jump decides."""

    code: int
    then: int
    otherwise: int
    value: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to a system call."""

    name: str
    number: int
    call: Call


def machine() -> Machine | None:
    """This machine, if a filter is written for it."""
    names: dict[str, Machine] = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
    return names.get(platform.machine())


def rules(of: Machine) -> tuple[Rule, ...]:
    """Every call that has a rule of its own on that machine; all others fail with EPERM."""
    column = 1 if of == "x86_64" else 2
    groups: tuple[tuple[Call, str], ...] = (("allow", _ALLOWED), ("check", _CHECKED), ("kill", _KILLED))
    listed = ((call, entry.split(":")) for call, text in groups for entry in text.split())
    return tuple(Rule(entry[0], int(entry[column]), call) for call, entry in listed if entry[column] != "-")


def program(of: Machine) -> tuple[Instruction, ...]:
    """The filter for that machine."""
    return tuple(_program(of))


def install() -> None:
    """Filter this process's system calls for good. Needs no_new_privs.

    Raises: OSError: the kernel has no seccomp filters, or no filter is written for this machine.
    """
    here = machine()
    if here is None:
        raise OSError(f"no filter of system calls is written for {platform.machine()}")
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program(here))
    held = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(head, len(head)))


def _program(of: Machine) -> Iterator[Instruction]:
    yield Instruction(_LOAD, 0, 0, _ARCH)
    yield from _if(_JEQ, _AUDIT_ARCH[of], otherwise=KILL)
    yield Instruction(_LOAD, 0, 0, _NUMBER)
    if of == "x86_64":
        yield from _if(_JGE, _X32_CALLS, then=KILL)
    for rule in rules(of):
        if rule.call == "check":
            check = tuple(_check(rule.name))
            yield Instruction(_JEQ, 0, len(check), rule.number)
            yield from check
        else:
            yield from _if(_JEQ, rule.number, then=ALLOW if rule.call == "allow" else KILL)
    yield _return(FAIL)


def _check(name: str) -> Iterator[Instruction]:
    """Decide by an argument: where to write, or whether memory may be executed."""
    argument = 0 if name == "write" else 2
    yield Instruction(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    if name == "write":
        yield from _if(_JGT, _LAST_WRITABLE, then=FAIL)
    else:
        yield from _if(_JSET, _PROT_EXEC, then=FAIL)
    yield _return(ALLOW)


def _if(jump: int, value: int, *, then: int | None = None, otherwise: int | None = None) -> Iterator[Instruction]:
    """Return `then` where the jump's condition holds, or `otherwise` where it does not; else go on."""
    if then is not None:
        yield Instruction(jump, 0, 1, value)
        yield _return(then)
    if otherwise is not None:
        yield Instruction(jump, 1, 0, value)
        yield _return(otherwise)


def _return(value: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, value)
