"""`doctor`: what this machine offers, and what a run would make of it. Nothing secret is printed."""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rewardsmith import opengl
from rewardsmith.commands.options import AsJson

if TYPE_CHECKING:
    from rewardsmith.sandbox import ProcessSandbox

OLLAMA = "http://localhost:11434/api/version"
NAMES: dict[opengl.Kind, str] = {"egl": "EGL", "osmesa": "OSMesa", "envpool": "EnvPool"}

State = Literal["yes", "no", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is there (`yes`), is not and would help (`no`), or is worth knowing (`note`)."""

    what: str
    state: State
    told: str


def doctor(*, as_json: AsJson = False) -> None:
    """Say what this machine offers: cores, GPU, rendering, keys, sandbox."""
    drawing = [partial(_rendering, kind) for kind in NAMES]
    probes = (_machine, _gpu, _packages, *drawing, _video, _models, _sandbox)
    with ThreadPoolExecutor(len(probes)) as pool:  # most of them wait for other processes
        findings = [finding for found in pool.map(_call, probes) for finding in found]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    for finding in findings:
        print(f"{finding.what:22}{finding.told}")


def _call(probe: Callable[[], list[Finding]]) -> list[Finding]:
    return probe()


def _machine() -> list[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [
        Finding(what="python", state="note", told=f"{sys.version.split()[0]} on {sys.platform}"),
        Finding(what="cores", state="note", told=f"{usable} usable of {os.cpu_count()}"),
        Finding(what="memory", state="note", told=_memory()),
    ]


def _memory() -> str:
    from rewardsmith import memory

    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown on this system"
    free = memory.free_mib()
    left = "what is free is not said on this system" if free is None else f"{free / 1024:.1f} GiB for programs to take"
    return f"{total / 2**30:.1f} GiB, {left}"


def _gpu() -> list[Finding]:
    import torch

    if not torch.cuda.is_available():
        return [Finding(what="GPU", state="no", told="none that torch sees; training runs on the CPU")]
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [Finding(what="GPU", state="yes", told=", ".join(names)), _warp()]


def _warp() -> Finding:
    """Whether physics can run on the GPU that torch sees."""
    from rewardsmith.sim.mjcf.warp import without_gpu

    try:
        without = without_gpu()
    except ImportError:
        without = "needs pip install 'rewardsmith[gpu]'"
    told = "sees it: tasks of the backend mjcf may say device: cuda" if without is None else without
    return Finding(what="MuJoCo Warp", state="yes" if without is None else "no", told=told)


def _packages() -> list[Finding]:
    from rewardsmith.versions import versions

    found = versions()
    told = ", ".join(f"{name} {found[name]}" for name in ("torch", "mujoco", "envpool", "gymnasium") if name in found)
    litellm = f"{found['litellm']}" if "litellm" in found else "not installed (pip install 'rewardsmith[litellm]')"
    return [
        Finding(what="packages", state="note", told=told),
        Finding(what="litellm", state="yes" if "litellm" in found else "no", told=litellm),
    ]


def _rendering(kind: opengl.Kind) -> list[Finding]:
    """Whether one kind of OpenGL draws a picture here, without a display."""
    found = opengl.tried(kind)
    told = "draws" if found.works else f"does not draw here ({found.why}); {found.remedy}"
    return [Finding(what=f"rendering, {NAMES[kind]}", state="yes" if found.works else "no", told=told)]


def _video() -> list[Finding]:
    from rewardsmith.render import browser, video

    mp4, seen = video.default_suffix() == ".mp4", not browser.lacking()
    told = f"mp4, by PyAV {version('av')}" if mp4 else "WebP alone; pip install 'rewardsmith[render]' for mp4"
    view = f"by viser {version('viser')}" if seen else "not installed (pip install 'rewardsmith[view]')"
    return [
        Finding(what="videos", state="yes" if mp4 else "no", told=told),
        Finding(what="browser view", state="yes" if seen else "no", told=view),
    ]


def _models() -> list[Finding]:
    from rewardsmith.propose.llm import keys_found

    keys = keys_found()
    ollama = _ollama()
    return [
        Finding(what="keys found", state="yes" if keys else "no", told=", ".join(keys) or "none (offline needs none)"),
        Finding(what="local Ollama", state="yes" if ollama else "no", told=ollama or "not reachable"),
    ]


def _ollama() -> str:
    try:
        with urllib.request.urlopen(OLLAMA, timeout=1.0) as answer:
            return f"version {json.load(answer)['version']}"
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError):
        return ""


def _sandbox() -> list[Finding]:
    """The layers that hold here, and how each of our own attempts to break out of them ends."""
    from rewardsmith.config import VerifySettings
    from rewardsmith.errors import SandboxUnavailable
    from rewardsmith.sandbox import ProcessSandbox

    with ProcessSandbox(VerifySettings(timeout_s=2.0)) as sandbox:
        try:
            layers = sandbox.layers()
        except SandboxUnavailable as error:
            return [Finding(what="sandbox", state="no", told=str(error))]
        return [
            Finding(what="sandbox", state="yes", told="generated code is locked in, by:"),
            *(Finding(what="sandbox layer", state="yes", told=f"{name}: {word}") for name, word in layers.items()),
            *_attacks(sandbox),
        ]


def _attacks(sandbox: ProcessSandbox) -> list[Finding]:
    """Every attack on a folder, a listener and a process of our own, and whether it left a trace."""
    from rewardsmith.sandbox.attacks import ATTACKS

    with tempfile.TemporaryDirectory() as folder, _listeners() as (port, heard):
        secret = Path(folder, "secret")
        secret.write_text("secret", encoding="ascii")
        for path, mode in ((Path(folder), 0o777), (secret, 0o666)):  # whoever the worker is, only the sandbox stops it
            path.chmod(mode)
        target: dict[str, str | int] = {"folder": folder, "port": port, "pid": os.getpid()}
        findings = [_attack(attack.about, sandbox.attack(name, target)) for name, attack in ATTACKS.items()]
        traces = [*(p.name for p in Path(folder).iterdir() if p.name != "secret"), *heard()]
        intact = secret.exists() and stat.S_IMODE(secret.stat().st_mode) == 0o666 and not traces
    word = "none of them left a trace" if intact else f"they left traces: {', '.join(traces) or 'a changed file'}"
    held = intact and all(finding.state == "yes" for finding in findings)
    told = f"{len(findings)} tried; {word}"
    return [*findings, Finding(what="sandbox attacks", state="yes" if held else "no", told=told)]


def _attack(about: str, outcome: str) -> Finding:
    return Finding(what="sandbox attack", state="no" if outcome == "succeeded" else "yes", told=f"{about}: {outcome}")


@contextmanager
def _listeners() -> Iterator[tuple[int, Callable[[], list[str]]]]:
    """A TCP and a UDP listener on one port of loopback, and what has reached them."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))

        def heard() -> list[str]:
            ready = select.select([tcp, udp], [], [], 0.1)[0]
            return [name for line, name in ((tcp, "a connection"), (udp, "a packet")) if line in ready]

        yield port, heard
