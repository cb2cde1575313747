"""A person as the way to a model: prompts go out as files, replies come back as files. Works with any chat page.

For each request `<candidate id>.prompt.md` is written into the folder, and `<candidate id>.reply.md` is waited for; a
repair of the same candidate is `<candidate id>.repair1.prompt.md`, and so on. Each prompt carries the hash of its
request, so a stopped run finds its files again days later and takes up the replies that are there. Images that a prompt
shows lie beside it, as `<candidate id>.picture1.png` and so on.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rewardsmith.errors import DiskFull, ProposerError, no_room
from rewardsmith.interfaces import ReplyStore, Request
from rewardsmith.propose.asking import Tell, described, draft_params, from_cache, is_first, request_key, to_stderr
from rewardsmith.types import Image, Reply

_MARK = re.compile(r"<!-- rewardsmith request ([0-9a-f]{64}) -->")


class ManualProposer:
    """Writes all prompts, says which replies it waits for, and takes each up as soon as it is whole.

    A reply is whole when it is not blank and has not changed for `poll_s`. `timeout_s` bounds the wait for the next
    reply; None waits for ever. Ctrl-C leaves all files as they are.
    """

    name = "manual"
    origin: Literal["manual"] = "manual"

    def __init__(
        self, folder: Path, *, tell: Tell = to_stderr, timeout_s: float | None = None, poll_s: float = 0.5
    ) -> None:
        self.folder = folder
        self._tell = tell
        self._timeout_s = timeout_s
        self._poll_s = poll_s

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
        """One reply a request, in order; each is stored as it comes.

        Raises: ProposerError: nothing came in time, or the folder cannot be used; files and stored replies stay.
        """
        keys = [request_key(request, model=self.name, params=draft_params(request)) for request in requests]
        replies = {key: from_cache(reply) for key in keys if (reply := store.get(key)) is not None}
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in replies}
        pages = self._write_prompts(missing)
        for key, page in pages.items():
            store.sent(key, request=described(missing[key], model=self.name, file=page.prompt.name))
        for key, reply in self._arriving(pages):
            store.put(key, reply)
            replies[key] = reply
        return [replies[key] for key in keys]

    def _write_prompts(self, missing: Mapping[str, Request]) -> dict[str, _Page]:
        """Put every prompt into the folder before the first wait, so that a person can do them in one go."""
        pages: dict[str, _Page] = {}
        first_with: dict[str, str] = {}
        for key, request in missing.items():
            pages[key] = page = self._page(request, key)
            twin = first_with.setdefault(request.prompt.sha256, page.stem)
            for path, image in page.pictures(request):
                _write(path, image.content)
            text = _markdown(request, page, key=key, twin="" if twin == page.stem else twin)
            _write(page.prompt, text.encode("utf-8", "replace"))
        return pages

    def _page(self, request: Request, key: str) -> _Page:
        """The pair of files for a request: the ones that carry its hash, or else the first free ones."""
        for stem in _stems(request):
            page = _Page(folder=self.folder, stem=stem)
            holder = _marked(page.prompt)
            if holder in {None, key}:
                return page
        raise ProposerError(
            f"{page.prompt} is there already and asks something else. Give each run a folder of its own "
            "(--model manual:FOLDER), or move the old prompts and replies away."
        )

    def _arriving(self, pages: Mapping[str, _Page]) -> Iterator[tuple[str, Reply]]:
        """Replies as they come, until all are here."""
        waiting, seen = dict(pages), dict.fromkeys(pages, b"")
        started = latest = time.monotonic()
        self._tell_waiting(waiting)
        while waiting:
            for key in list(waiting):
                before, seen[key] = seen[key], _content(waiting[key].reply)
                if seen[key].strip() and seen[key] == before:
                    latest = time.monotonic()
                    page = waiting.pop(key)
                    self._tell(f"{page.reply.name} is in; {len(waiting)} to come.")
                    yield key, _reply(seen[key], seconds=latest - started)
            self._give_up_after(latest, waiting)
            if waiting:
                time.sleep(self._poll_s)

    def _tell_waiting(self, waiting: Mapping[str, _Page]) -> None:
        if waiting:
            pairs = ", ".join(f"{page.prompt.name} -> {page.reply.name}" for page in waiting.values())
            self._tell(
                f"Waiting in {self.folder} for {len(waiting)} of them: give each prompt to a model and save its whole "
                f"answer beside it ({pairs}). Ctrl-C stops the run; resuming it takes up what is there."
            )

    def _give_up_after(self, latest: float, waiting: Mapping[str, _Page]) -> None:
        if waiting and self._timeout_s is not None and time.monotonic() - latest > self._timeout_s:
            names = ", ".join(page.reply.name for page in waiting.values())
            raise ProposerError(
                f"No reply came within {self._timeout_s:g} s; still missing in {self.folder}: {names}. "
                "The prompts stay: save the answers there, then `rewardsmith resume RUN`."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """A prompt's file and its reply's."""

    folder: Path
    stem: str

    @property
    def prompt(self) -> Path:
        return self.folder / f"{self.stem}.prompt.md"

    @property
    def reply(self) -> Path:
        return self.folder / f"{self.stem}.reply.md"

    def pictures(self, request: Request) -> list[tuple[Path, Image]]:
        """The images that the request shows, in order, each with its file."""
        images = (image for message in request.prompt.messages for image in message.images)
        return [(self.folder / f"{self.stem}.picture{i}.png", image) for i, image in enumerate(images, start=1)]


def _stems(request: Request) -> Iterator[str]:
    """The names a request's files may have; a candidate has one first draft and any number of repairs."""
    if is_first(request):
        return iter((request.candidate_id,))
    return (f"{request.candidate_id}.repair{number}" for number in itertools.count(1))


def _marked(prompt: Path) -> str | None:
    """The request a prompt file was written for: its hash, an empty word if it has none, None if there is no file."""
    content = _content(prompt)
    mark = _MARK.match(content.decode("utf-8", "replace"))
    return mark[1] if mark else ("" if content else None)


def _content(path: Path) -> bytes:
    """What a file holds; nothing where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ProposerError(f"{path} cannot be read ({error.strerror}). Allow reading it, then resume.") from error


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that no half prompt is ever copied."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        if no_room(error):
            raise DiskFull(f"The prompt {path} cannot be written ({error.strerror}). Free some space.") from error
        raise ProposerError(
            f"The prompt {path} cannot be written ({error.strerror}). Choose a folder that can be written to: "
            "--model manual:FOLDER."
        ) from error


def _reply(content: bytes, *, seconds: float) -> Reply:
    return Reply(text=content.decode("utf-8-sig", "replace"), finish="stop", model="manual", seconds=seconds)


def _markdown(request: Request, page: _Page, *, key: str, twin: str) -> str:
    """A prompt for a person's eyes: the messages as they stand, then how to answer."""
    same = (
        f"\nThe same words as {twin}.prompt.md: ask them in a new chat, so that the answers differ.\n" if twin else ""
    )
    messages = "\n".join(f"## {message.role}\n\n{message.content.rstrip()}\n" for message in request.prompt.messages)
    named = [f"- `{path.name}`: {image.caption.rstrip(':')}" for path, image in page.pictures(request)]
    pictures = "\n".join(["\n## pictures\n", *named, ""]) if named else ""
    asked = request.prompt.messages
    goes_on = not is_first(request) and len(asked) > 1 and asked[-2].role == "assistant"
    last = "In the chat that wrote the draft above, the last message alone is enough: the others stand there already.\n"
    attach = f"Attach the {len(named)} pictures, in their order.\n" if named else ""
    return f"""\
<!-- rewardsmith request {key} -->
# {page.stem}
{same}
{messages}{pictures}
---

## For you, not for the model

Give the messages above, from `## {request.prompt.messages[0].role}` on, to a model, in one chat and in this order, or
all in one message where a chat page takes only one. Save its whole answer, unchanged, as `{page.reply.name}` in this
folder. It is taken up within a second or so of being saved; nothing else has to be done.
{last if goes_on else ""}{attach}"""
