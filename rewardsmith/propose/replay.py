"""Recorded replies as proposer: to repeat a run for nothing, to test, or to try replies that came some other way.

A recording is a JSON-lines file of `{"candidate": id, "repair": n, "text": ...}`, or a folder of Markdown files as a
run (`replies/<id>.md`) or `manual` (`<id>.reply.md`) leaves them, repairs being `<id>.repair1.md` and so on. How a
reply ended, where not by itself, stands beside it in `<id>.finish`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import ReplyStore, Request
from rewardsmith.propose.asking import described, draft_params, from_cache, is_first, request_key
from rewardsmith.types import Reply

_FILE = re.compile(r"(?P<candidate>.+?)(?:\.repair(?P<repair>\d+))?(?P<reply>\.reply)?\.md")

_Slot = tuple[str, int]
"""A candidate and which of its drafts: 0 the first, n the n-th repair."""


class Recorded(BaseModel):
    """One line of a recording. Only `candidate` and `text` must be there."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    candidate: str = Field(min_length=1)
    text: str
    repair: int = Field(0, ge=0)
    finish: str = "stop"
    model: str = "replay"
    tokens_in: int = Field(0, ge=0)
    tokens_out: int = Field(0, ge=0)
    cost_usd: float = Field(0.0, ge=0.0)

    def reply(self) -> Reply:
        """The reply as it was recorded."""
        return Reply(**self.model_dump(exclude={"candidate", "repair"}))


class ReplayProposer:
    """Answers each request with what was recorded for its candidate; asks nobody.

    Raises: ProposerError: the recording is missing, empty or cannot be read; the message names file and line.
    """

    name = "replay"
    origin: Literal["replay"] = "replay"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._recorded = _read(path)
        self._drafts: dict[str, list[str]] = {}

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
        """One reply a request, in order.

        Raises: ProposerError: nothing is recorded for a candidate, or fewer repairs than are asked for.
        """
        return [self._reply(request, store) for request in requests]

    def _reply(self, request: Request, store: ReplyStore) -> Reply:
        key = request_key(request, model=self.name, params=draft_params(request))
        repair = self._repair(request, key)
        stored = store.get(key)
        if stored is not None:
            return from_cache(stored)
        store.sent(key, request=described(request, model=self.name, repair=repair))
        reply = self._lookup(request.candidate_id, repair)
        store.put(key, reply)
        return reply

    def _repair(self, request: Request, key: str) -> int:
        """Which draft is asked for: the first, or the n-th repair in the order they are asked for."""
        if is_first(request):
            return 0
        drafts = self._drafts.setdefault(request.candidate_id, [])
        if key not in drafts:
            drafts.append(key)
        return drafts.index(key) + 1

    def _lookup(self, candidate: str, repair: int) -> Reply:
        found = self._recorded.get((candidate, repair))
        if found is not None:
            return found.reply()
        what = f"repair {repair} of {candidate}" if repair else candidate
        known = ", ".join(_shown(slot) for slot in sorted(self._recorded)[:8])
        more = "" if len(self._recorded) <= 8 else f" and {len(self._recorded) - 8} more"
        raise ProposerError(
            f"{self.path} holds no reply for {what}. It holds: {known}{more}. Record it, or ask for no more "
            "generations, offspring and repairs than were recorded."
        )


def _shown(slot: _Slot) -> str:
    candidate, repair = slot
    return f"{candidate} (repair {repair})" if repair else candidate


# --- reading a recording ----------------------------------------------------------------------------------------------


def _read(path: Path) -> Mapping[_Slot, Recorded]:
    try:
        lines = _from_folder(path) if path.is_dir() else _from_file(path)
        recorded = {(line.candidate, line.repair): line for line in lines}
    except OSError as error:
        raise ProposerError(f"The recording {path} cannot be read ({error.strerror}). {_EXPECTED}") from error
    if not recorded:
        raise ProposerError(f"The recording {path} holds no replies. {_EXPECTED}")
    return recorded


_EXPECTED = (
    'Expected after replay: is a JSON-lines file of {"candidate": "g001-00", "repair": 0, "text": "..."}, a folder of '
    "<candidate>.reply.md, or the replies/ folder of a run."
)


def _from_folder(folder: Path) -> Iterator[Recorded]:
    """Replies from a folder, or from a run's `replies/` or `manual/`; prompts that lie there are passed over."""
    inner = next((folder / name for name in ("replies", "manual") if (folder / name).is_dir()), folder)
    names = {path: _FILE.fullmatch(path.name) for path in sorted(inner.glob("*.md"))}
    files = {path: name for path, name in names.items() if name and not name["candidate"].endswith(".prompt")}
    marked = {path: name for path, name in files.items() if name["reply"]}
    for path, name in (marked or files).items():
        text = path.read_bytes().decode("utf-8-sig", "replace")
        ended = path.with_suffix(".finish")
        finish = ended.read_text(encoding="utf-8", errors="replace") if ended.is_file() else "stop"
        yield Recorded(candidate=name["candidate"], repair=int(name["repair"] or 0), text=text, finish=finish)


def _from_file(path: Path) -> Iterator[Recorded]:
    lines = path.read_bytes().decode("utf-8-sig", "replace").split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _from_line(line, where=f"{path}:{number}")


def _from_line(line: str, *, where: str) -> Recorded:
    try:
        return Recorded.model_validate_json(line)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise ProposerError(f"{where}: {f'{field!r}: ' if field else ''}{problem['msg']}. {_EXPECTED}") from error
