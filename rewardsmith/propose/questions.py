"""What else than rewards a model is asked: the same model, patience, limits and reply store, so none is paid for twice.

A question goes out as a request of its own name, such as `g002-01.critic1`: under that name a run keeps prompt and
reply, a recording answers it, and a person's file is waited for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rewardsmith.interfaces import Brief, Proposer, Question, ReplyStore, Request
from rewardsmith.types import Reply, Task


class Questions:
    """An `Ask` through a proposer. Each question has a random stream of its own, whatever else is asked."""

    def __init__(self, proposer: Proposer, *, store: ReplyStore, task: Task, seed: int) -> None:
        self.name = proposer.name
        self._proposer, self._store, self._task, self._seed = proposer, store, task, seed

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order. Raises: ProposerError: none can be had; those that came are kept."""
        return self._proposer.propose([self._request(q) for q in questions], store=self._store)

    def _request(self, asked: Question) -> Request:
        name = f"{asked.about}.{asked.purpose}{asked.index}"
        drawn = hashlib.sha256(f"{self._seed}:{name}".encode()).digest()
        return Request(
            candidate_id=name,
            prompt=asked.prompt,
            brief=Brief(task=self._task),
            index=asked.index,
            seed=int.from_bytes(drawn[:8]) >> 1,
        )
