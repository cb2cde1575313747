"""A model's elements by name, and what is said of a name that it does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rewardsmith.errors import did_you_mean


def named(spec: Any, kind: str) -> dict[str, Any]:
    """The named elements of a kind, e.g. `body`.

    Asking a specification for a name itself finds nothing once an element was deleted from it.
    """
    plural = {"body": "bodies", "equality": "equalities"}.get(kind, f"{kind}s")
    return {element.name: element for element in getattr(spec, plural) if element.name}


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """What is said of a name that the model does not have; what has no name (`""`) is not listed."""
    known = [other for other in known if other]
    listed = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
    return f"the model has no {kind} '{name}'.{did_you_mean(name, known)} Known: {listed or 'none'}."
