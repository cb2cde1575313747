"""`doctor`: what this machine offers, and what a run would make of it. Nothing secret is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

from rewardsmith.commands.options import AsJson

OLLAMA = "http://localhost:11434/api/version"
_RENDER = "import mujoco; m = mujoco.MjModel.from_xml_string('<mujoco/>'); mujoco.Renderer(m, 8, 8).render()"

State = Literal["yes", "no", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is there (`yes`), is not and would help (`no`), or is worth knowing (`note`)."""

    what: str
    state: State
    told: str


def doctor(*, as_json: AsJson = False) -> None:
    """Say what this machine offers: cores, GPU, rendering, keys, sandbox."""
    probes = (_machine, _gpu, _packages, partial(_rendering, "egl"), partial(_rendering, "osmesa"), _models, _sandbox)
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
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown on this system"
    return f"{total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB free"


def _gpu() -> list[Finding]:
    import torch

    if not torch.cuda.is_available():
        return [Finding(what="GPU", state="no", told="none that torch sees; training runs on the CPU")]
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [Finding(what="GPU", state="yes", told=", ".join(names))]


def _packages() -> list[Finding]:
    from rewardsmith.versions import versions

    found = versions()
    told = ", ".join(f"{name} {found[name]}" for name in ("torch", "mujoco", "envpool", "gymnasium") if name in found)
    litellm = f"{found['litellm']}" if "litellm" in found else "not installed (pip install 'rewardsmith[litellm]')"
    return [
        Finding(what="packages", state="note", told=told),
        Finding(what="litellm", state="yes" if "litellm" in found else "no", told=litellm),
    ]


def _rendering(backend: Literal["egl", "osmesa"]) -> list[Finding]:
    """Renders one frame in a process of its own: a driver that is missing may take the process down."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _RENDER],
            env={**os.environ, "MUJOCO_GL": backend},
            capture_output=True,
            timeout=60,
            check=False,
        )
        works = done.returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    told = "renders" if works else "does not render here"
    return [Finding(what=f"rendering, {backend}", state="yes" if works else "no", told=told)]


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


_COVERED = (
    "covers: a process of its own with an empty environment, limits on time, memory and written files, a deadline, "
    "capped output, the end of whatever it starts; only a checked graph of tensor operations leaves it"
)
_NOT_COVERED = (
    "does not cover yet: reading files and opening sockets (no Landlock, no seccomp); see rewardsmith/sandbox"
)


def _sandbox() -> list[Finding]:
    """Traces one harmless reward, to see that the sandbox starts here."""
    from rewardsmith.assemble import make_sandbox
    from rewardsmith.config import EvolveConfig
    from rewardsmith.errors import SandboxUnavailable

    sandbox = make_sandbox(EvolveConfig())
    try:
        [traced] = sandbox.trace(["def compute_reward(x):\n    return x, {}"], signals={"x": ()})
        works, told = isinstance(traced, str), "works" if isinstance(traced, str) else f"refuses: {traced.reason}"
    except SandboxUnavailable as error:
        works, told = False, str(error)
    finally:
        sandbox.close()
    return [
        Finding(what="sandbox", state="yes" if works else "no", told=f"{sandbox.name}: {told}"),
        Finding(what="", state="note", told=_COVERED),
        Finding(what="", state="note", told=_NOT_COVERED),
    ]
