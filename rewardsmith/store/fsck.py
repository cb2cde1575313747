"""Checks a run's ledger and files, and takes a damaged run back to its last good state. Nothing is ever deleted.

What can be told from the ledger is written anew. What is damaged and nothing needs is set aside. Where an event is lost
that others rest on, or a file without which the run could not go on, it goes back to before that: `rewardsmith resume`
then does the rest again, with the same replies. All that is taken out of a run lies in its `damaged/` afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from rewardsmith.errors import RunError
from rewardsmith.store import artefacts, pages, salvage, taskfiles
from rewardsmith.store.checkpoints import is_sound
from rewardsmith.store.codec import Json, loads
from rewardsmith.store.folders import BACKUP, LEDGER, LOCK, is_file
from rewardsmith.store.known import known_files
from rewardsmith.store.ledger import Ledger, Row, utc_now
from rewardsmith.store.lock import Lock, held_still
from rewardsmith.store.run import Run
from rewardsmith.store.shelf import best_files, candidate_pages, trained_of
from rewardsmith.types import Attempt, Generation, Judged

DAMAGED = "damaged"
BEST_POLICY = "best/policy.safetensors"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something that is not as it was recorded, and what a repair does about it."""

    what: str
    cure: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was looked at and found; `aside` is where a repair has put what it took out.

    `under_way` are things that were begun and have no outcome yet, as in a run that was killed: no fault.
    """

    folder: Path
    events: int
    files: int
    faults: tuple[Fault, ...]
    under_way: tuple[str, ...] = ()
    aside: Path | None = None


def check(folder: Path) -> Report:
    """Look at everything and change nothing.

    Raises: RunLocked: somebody works on the run. RunError: a newer rewardsmith wrote it, or there is no run left in it.
    """
    _must_be_run(folder)
    with held_still(folder / LOCK, since=utc_now()), _examined(folder) as found:
        return found.report()


def repair(folder: Path) -> Report:
    """Do what `check` says. A repair that is killed can be begun again.

    Raises: as `check`. DiskFull.
    """
    _must_be_run(folder)
    with Lock(folder / LOCK, since=utc_now()), _examined(folder) as found:
        if not found.faults:
            return found.report()
        aside = _new_folder(folder / DAMAGED)
        for file in found.moved():
            _move(folder, file, aside)
        found.put_right(aside)
        return found.report(aside)


def _must_be_run(folder: Path) -> None:
    if not any(is_file(folder / name) for name in (LEDGER, BACKUP)):
        raise RunError(f"{folder} holds no run: there is no {LEDGER} in it.")


@contextmanager
def _examined(folder: Path) -> Iterator[_Examined]:
    """The run as what is sound of its ledger tells it, read from a copy."""
    left = salvage.salvage(folder)
    if not any(row.key == "run" for row in left.rows):
        raise RunError(
            f"{folder}: what the run began with is lost from {LEDGER} and from {BACKUP}, so it cannot go on. "
            "`rewardsmith evolve TASK --config config.yaml` begins the same run anew; its files stay."
        )
    with TemporaryDirectory() as temporary:
        copy = Path(temporary) / LEDGER
        salvage.write(copy, left.rows)
        with closing(Ledger(copy)) as ledger:
            yield _Examined(Run(folder, ledger, None), left)


@dataclass(kw_only=True)
class _Plan:
    """What a repair has to do. Generations from `back_to` on are done again, None: all stay."""

    back_to: int | None = None
    dropped: set[str] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    rebuilt: dict[str, bytes] = field(default_factory=dict)

    def go_back(self, generation: int) -> None:
        self.back_to = generation if self.back_to is None else min(self.back_to, generation)


class _Examined:
    """A run and all that is wrong with it."""

    def __init__(self, run: Run, left: salvage.Salvaged) -> None:
        self._run, self._left, self._plan = run, left, _Plan()
        self._bodies = {row.key: cast("dict[str, Json]", loads(row.body)) for row in left.rows}
        self._finished = run.finished
        self.faults = [Fault(what=words, cure="the ledger is written anew") for words in left.faults]
        self._history = self._readable_history()
        self._recorded = known_files((row.kind, self._bodies[row.key]) for row in left.rows)
        self._look_at_files()
        self._look_at_checkpoints()

    def report(self, aside: Path | None = None) -> Report:
        return Report(
            folder=self._run.folder,
            events=len(self._left.rows),
            files=len(self._recorded),
            faults=tuple(self.faults),
            under_way=self._under_way(),
            aside=aside,
        )

    # --- looking ----------------------------------------------------------------------------------------------------

    def _readable_history(self) -> list[Generation]:
        """The generations up to the first that is lost or cannot be read; the plan goes back to there."""
        present = [_number(row) for row in self._left.rows if row.kind == "generation"]
        first = 0 if "heard:0" in self._bodies else min(present, default=0)
        found: list[Generation] = []
        for index in range(first, max(present, default=-1) + 1):
            try:
                found.append(self._read(index))
            except RunError as error:
                self._fault(str(error), self._again(index))
                self._plan.go_back(index)
                break
        return found

    def _read(self, index: int) -> Generation:
        """Raises: RunError."""
        body = self._bodies.get(f"generation:{index}")
        if body is None:
            raise RunError(f"{LEDGER}: generation {index} is lost, and later ones are there")
        return self._run.read_generation(body)

    def _look_at_files(self) -> None:
        owners = {file: row for row in self._left.rows for file in _files(self._bodies[row.key])}
        needed: frozenset[str] | None = None
        derived: Mapping[str, Sequence[bytes]] | None = None
        for file, known in self._recorded.items():
            words = known.fault(self._run.folder)
            if words is None:
                continue
            needed = self._needed() if needed is None else needed
            derived = self._derived() if derived is None else derived
            self._plan.damaged.append(file)
            sound = next((c for c in derived.get(file, ()) if artefacts.sha256(c) in known.hashes), None)
            self._fault(words, self._cure(file, owners[file], sound, needed))

    def _cure(self, file: str, owner: Row, sound: bytes | None, needed: frozenset[str]) -> str:
        """What is to be done about a damaged file, written into the plan."""
        if sound is not None:
            self._plan.rebuilt[file] = sound
            return "written anew from what else is kept"
        if file in needed and owner.kind == "generation":
            self._plan.go_back(_number(owner))
            return self._again(_number(owner))
        if owner.kind == "run":
            return "set aside; put back a good copy of it: the run cannot go on without it"
        if file in needed:
            self._plan.dropped.add(owner.key)
            return f"set aside; `resume` measures the {owner.kind} anew"
        self._plan.forgotten.append(file)
        return "set aside; the run goes on without it"

    def _look_at_checkpoints(self) -> None:
        for path in self._run.checkpoints.files():
            if not is_sound(path):
                self._plan.damaged.append(str(path.relative_to(self._run.folder)))
                self._fault(f"{path} is damaged: it is not what its name says.", "set aside; that training begins anew")

    def _needed(self) -> frozenset[str]:
        """The files that only training can make again, and without which `resume` could not go on."""
        if self._finished:
            return frozenset()
        settings = self._run.settings
        attempts = [a for g in self._history for a in g.attempts]
        finalists = self._run.archive(self._history).finalists(settings.judge.finalists)
        wanted = {_policy_file(a) for a in (attempts if settings.train.warm_start else finalists)}
        return frozenset(wanted | {file for file in self._recorded if file.startswith("trajectories/")})

    def _derived(self) -> dict[str, list[bytes]]:
        """What files should hold, as far as the ledger or another file tells."""
        found = {file: [content] for file, content in self._run.start.files().items()}
        found |= {file: [source.read_bytes()] for file, source in self._originals() if source.is_file()}
        pages_by_id = candidate_pages(self._history, self._run.start, among=self._history)
        found |= {f"candidates/{name}.py": [page] for name, page in pages_by_id.items()}
        found |= {f"curves/{name}.csv": [page] for name, page in _curves(self._history)}
        texts = [artefacts.to_bytes(text) for text in self._run.texts()]
        found |= {file: texts for file in self._recorded if file.startswith(("prompts/", "replies/"))}
        found |= {file: self._twins(file) for file in self._recorded if file.startswith(("policies/", "best/policy"))}
        best = self._run.best(self._history)
        trained = trained_of(best) if best else None
        found |= {"best/reward.py": [pages_by_id[best.id]]} if best else {}
        if trained is not None and trained.verified is not None:
            found["best/graph.json"] = [artefacts.to_bytes(trained.verified.graph.to_json())]
        return found

    def _originals(self) -> Iterator[tuple[str, Path]]:
        """The copies that the run has of its task's own files, and what each is a copy of."""
        start = self._run.start
        for file in self._recorded:
            if start.task_place is not None and file.startswith(f"{taskfiles.FOLDER}/"):
                yield file, taskfiles.original(start.task, start.task_place, file)

    def _twins(self, file: str) -> list[bytes]:
        """The best policy lies in two places: what is in the other one, for either."""
        best = self._run.best(self._history)
        mine = _policy_file(best) if best else ""
        twin = {BEST_POLICY: mine, mine: BEST_POLICY}.get(file)
        sound = twin in self._recorded and self._recorded[twin].fault(self._run.folder) is None
        return [(self._run.folder / twin).read_bytes()] if twin and sound else []

    def _under_way(self) -> tuple[str, ...]:
        begun = [key.removeprefix("begun:") for key in self._bodies if key.startswith("begun:")]
        begun += [key.replace("heard:", "generation:") for key in self._bodies if key.startswith("heard:")]
        return tuple(what for what in begun if what not in self._bodies)

    def _fault(self, what: str, cure: str) -> None:
        self.faults.append(Fault(what=what, cure=cure))

    def _again(self, generation: int) -> str:
        return f"the run goes back to before generation {generation}; `resume` does the rest again"

    # --- putting right ----------------------------------------------------------------------------------------------

    def moved(self) -> list[str]:
        """The files that leave their place: the damaged ones, and those of what is done again."""
        rolled = [file for row in self._dropped() for file in _files(self._bodies[row.key])]
        return list(dict.fromkeys([*self._plan.damaged, *rolled]))

    def put_right(self, aside: Path) -> None:
        """Write the ledger without what is dropped, and the files that can be made again."""
        folder, dropped = self._run.folder, self._dropped()
        kept = [row for row in self._left.rows if row not in dropped]
        if self._left.faults or dropped:
            lines = [json.dumps({"key": r.key, "kind": r.kind, "at": r.at, "body": loads(r.body)}) for r in dropped]
            artefacts.write(aside / "events.jsonl", artefacts.to_bytes("".join(f"{line}\n" for line in lines)))
            salvage.rewrite(folder, kept, aside=aside)
        with closing(Ledger(folder / LEDGER)) as ledger:
            body: Json = {
                "artefacts": dict.fromkeys(self._plan.forgotten),
                "into": str(aside.relative_to(folder)),
                "reopened": bool(dropped),
            }
            ledger.append_next("repaired", body)
            for file, content in self._plan.rebuilt.items():
                artefacts.write(folder / file, content)
            repaired = Run(folder, ledger, None)
            if dropped and (best := repaired.best()) is not None:
                history = repaired.history()
                page = candidate_pages(history, repaired.start, among=history)[best.id]
                repaired.keep_files(best_files(best, page))

    def _dropped(self) -> list[Row]:
        return [row for row in self._left.rows if self._drops(row)]

    def _drops(self, row: Row) -> bool:
        back = self._plan.back_to
        if row.key in self._plan.dropped:
            return True
        match row.kind:
            case "generation":
                return back is not None and _number(row) >= back
            case "final":
                return back is not None and _number(row) > back
            case _:
                return False


# --- helpers --------------------------------------------------------------------------------------------------------


def _number(row: Row) -> int:
    """3 of `generation:3`."""
    return int(row.key.rpartition(":")[2])


def _files(body: Json) -> Iterable[str]:
    files = body.get("artefacts") if isinstance(body, dict) else None
    return files if isinstance(files, dict) else ()


def _policy_file(attempt: Attempt) -> str:
    peak = isinstance(attempt.outcome, Judged) and attempt.outcome.checkpoint == "peak"
    return f"policies/{attempt.id}{'.peak' if peak else ''}.safetensors"


def _curves(history: Iterable[Generation]) -> Iterator[tuple[str, bytes]]:
    for attempt in (a for g in history for a in g.attempts):
        trained = trained_of(attempt)
        if trained is not None:
            yield attempt.id, artefacts.to_bytes(pages.curves_page(trained.curves))


def _new_folder(parent: Path) -> Path:
    """A folder for one repair, such as `damaged/20261121T062000Z`."""
    stamp, again = utc_now()[:19].replace("-", "").replace(":", "") + "Z", 2
    folder = parent / stamp
    while folder.exists():
        folder, again = parent / f"{stamp}-{again}", again + 1
    return folder


def _move(folder: Path, file: str, aside: Path) -> None:
    """Out of its place, where there is anything; a name that lies outside the run is left alone."""
    source, target = folder / file, aside / file
    if not artefacts.is_inside(file) or not source.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError as error:
        raise artefacts.not_written(target, error) from error
