"""Which files a generation, a reference and the best candidate leave in a run's folder.

A `Shelf` gathers contents first and writes them afterwards, so that nothing is touched where the ledger would refuse.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from rewardsmith.store import artefacts, episodes, pages
from rewardsmith.store.codec import Json, Keepers, PolicyFile, TrajectoriesFile, encode
from rewardsmith.store.start import Start
from rewardsmith.types import Attempt, Generation, Judged, Policy, ReferenceResult, Trained, Trajectory


class Shelf:
    """Contents by path, relative to the run's folder, to be written together."""

    def __init__(self, folder: Path, *, files: Mapping[str, bytes] | None = None) -> None:
        self._folder = folder
        self._files = dict(files or {})

    @property
    def files(self) -> Mapping[str, bytes]:
        """What is to be written."""
        return self._files

    def write(self) -> dict[str, str]:
        """Write everything; returns the sha256 of each file. Raises: RunError: the disk is full."""
        return {file: artefacts.write(self._folder / file, content) for file, content in self._files.items()}

    def add_generation(self, generation: Generation, *, earlier: Sequence[Generation], start: Start) -> Json:
        """Shelve what `generation` leaves; returns it as JSON that names the policies' files."""
        written = candidate_pages([generation], start, among=(*earlier, generation))
        for attempt in generation.attempts:
            self._files[f"candidates/{attempt.id}.py"] = written[attempt.id]
            self._add_curves(attempt.id, trained_of(attempt))
            self._add_asked(attempt.id)
        value = cast("dict[str, Json]", encode(dataclasses.replace(generation, attempts=())))
        return value | {"attempts": [encode(a, keep=self._keep(a.id)) for a in generation.attempts]}

    def add_reference(self, result: ReferenceResult) -> Json:
        """Shelve what a reference leaves; returns it as JSON that names the policy's file."""
        name = f"reference-{result.name}"
        self._add_curves(name, result.outcome.trained if isinstance(result.outcome, Judged) else None)
        return encode(result, keep=self._keep(name))

    def add_trajectories(self, trajectories: Sequence[Trajectory]) -> Json:
        """Shelve the episodes a run begins with; returns JSON that names their file."""
        return encode(tuple(trajectories), keep=self._keep("start"))

    def _keep(self, name: str) -> Keepers:
        """Who takes the policies and trajectories of what is called `name`."""
        return Keepers(policy=partial(self._keep_policy, name), trajectories=partial(self._keep_trajectories, name))

    def _keep_policy(self, name: str, policy: Policy, where: str) -> PolicyFile:
        """The last policy has the name alone, one kept on the way says so."""
        file = f"policies/{name}{'.peak' if where.endswith('.peak.policy') else ''}.safetensors"
        return PolicyFile(file=file, sha256=self._add(file, artefacts.tensors_to_bytes(policy.tensors)))

    def _keep_trajectories(self, name: str, trajectories: Sequence[Trajectory]) -> TrajectoriesFile:
        file = f"trajectories/{name}.safetensors"
        sha256 = self._add(file, episodes.to_bytes(trajectories))
        return TrajectoriesFile(file=file, sha256=sha256, count=len(trajectories))

    def _add(self, file: str, content: bytes) -> str:
        self._files[file] = content
        return artefacts.sha256(content)

    def _add_curves(self, name: str, trained: Trained | None) -> None:
        if trained is not None:
            self._files[f"curves/{name}.csv"] = artefacts.to_bytes(pages.curves_page(trained.curves))

    def _add_asked(self, candidate_id: str) -> None:
        """The candidate's prompts and replies lie there already: here only so that their hashes are recorded."""
        for kind in ("prompts", "replies"):
            for name in (f"{candidate_id}.md", f"{candidate_id}.*.md"):
                for path in (self._folder / kind).glob(name):
                    self._files[f"{kind}/{path.name}"] = path.read_bytes()


def candidate_pages(
    generations: Sequence[Generation], start: Start, *, among: Sequence[Generation]
) -> dict[str, bytes]:
    """The page of every candidate of some generations, by id; their parents are `among` others."""
    known = {a.id: a for g in among for a in g.attempts}
    return {a.id: artefacts.to_bytes(_page(a, g, known, start)) for g in generations for a in g.attempts}


def _page(attempt: Attempt, generation: Generation, known: Mapping[str, Attempt], start: Start) -> str:
    parents = [known[p] for p in attempt.candidate.parents if p in known]
    return pages.candidate_page(
        attempt, task=start.task, method=start.config.method, parents=parents, people=generation.people
    )


def page_name(candidate_id: str, repair: int) -> str:
    """A prompt's or reply's file: `g001-00.md`, its first repair `g001-00.repair1.md`."""
    return f"{candidate_id}.repair{repair}.md" if repair else f"{candidate_id}.md"


def best_files(best: Attempt, page: bytes) -> dict[str, bytes]:
    """What `best/` holds: the reward, whose `page` is written already, its policy and its traced program."""
    assert isinstance(best.outcome, Judged)
    verified = best.outcome.trained.verified
    graph = {} if verified is None else {"best/graph.json": artefacts.to_bytes(verified.graph.to_json())}
    policy = artefacts.tensors_to_bytes(best.outcome.policy.tensors)
    return {"best/reward.py": page, "best/policy.safetensors": policy, **graph}


def trained_of(attempt: Attempt) -> Trained | None:
    """The attempt's training, None where it never got so far."""
    match attempt.outcome:
        case Judged(trained=trained) | (Trained() as trained):
            return trained
        case _:
            return None
