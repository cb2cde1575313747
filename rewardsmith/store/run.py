"""A run on disk: its ledger and its files; append atomically, read back exactly, one writer at a time.

    runs/<UTC time>-<task>/
        run.json config.yaml task.yaml extras.json    what was started, with which settings and versions
        task/                             the task with its model, meshes and code, where it brings any
        ledger.sqlite lock                the run itself; ledger.backup.sqlite as of the last generation
        checkpoints/ damaged/             a training under way; what `rewardsmith fsck --repair` set aside
        prompts/<id>.md replies/<id>.md   as sent and as received; a repair is <id>.repair1.md
        frames/<sha256>.png               what a judge was shown of episodes
        candidates/<id>.py curves/<id>.csv policies/<id>.safetensors trajectories/<id>.safetensors
        best/reward.py best/policy.safetensors best/graph.json summary.md

The ledger is the run: resuming is replaying it, and all files but policies and trajectories can be told from it. What
is begun is recorded before (`heard:N` for a generation, `begun:...`), what came of it after, with the hash of
every file it left. Nothing here decides anything; see `evolve.py`. No pickle.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Self, TypeVar, cast

from rewardsmith.archive import Archive
from rewardsmith.config import EvolveConfig, changeable, over
from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.store import artefacts, folders, pages, taskfiles
from rewardsmith.store.checkpoints import Checkpoints
from rewardsmith.store.codec import (
    Json,
    PolicyFile,
    Readers,
    TrajectoriesFile,
    decode,
    decode_trajectories,
    dumps,
    encode,
    loads,
)
from rewardsmith.store.correspondence import People, Recorded, Replies, about
from rewardsmith.store.episodes import StoredTrajectories
from rewardsmith.store.frames import Frames
from rewardsmith.store.known import WITH_FILES, known_files
from rewardsmith.store.ledger import Event, Ledger, remedy, utc_now
from rewardsmith.store.lock import Lock
from rewardsmith.store.room import need_room
from rewardsmith.store.sessions import worked_s
from rewardsmith.store.shelf import Shelf, best_files, candidate_pages, page_name
from rewardsmith.store.start import Start, read_start
from rewardsmith.types import (
    Attempt,
    Final,
    Generation,
    HumanInput,
    Judged,
    Mark,
    Policy,
    Prompt,
    ReferenceResult,
    Reply,
    Spend,
    Task,
    Trajectory,
)
from rewardsmith.versions import versions

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph
    from rewardsmith.interfaces import Proposer

T = TypeVar("T")


class Run:
    """One run's folder. Use `create` or `open`; a context manager that closes on leaving.

    A reader may be opened beside the writer at any time, sees all that was committed, and may `say`.
    `replies`, `people` and `frames` are the run's `ReplyStore`, `People` and `Album`.
    """

    def __init__(self, folder: Path, ledger: Ledger, lock: Lock | None) -> None:
        """Use `create` or `open`."""
        first = ledger.get("run")
        if first is None:
            raise RunError(f"{folder} holds no run: it was stopped before it began. Delete it and begin anew.")
        self.folder = folder
        self.start = read_start(first.body, folder)
        self.created = first.at
        self.replies = Replies(ledger)
        self.people = People(ledger)
        self.frames = Frames(folder, ledger)
        self._ledger, self._lock, self._opened = ledger, lock, time.monotonic()
        self._readers = Readers(policy=self._read_policy, trajectories=self._read_trajectories, graph=self._read_graph)
        self._history: list[tuple[int, Generation]] = []
        self.settings = _as_changed(self.start.config, ledger.of("settings"))
        self.checkpoints = Checkpoints(folder, before=self.need_room)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        task: Task,
        config: EvolveConfig,
        task_text: str,
        allowed: Mapping[str, tuple[int, ...]],
        task_files: Sequence[Path] = (),
        extras: Json = None,
    ) -> Self:
        """Begin a run in `folder`, which must not hold one yet, as its writer.

        `task_text` is the task file as the person wrote it, `task_files` what it names and the run is to keep a copy
        of; `allowed` says which inputs reward code may have, with their shapes per environment
        (`graph.allowed_inputs`); `extras` is what was asked for besides settings.

        Raises: RunError: there is a run already, or anything else; a file cannot be read, or one not written.
        """
        kept = taskfiles.gathered(task, task_files)
        start = Start(
            task=task, config=config, versions=versions(), allowed=allowed,
            task_text=task_text, task_place=kept.place, extras=extras,
        )  # fmt: skip
        _make(folder)
        with ExitStack() as undo:
            lock = _enter(undo, Lock(folder / folders.LOCK, since=utc_now()), Lock.release)
            if not (folder / folders.LEDGER).exists():
                _refuse_others(folder)
            ledger = _enter(undo, Ledger(folder / folders.LEDGER, create=True), Ledger.close)
            if ledger.get("run") is not None:  # a ledger without it is what a kill at this very place leaves
                raise RunError(
                    f"{folder} holds a run already. Continue it with `rewardsmith resume {quote(str(folder))}`."
                )
            as_recorded = read_start(loads(dumps(start.to_json())), folder)  # its files can be told from the ledger
            hashes: dict[str, Json] = dict(Shelf(folder, files={**as_recorded.files(), **kept.contents}).write())
            ledger.append("run", "run", start.to_json() | {"artefacts": hashes})
            run = cls(folder, ledger, lock)
            run._begin_session()
            undo.pop_all()
            return run

    @classmethod
    def open(cls, folder: Path, *, write: bool) -> Self:
        """Open a run, with `write` as its one writer.

        Raises: RunLocked: another process is its writer. RunError: no run there, or one that cannot be read.
        """
        with ExitStack() as undo:
            if not folders.is_file(folder / folders.LEDGER):
                raise RunError(f"{folder} holds no run: there is no {folders.LEDGER} in it.")
            lock = _enter(undo, Lock(folder / folders.LOCK, since=utc_now()), Lock.release) if write else None
            ledger = _enter(undo, Ledger(folder / folders.LEDGER), Ledger.close)
            ledger.verify()  # for readers too: an event whose kind was changed is missed by whoever asks for its kind
            run = cls(folder, ledger, lock)
            if write:
                run._begin_session()
            undo.pop_all()
            return run

    @staticmethod
    def resolve(text: str, runs_folder: Path) -> Path:
        """The run a person means by a path, a name, its beginning, or `latest`; see `folders.resolve`."""
        return folders.resolve(text, runs_folder)

    def close(self) -> None:
        """Let the next writer in; safe to call twice."""
        self._ledger.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def task(self) -> Task:
        """The task, as it was when the run began, with the files that it names."""
        return taskfiles.in_run(self.start.task, self.start.task_place, self.folder)

    @property
    def config(self) -> EvolveConfig:
        """The resolved settings the run began with; `settings` has what was set anew since."""
        return self.start.config

    def change(self, settings: EvolveConfig) -> None:
        """Record that from now on other `config.CHANGEABLE` settings hold; the same again is a no-op."""
        self._must_write()
        if settings != self.settings:
            self._ledger.append_next("settings", cast("Json", changeable(settings)))
            self.settings = settings

    def begin(self, what: str) -> None:
        """Record that something is about to be done whose outcome will be recorded under `what`."""
        self._must_write()
        self._ledger.append_once(f"begun:{what}", "begun", lambda: {})

    def need_room(self) -> None:
        """Raises: DiskFull: the disk has less room than the run's limits ask for."""
        need_room(self.folder, least_mib=self.settings.limits.free_mib)

    # --- what the loop yields ---------------------------------------------------------------------------------------

    def history(self) -> tuple[Generation, ...]:
        """All finished generations in order. Policies are read from their files, and checked, at first use."""
        last = self._history[-1][0] if self._history else 0
        self._history += [(e.seq, self.read_generation(e.body)) for e in self._ledger.of("generation", after=last)]
        return tuple(sorted((generation for _, generation in self._history), key=lambda g: g.index))

    def read_generation(self, body: Json) -> Generation:
        """The generation that an event tells. Raises: RunError: it cannot be read, or a graph in it may not run."""
        return decode(Generation, cast("dict[str, Json]", body)["value"], readers=self._readers)

    def add_generation(self, generation: Generation) -> None:
        """Keep a finished generation: its files first, then the event that names them. Once more is a no-op.

        Raises: RunError: another generation stands under this index (nothing is changed), or the disk is full.
        """
        earlier = self.history()
        shelf = Shelf(self.folder)
        value = shelf.add_generation(generation, earlier=earlier, start=self.start)
        before, best = self.best(earlier), self.best((*earlier, generation))
        changed = best if best is not before else None
        self._keep(f"generation:{generation.index}", "generation", value, shelf, best=self._best_files(changed, shelf))
        self.checkpoints.clear()

    def start_trajectories(self) -> Sequence[Trajectory] | None:
        """The episodes that the run began with; None where it has not begun."""
        event = self._ledger.get("trajectories")
        return None if event is None else decode_trajectories(_value(event), readers=self._readers)

    def begun_with(self) -> tuple[Trajectory, ...]:
        """All episodes that were known before the first candidate: those the run began with, and the references'."""
        measured = [r.outcome for r in self.references() or () if isinstance(r.outcome, Judged)]
        return (*(self.start_trajectories() or ()), *(t for judged in measured for t in judged.trajectories))

    def set_start_trajectories(self, trajectories: Sequence[Trajectory]) -> None:
        """Keep the episodes that the run begins with. Once more is a no-op, others are a `RunError`."""
        shelf = Shelf(self.folder)
        self._keep("trajectories", "trajectories", shelf.add_trajectories(trajectories), shelf)

    def references(self) -> tuple[ReferenceResult, ...] | None:
        """What the expert's and the sparse reward reached; None where they were not measured."""
        event = self._ledger.get("references")
        if event is None:
            return None
        items = cast("list[Json]", _value(event))
        return tuple(decode(ReferenceResult, item, readers=self._readers) for item in items)

    def set_references(self, results: Sequence[ReferenceResult]) -> None:
        """Keep what the references reached. Once more is a no-op, other results a `RunError`."""
        shelf = Shelf(self.folder)
        value: Json = [shelf.add_reference(result) for result in results]
        self._keep("references", "references", value, shelf)
        self.checkpoints.clear()

    def final(self) -> Final | None:
        """The winner of all finished generations, measured again; None before, and where the run went on since."""
        return self.final_of(len(self.history()))

    def final_of(self, generations: int) -> Final | None:
        """The winner of the first so many generations, measured again; None where that was not done."""
        event = self._ledger.get(f"final:{generations}")
        return None if event is None else decode(Final, _value(event))

    def set_final(self, final: Final) -> None:
        """Put the winner into `best/` and keep its last measurement. Once more is a no-op.

        Raises: RunError: another result stands for this many generations, or the winner's policy is damaged.
        """
        generations = self.history()
        winner = next((a for g in generations for a in g.attempts if a.id == final.winner), None)
        if winner is None:
            raise RunError(f"The winner '{final.winner}' is in no generation of {self.folder}.")
        shelf = Shelf(self.folder)
        self._keep(f"final:{len(generations)}", "final", encode(final), shelf, best=self._best_files(winner, shelf))

    def end(self, why: str) -> None:
        """Record that this session ended, and why, in words."""
        self._must_write()
        self._ledger.append_next("ended", {"why": why})
        self._back_up()

    def ended(self) -> str | None:
        """Why the latest session ended; None while it runs, where it was killed, and where a repair took it back."""
        events = self._ledger.of("session", "ended", "repaired")  # none where it was killed before its first session
        counted = [e for e in events if e.kind != "repaired" or cast("dict[str, Json]", e.body)["reopened"]]
        ended = bool(counted) and counted[-1].kind == "ended"
        return str(cast("dict[str, Json]", counted[-1].body)["why"]) if ended else None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: what is said now is kept, and heard by nobody."""
        return self.ended() == "finished"

    def hours(self) -> float:
        """How long the run has been worked on over all sessions, the one of this process until now."""
        latest_s = time.monotonic() - self._opened if self._lock is not None else None
        return worked_s(self._ledger.moments(), latest_s=latest_s) / 3600

    def archive(self, generations: Sequence[Generation] | None = None) -> Archive:
        """The population after `generations` (all, unless given), and what people said before its winner was chosen."""
        history = self.history() if generations is None else generations
        archive = Archive.replay(history, self.config.search)
        archive.hear(self.people.heard_after(len(history)))
        return archive

    def best(self, generations: Sequence[Generation] | None = None) -> Attempt | None:
        """The attempt that leads after `generations` (all, unless given); None while nothing is judged."""
        return self.archive(generations).best()

    # --- people, models and words -----------------------------------------------------------------------------------

    def say(self, *said: HumanInput) -> None:
        """Record what a person says, for the next generation to take in. Needs no lock: any process may.

        Raises: UsageError: it is about a candidate that the run does not have, or is to choose the winner of a run that
        is finished; nothing of it is recorded.
        """
        known = self.candidate_ids()
        for name in (n for each in said for n in about(each)):
            if name not in known:
                listed = ", ".join(known) or "none yet"
                raise UsageError(f"There is no candidate '{name}'.{did_you_mean(name, known)} Known: {listed}.")
        if self.finished and any(isinstance(each, Mark) for each in said):
            raise UsageError(
                f"{self.folder} is finished: a veto or a pin changes nothing any more. A new run can begin with a "
                f"reward of this one: `rewardsmith evolve TASK --seed-reward {self.folder}/candidates/ID.py`."
            )
        for each in said:
            self.people.say(each)

    def candidate_ids(self) -> tuple[str, ...]:
        """Ids of all candidates of finished generations, in order."""
        values = [cast("dict[str, list[dict[str, dict[str, str]]]]", _value(e)) for e in self._ledger.of("generation")]
        return tuple(attempt["candidate"]["id"] for value in values for attempt in value["attempts"])

    def recorded(self, proposer: Proposer) -> Proposer:
        """The same proposer, every prompt and reply of which is also written to `prompts/` and `replies/`."""
        reply = self._record_drawn if proposer.origin == "offline" else self.record_reply
        return Recorded(proposer, before=self.need_room, prompt=self.record_prompt, reply=reply)

    def record_prompt(self, candidate_id: str, prompt: Prompt, repair: int = 0) -> None:
        """Write `prompts/<id>.md`, or `<id>.repair1.md` for the first repair."""
        page = pages.prompt_page(prompt)
        self._keep_text(page)
        self._write(f"prompts/{page_name(candidate_id, repair)}", artefacts.to_bytes(page))

    def record_reply(self, candidate_id: str, reply: Reply, repair: int = 0) -> None:
        """Write a reply, as it came, to `replies/<id>.md`, or `<id>.repair1.md` for the first repair.

        Beside it, in `<id>.finish`, the provider's word for how it ended, unless that is "stop".
        """
        page = f"replies/{page_name(candidate_id, repair)}"
        if reply.finish != "stop":
            self._write(f"{page.removesuffix('.md')}.finish", artefacts.to_bytes(reply.finish))
        self._write(page, artefacts.to_bytes(reply.text))

    def _record_drawn(self, candidate_id: str, reply: Reply, repair: int = 0) -> None:
        """The same for a reply that nobody was asked for, and that is in no reply store."""
        self._keep_text(reply.text)
        self.record_reply(candidate_id, reply, repair)

    def _keep_text(self, text: str) -> None:
        """Keep a page's text in the ledger, once."""
        self._must_write()
        self._ledger.append_once(f"text:{artefacts.sha256(artefacts.to_bytes(text))}", "text", lambda: {"text": text})

    def texts(self) -> tuple[str, ...]:
        """Every prompt, and every reply, as its page has it."""
        told = (str(cast("dict[str, Json]", event.body)["text"]) for event in self._ledger.of("text"))
        return (*told, *(reply.text for reply in self.replies.all()))

    def write_summary(self, text: str) -> Path:
        """Write `summary.md`."""
        self._must_write()
        self.keep_files({"summary.md": artefacts.to_bytes(text)})
        return self.folder / "summary.md"

    def keep_files(self, files: Mapping[str, bytes]) -> None:
        """Write files that may stand there in an earlier form. Any process may.

        Raises: RunError: the disk is full.
        """
        self._ledger.append_next("files", {"artefacts": self._replace_files(files), "written": True})

    def _replace_files(self, files: Mapping[str, bytes]) -> dict[str, Json]:
        """Record the hashes of files, then write them: a kill in between leaves what is known, old or new."""
        hashes: dict[str, Json] = {file: artefacts.sha256(content) for file, content in files.items()}
        if files:
            self._ledger.append_next("files", {"artefacts": hashes, "written": False})
            Shelf(self.folder, files=files).write()
        return hashes

    # --- looking back -----------------------------------------------------------------------------------------------

    def cost(self) -> Spend:
        """All that the run has spent. Replies count as they came, those of unfinished generations too."""
        replies = [reply for reply in self.replies.all() if not reply.cached]
        attempts = [a.spend for g in self.history() for a in g.attempts]
        references = [r.outcome.trained for r in self.references() or () if isinstance(r.outcome, Judged)]
        return Spend(
            tokens_in=sum(r.tokens_in for r in replies),
            tokens_out=sum(r.tokens_out for r in replies),
            cost_usd=sum(r.cost_usd for r in replies),
            env_steps=sum(s.env_steps for s in attempts) + sum(t.env_steps for t in references),
            seconds=sum(s.seconds for s in attempts) + sum(t.seconds for t in references),
        )

    def damaged(self) -> tuple[str, ...]:
        """One line for each file that is missing or not what the ledger recorded."""
        recorded = known_files((e.kind, e.body) for e in self._ledger.of(*WITH_FILES))
        found = (kept.fault(self.folder) for kept in recorded.values())
        return tuple(line for line in found if line)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin_session(self) -> None:
        self._ledger.append_next("session", {"pid": os.getpid(), "host": socket.gethostname()})

    def _must_write(self) -> None:
        if self._lock is None:
            raise RunError(f"{self.folder} was opened for reading; open it with write=True to add to it.")

    def _keep(self, key: str, kind: str, value: Json, shelf: Shelf, *, best: Mapping[str, bytes] | None = None) -> None:
        """Files, then `best/`, then the event: a kill in between leaves files that the resumed run writes again."""
        self._must_write()
        known = self._ledger.get(key)
        if known is not None and _value(known) == value:
            return
        hashes: dict[str, Json] = {}
        if known is None:
            hashes |= shelf.write()
            hashes |= self._replace_files(best or {})
        self._ledger.append(key, kind, {"value": value, "artefacts": hashes})
        self._back_up()

    def _best_files(self, best: Attempt | None, shelf: Shelf) -> Mapping[str, bytes]:
        """What `best/` is to hold; nothing where there is no best. Its page is on the shelf, or in the ledger."""
        if best is None:
            return {}
        history = self.history()
        shelved = shelf.files.get(f"candidates/{best.id}.py")
        return best_files(best, shelved or candidate_pages(history, self.start, among=history)[best.id])

    def _back_up(self) -> None:
        self._ledger.back_up(self.folder / folders.BACKUP)

    def _write(self, file: str, content: bytes) -> None:
        self._must_write()
        artefacts.write(self.folder / file, content)

    def _read_policy(self, kept: PolicyFile) -> Policy:
        return Policy(tensors=artefacts.StoredTensors(self.folder, kept.file, expected=kept.sha256))

    def _read_trajectories(self, kept: TrajectoriesFile) -> StoredTrajectories:
        return StoredTrajectories(self.folder, kept.file, expected=kept.sha256, count=kept.count)

    def _read_graph(self, text: str) -> RewardGraph:
        """A traced program, checked again: a run's folder may have been changed since."""
        from rewardsmith.graph import GraphError, RewardGraph

        try:
            return RewardGraph.from_json(text, signals=self.start.allowed)
        except GraphError as error:
            raise RunError(f"A traced reward in {self.folder} may not run: {error}. The ledger was changed.") from error


# --- helpers --------------------------------------------------------------------------------------------------------


def _as_changed(config: EvolveConfig, changes: Iterable[Event]) -> EvolveConfig:
    """The settings after all changes that were recorded."""
    return over(config, [cast("dict[str, object]", event.body) for event in changes])


def _value(event: Event) -> Json:
    return cast("dict[str, Json]", event.body)["value"]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}. Choose another folder for runs.") from error


def _refuse_others(folder: Path) -> None:
    """Raises: RunError: there are files in a folder without a ledger, which a run would write over."""
    if (folder / folders.BACKUP).exists():
        raise RunError(f"{folder} holds a run already, whose ledger is gone. {remedy(folder)}")
    others = sorted(path.name for path in folder.iterdir() if path.name != folders.LOCK)
    if others:
        raise RunError(f"{folder} holds other files ({', '.join(others[:3])}). A run needs a folder of its own.")


def _enter(undo: ExitStack, held: T, release: Callable[[T], None]) -> T:
    """`held`, to be given back where what follows fails."""
    undo.callback(release, held)
    return held
