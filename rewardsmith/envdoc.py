"""What a Gymnasium environment's own documentation says of its actions and observations.

Only those two sections leave this module: the others tell how the environment's own reward is computed, which no
proposer may read. Environments that Gymnasium does not carry say nothing.
"""

from __future__ import annotations

import importlib
import inspect
import re

from rewardsmith.quoting import cleaned
from rewardsmith.types import EnvSpec

LIMIT = 8_000
SHOWN = ("Action Space", "Observation Space")


def observation_doc(env: EnvSpec) -> str:
    """The sections on action and observation space of the registered environment `env.id`, or an empty string."""
    found = sections(docstring(env.id))
    return cleaned("\n\n".join(f"## {title}\n\n{found[title]}" for title in SHOWN if title in found), limit=LIMIT)


def sections(doc: str) -> dict[str, str]:
    """The `## ` sections of a docstring by title, figures left out."""
    plain = re.sub(r"```\{figure\}.*?```", "", inspect.cleandoc(doc), flags=re.DOTALL)
    parts = re.split(r"^## +(.+?) *$", plain, flags=re.MULTILINE)
    return {
        title: re.sub(r"\n{3,}", "\n\n", body.strip()) for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def docstring(env_id: str) -> str:
    """What the class or function behind a registered id says of itself, or an empty string.

    `module:Name-v0`, as Gymnasium spells an id that a module registers, is looked up by what stands after the colon.
    """
    import gymnasium

    spec = gymnasium.registry.get(env_id.rpartition(":")[2])
    entry = spec.entry_point if spec else None
    if not isinstance(entry, str):
        return (entry.__doc__ or "") if entry else ""
    module, _, name = entry.partition(":")
    try:
        return getattr(importlib.import_module(module), name).__doc__ or ""
    except (ImportError, gymnasium.error.Error):  # known to Gymnasium, but run by another backend, so not installed
        return ""
