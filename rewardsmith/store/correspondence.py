"""What a run exchanged with models and with people, as events of its ledger.

A request is recorded before it leaves and its reply when it comes, so none is paid for twice. What a person says is
taken in by exactly one generation, and which one is itself recorded, so that a resumed run hears it at the same point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from rewardsmith.store.codec import Json, decode, decode_human, encode
from rewardsmith.store.ledger import Ledger
from rewardsmith.types import HumanInput, Mark, Note, Preference, Prompt, Reply

if TYPE_CHECKING:
    from rewardsmith.interfaces import Proposer, ReplyStore, Request


class Replies:
    """A `ReplyStore` in the ledger. Replies come back exactly as they were put."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, key: str) -> Reply | None:
        """The reply to the request `key`, or None where it never arrived."""
        event = self._ledger.get(f"reply:{key}")
        return None if event is None else decode(Reply, event.body)

    def sent(self, key: str, *, request: Mapping[str, Any]) -> None:
        """Record that a request is about to leave; once is enough for its retries."""
        self._ledger.append_once(f"sent:{key}", "sent", lambda: encode(request))

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply. Raises: RunError: another reply stands under `key`."""
        self._ledger.append(f"reply:{key}", "reply", encode(reply))

    def all(self) -> tuple[Reply, ...]:
        """Every reply of the run, in order of arrival."""
        return tuple(decode(Reply, event.body) for event in self._ledger.of("reply"))

    def unanswered(self) -> int:
        """How many requests were sent whose reply never arrived; the provider may have charged for them."""
        sent = {event.key.removeprefix("sent:") for event in self._ledger.of("sent")}
        return len(sent - {event.key.removeprefix("reply:") for event in self._ledger.of("reply")})


class People:
    """What persons say of a run, and which generation took it in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def said_before(self, generation: int) -> tuple[HumanInput, ...]:
        """What was said since the generation before was bred: new words only, each taken in once.

        The answer is recorded when it is first asked for, and never changes.
        """
        event = self._ledger.append_once(f"heard:{generation}", "heard", lambda: self._latest(generation))
        return self._between(*_interval(event.body))

    def said_after(self, generations: int) -> tuple[HumanInput, ...]:
        """What was said after the last of so many generations was bred: words that have their say in who wins.

        The answer is recorded, too. Where the run goes on, the next generation takes the same words in.
        """
        event = self._ledger.append_once(f"heard_last:{generations}", "heard_last", lambda: self._latest(generations))
        return self._between(*_interval(event.body))

    def heard_after(self, generations: int) -> tuple[HumanInput, ...]:
        """What `said_after` was told; nothing where it was not asked yet."""
        event = self._ledger.get(f"heard_last:{generations}")
        return () if event is None else self._between(*_interval(event.body))

    def say(self, said: HumanInput) -> None:
        """Record an input under the next number."""
        self._ledger.append_next("people", encode(said))

    def said(self) -> tuple[HumanInput, ...]:
        """All that persons ever said, oldest first."""
        return self._between(0, None)

    def unheard(self) -> tuple[HumanInput, ...]:
        """What no generation has taken in yet."""
        return self._between(self._heard_up_to(), None)

    def _latest(self, generation: int) -> Json:
        people = self._ledger.of("people")
        since = self._heard_up_to()
        return {"generation": generation, "since": since, "up_to": people[-1].seq if people else since}

    def _heard_up_to(self) -> int:
        return max((_interval(event.body)[1] for event in self._ledger.of("heard")), default=0)

    def _between(self, since: int, up_to: int | None) -> tuple[HumanInput, ...]:
        events = self._ledger.of("people")
        return tuple(decode_human(e.body) for e in events if since < e.seq and (up_to is None or e.seq <= up_to))


def about(said: HumanInput) -> tuple[str, ...]:
    """The candidates an input is about."""
    match said:
        case Preference():
            return (said.first, said.second)
        case Note(on=""):
            return ()
        case Note() | Mark():
            return (said.on,)


def _interval(body: Json) -> tuple[int, int]:
    given = cast("dict[str, int]", body)
    return given["since"], given["up_to"]


class Recorded:
    """A proposer every prompt and reply of which is also written down, prompts before they leave.

    `prompt` and `reply` take the candidate's id, what to write, and `Request.repair`; `before` is called first of all
    and may refuse, so that nothing is asked for that could not be kept.
    """

    def __init__(
        self,
        proposer: Proposer,
        *,
        before: Callable[[], None],
        prompt: Callable[[str, Prompt, int], None],
        reply: Callable[[str, Reply, int], None],
    ) -> None:
        self._proposer, self._before, self._prompt, self._reply = proposer, before, prompt, reply
        self.name = proposer.name
        self.origin: Literal["llm", "offline", "manual", "replay"] = proposer.origin

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
        """What the proposer answers, in order."""
        self._before()
        for request in requests:
            self._prompt(request.candidate_id, request.prompt, request.repair)
        replies = self._proposer.propose(requests, store=store)
        for request, reply in zip(requests, replies, strict=True):
            self._reply(request.candidate_id, reply, request.repair)
        return replies
