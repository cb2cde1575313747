"""What a run was made with: package versions, the platform, and the commit of a source checkout.

Versions are read from installed metadata, so nothing heavy is imported.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rewardsmith.environ import public_environment

PACKAGES = ("rewardsmith", "torch", "mujoco", "envpool", "gymnasium", "numpy", "openai", "litellm")


def versions() -> dict[str, str]:
    """Versions by name; a package that is not installed is left out, `commit` stands only for a source checkout."""
    found = installed(PACKAGES)
    found |= {"python": platform.python_version(), "platform": platform.platform()}
    commit = source_commit(Path(__file__).resolve().parent)
    return found | ({"commit": commit} if commit else {})


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions by name; a package that is not installed is left out."""
    return {name: number for name in names if (number := _installed(name))}


def source_commit(package: Path) -> str | None:
    """The commit `package` is checked out at (`-dirty` when changed), or None where it is not a checkout's own.

    A virtual environment inside somebody's repository is not ours: the package must lie at the repository's root.
    """
    root = _git(package, "rev-parse", "--show-toplevel")
    if root is None or Path(root) != package.parent:
        return None
    return _git(package, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(folder: Path, *words: str) -> str | None:
    """What git says, or None: no git, no repository, or no answer within 5 s."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], env=public_environment(), capture_output=True, text=True, timeout=5,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
