"""What every proposer that asks somebody shares: the key of a request, and a line to the person at the shell.

Nothing here asks, waits or stores.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rewardsmith.types import Message, Reply

if TYPE_CHECKING:
    from rewardsmith.interfaces import Request  # not at run time: it imports torch

Tell = Callable[[str], None]
"""Takes one line for the person: what is waited for, what was left out. Must not raise."""


def to_stderr(line: str) -> None:
    """Print a line for the person."""
    print(line, file=sys.stderr, flush=True)


def request_key(request: Request, *, model: str, params: Mapping[str, int | float | str]) -> str:
    """The sha256, in hex, of all that decides a reply: model, messages with their images, parameters, index.

    Where the model is served is left out: a run that resumes against the same model at another address has its
    replies already. Nothing secret goes in, so a key may be stored and shown.
    """
    messages = [[message.role, message.content, *_pictured(message)] for message in request.prompt.messages]
    asked = {"model": model, "messages": messages, "params": dict(params), "index": request.index}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _pictured(message: Message) -> list[list[list[str]]]:
    """What a message shows, by captions and hashes; nothing where it shows no image."""
    return [[[image.caption, image.sha256] for image in message.images]] if message.images else []


def draft_params(request: Request) -> dict[str, int | str]:
    """What tells a draft from all others, where replies belong to one: two repairs may be asked for in like words."""
    return {"candidate": request.candidate_id, **({"repair": request.repair} if request.repair else {})}


def is_first(request: Request) -> bool:
    """Whether a first draft is asked for, not a repair or a revision of one."""
    return request.brief.rejected is None and not request.brief.findings


def described(request: Request, *, model: str, **more: object) -> dict[str, object]:
    """What a store is told of a request before it leaves, as plain JSON."""
    return {
        "candidate": request.candidate_id,
        "index": request.index,
        "model": model,
        "prompt_sha256": request.prompt.sha256,
        **more,
    }


@dataclass(kw_only=True, slots=True)
class RepliesInMemory:
    """A `ReplyStore` that lives as long as the process: for tests, and for a single proposal outside a run.

    `requests` keeps what was recorded as sent, by key, in order.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    requests: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)

    def get(self, key: str) -> Reply | None:
        """The reply stored under `key`, or None."""
        return self.replies.get(key)

    def sent(self, key: str, *, request: Mapping[str, object]) -> None:
        """Record that a request is about to leave."""
        self.requests.setdefault(key, []).append(dict(request))

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; it was sent for first."""
        assert key in self.requests, f"a reply was stored for {key}, which was never recorded as sent"
        self.replies[key] = reply


def from_cache(reply: Reply) -> Reply:
    """The same reply, marked as not paid for again; its tokens and cost still say what it took at first."""
    return replace(reply, cached=True)
