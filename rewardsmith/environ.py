"""Which of this process's environment variables are secrets, and the environment without them for other processes."""

from __future__ import annotations

import os

_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS")


def is_secret(name: str) -> bool:
    """Whether the variable of that name holds a secret, as far as names tell."""
    return name.upper().endswith(_ENDINGS)


def public_environment() -> dict[str, str]:
    """This process's environment without its secrets: what a program that we start is given."""
    return {name: value for name, value in os.environ.items() if not is_secret(name)}
