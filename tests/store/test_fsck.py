"""fsck names what is damaged, whichever file it is, and a repair deletes nothing and leaves a run that goes on."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
import torch

from rewardsmith.errors import RunError, RunLocked
from rewardsmith.store import Run, fsck
from rewardsmith.store.fsck import Report
from rewardsmith.types import Final, Generation, Judged, Message, Note, Prompt, Reply, Trajectory

REPLY = Reply(text="```python\npass\n```", finish="stop", model="m", tokens_in=10, cost_usd=0.5)
Flip = Callable[[str], None]


def _episode(source: str) -> Trajectory:
    return Trajectory(
        source=source,
        signals={"speed": torch.arange(3.0)},
        actions=torch.zeros(2, 1),
        fitness_steps=torch.ones(2),
        expert=None,
        fitness=1.0,
        success=None,
        terminated=False,
    )


def _with_episodes(generation: Generation) -> Generation:
    attempts = (
        dataclasses.replace(a, outcome=dataclasses.replace(a.outcome, trajectories=(_episode(a.id),)))
        if isinstance(a.outcome, Judged)
        else a
        for a in generation.attempts
    )
    return dataclasses.replace(generation, attempts=tuple(attempts))


@pytest.fixture
def folder(run: Run, generations: tuple[Generation, ...]) -> Path:
    """A run of three generations with start episodes, replies, words of people and a summary; its session is over."""
    run.begin("trajectories")
    run.set_start_trajectories([_episode("random")])
    run.people.said_before(0)
    run.add_generation(Generation(index=0, chain=0, attempts=()))
    for generation in generations:
        run.say(Note(text=f"Faster, {generation.index}.", on="", who="ada", when="now"))
        run.people.said_before(generation.index)
        run.replies.sent(f"k{generation.index}", request={"candidate": "x"})
        run.replies.put(f"k{generation.index}", REPLY)
        asked = Prompt(messages=(Message(role="user", content=f"Better than {generation.index}."),), sha256="0")
        run.record_prompt(generation.attempts[0].id, asked)
        run.record_reply(generation.attempts[0].id, REPLY)
        run.add_generation(_with_episodes(generation))
    run.end("interrupted")
    run.write_summary("# So far\n")
    run.close()
    return run.folder


@pytest.fixture
def flip(folder: Path) -> Flip:
    """Changes one byte in the middle of a file of the run."""

    def change(file: str) -> None:
        content = bytearray((folder / file).read_bytes())
        content[len(content) // 2] ^= 0x10
        (folder / file).write_bytes(content)

    return change


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _named(report: Report, file: str) -> bool:
    return any(file in fault.what for fault in report.faults)


def test_a_sound_run_is_found_so_and_left_alone(folder: Path) -> None:
    before = _contents(folder)
    report = fsck.check(folder)
    assert (report.faults, report.aside) == ((), None)
    assert report.events > 10
    assert report.files > 10
    assert fsck.repair(folder).aside is None
    assert _contents(folder) == before


def test_what_was_begun_and_has_no_outcome_is_under_way_and_no_fault(folder: Path) -> None:
    with Run.open(folder, write=True) as run:
        run.people.said_before(3)
        run.begin("final:4")
    report = fsck.check(folder)
    assert set(report.under_way) == {"final:4", "generation:3"}
    assert report.faults == ()


def test_a_run_that_is_worked_on_is_not_looked_at(folder: Path) -> None:
    with Run.open(folder, write=True), pytest.raises(RunLocked):
        fsck.check(folder)


def test_a_run_that_may_only_be_read_is_looked_at_with_or_without_its_lock(
    folder: Path, of_another: Callable[..., AbstractContextManager[Path]]
) -> None:
    (folder / "policies" / "g001-01.safetensors").write_bytes(b"")
    report = fsck.check(folder)
    assert report.faults
    for _ in range(2):
        with of_another(folder) as theirs:
            assert fsck.check(theirs).events == report.events
            assert len(fsck.check(theirs).faults) == len(report.faults)
            with pytest.raises(RunError, match="lock cannot be written"):
                fsck.repair(theirs)
        (folder / "lock").unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "lock":
            yield str(path.relative_to(folder))


HARMS: dict[str, Callable[[bytes], bytes | None]] = {
    "torn": lambda content: content[: len(content) // 2],
    "flipped": lambda content: bytes([*content[:-9], content[-9] ^ 0x10, *content[-8:]]),
    "gone": lambda _: None,
}


def _harm(path: Path, harm: str) -> None:
    content = HARMS[harm](path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)


def _harmless(file: str, harm: str) -> bool:
    """A copy that is gone, or a byte where SQLite keeps nothing."""
    return file == "ledger.backup.sqlite" if harm == "gone" else file.startswith("ledger") and harm == "flipped"


@pytest.mark.parametrize("harm", HARMS)
def test_every_file_of_a_run_is_named_once_harmed(folder: Path, harm: str) -> None:
    found = {file for file in _files(folder) if not _harmless(file, harm)}
    assert len(found) >= 17
    for file in found:
        whole = (folder / file).read_bytes()
        _harm(folder / file, harm)
        assert _named(fsck.check(folder), file), file
        (folder / file).write_bytes(whole)
    assert fsck.check(folder).faults == ()


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_after_a_repair_of_any_file_all_is_well_and_nothing_was_deleted(
    folder: Path, tmp_path: Path, harm: str
) -> None:
    for number, file in enumerate([file for file in _files(folder) if not _harmless(file, harm)]):
        harmed = tmp_path / f"harmed-{number}"
        shutil.copytree(folder, harmed)
        _harm(harmed / file, harm)
        left = (harmed / file).read_bytes() if harm != "gone" else b""
        repaired = fsck.repair(harmed)
        assert repaired.aside is not None
        assert harm == "gone" or (repaired.aside / file).read_bytes() == left, file
        again = fsck.check(harmed)
        assert again.faults == (), (file, again)
        with Run.open(harmed, write=True) as run:
            assert len(run.history()) >= 1
            assert run.damaged() == ()
            assert len(run.replies.all()) == 2


def test_what_the_ledger_tells_is_written_anew_as_it_was(folder: Path, flip: Flip) -> None:
    told = ["candidates/g001-00.py", "curves/g001-01.csv", "best/reward.py", "best/policy.safetensors",
            "best/graph.json", "config.yaml", "run.json", "task.yaml", "replies/g001-00.md", "prompts/g002-00.md",
            "policies/g002-00.safetensors"]  # fmt: skip
    before = _contents(folder)
    for file in told:
        flip(file)
        report = fsck.repair(folder)
        assert [fault.cure for fault in report.faults] == ["written anew from what else is kept"], file
        assert (folder / file).read_bytes() == before[file]
        assert report.aside is not None
        assert (report.aside / file).is_file()
    with Run.open(folder, write=False) as run:
        assert [g.index for g in run.history()] == [0, 1, 2]
        assert run.ended() == "interrupted"


def test_a_finalists_policy_is_trained_again_and_one_of_a_finished_run_is_set_aside(folder: Path, flip: Flip) -> None:
    flip("policies/g001-01.safetensors")
    [fault] = fsck.check(folder).faults
    assert fault.cure == "the run goes back to before generation 1; `resume` does the rest again"
    with Run.open(folder, write=True) as run:
        final = next(a.outcome for g in run.history() for a in g.attempts if a.id == "g002-00")
        assert isinstance(final, Judged)
        run.set_final(Final(winner="g002-00", score=final.score))
        run.end("finished")
    [fault] = fsck.repair(folder).faults
    assert fault.cure == "set aside; the run goes on without it"
    with Run.open(folder, write=False) as run:
        assert run.ended() == "finished"
        assert run.damaged() == ()
        lost = run.history()[1].attempts[1].outcome
        assert isinstance(lost, Judged)
        with pytest.raises(RunError, match="cannot be read"):
            lost.trained.policy.tensors["w"]


def test_lost_episodes_take_a_run_back_to_before_their_generation_with_replies_and_words(
    folder: Path, flip: Flip
) -> None:
    with Run.open(folder, write=False) as run:
        heard = run.people.said_before(2)
    flip("trajectories/g002-00.safetensors")
    report = fsck.repair(folder)
    assert report.aside is not None
    assert (report.aside / "policies/g002-00.safetensors").is_file()
    [line] = (report.aside / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["key"] == "generation:2"
    with Run.open(folder, write=True) as run:
        assert [g.index for g in run.history()] == [0, 1]
        assert run.ended() is None
        assert run.replies.get("k2") == REPLY
        assert run.people.said_before(2) == heard
        assert (folder / "best/reward.py").read_text().startswith("# g001-01")
        assert run.damaged() == ()


def test_lost_start_episodes_are_played_again_and_generations_stay(folder: Path, flip: Flip) -> None:
    flip("trajectories/start.safetensors")
    fsck.repair(folder)
    with Run.open(folder, write=True) as run:
        assert run.start_trajectories() is None
        assert len(run.history()) == 3
        run.set_start_trajectories([_episode("random")])
    assert fsck.check(folder).faults == ()


def _execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.execute(statement)
        db.commit()


def test_an_event_that_the_backup_holds_is_put_back(folder: Path) -> None:
    _execute(folder, "UPDATE events SET body = replace(body, 'Faster, 1.', 'Slower, 1.')")
    report = fsck.check(folder)
    assert "is not what was recorded; the backup has it" in report.faults[0].what
    fsck.repair(folder)
    with Run.open(folder, write=True) as run:
        assert [said.text for said in run.people.said() if isinstance(said, Note)] == ["Faster, 1.", "Faster, 2."]
        assert len(run.history()) == 3


def test_a_generation_that_is_lost_for_good_takes_those_after_it_along_and_no_reply(folder: Path) -> None:
    (folder / "ledger.backup.sqlite").unlink()
    _execute(folder, "UPDATE events SET body = replace(body, 'cheetah', 'cheetax') WHERE key = 'generation:1'")
    _execute(folder, "UPDATE events SET body = body || ' ' WHERE key = 'generation:1'")
    report = fsck.repair(folder)
    assert _named(report, "generation 1 is lost")
    with Run.open(folder, write=True) as run:
        assert [g.index for g in run.history()] == [0]
        assert len(run.replies.all()) == 2
        assert run.damaged() == ()
    assert fsck.check(folder).faults == ()


def test_a_ledger_that_is_gone_or_empty_is_taken_from_its_backup(folder: Path) -> None:
    for harm in (lambda path: path.unlink(), lambda path: path.write_bytes(b"")):
        harm(folder / "ledger.sqlite")
        assert _named(fsck.check(folder), "ledger.sqlite")
        fsck.repair(folder)
        with Run.open(folder, write=False) as run:
            assert len(run.history()) == 3


def test_without_ledger_and_backup_it_is_said_that_nothing_is_left(folder: Path) -> None:
    (folder / "ledger.backup.sqlite").unlink()
    (folder / "ledger.sqlite").write_bytes(b"no database")
    with pytest.raises(RunError, match="what the run began with is lost"):
        fsck.repair(folder)
    (folder / "ledger.sqlite").unlink()
    with pytest.raises(RunError, match="holds no run"):
        fsck.check(folder)


def test_a_ledger_of_a_newer_version_is_refused_and_not_repaired(folder: Path) -> None:
    _execute(folder, "PRAGMA user_version = 99")
    before = _contents(folder)["ledger.sqlite"]
    with pytest.raises(RunError, match="newer rewardsmith"):
        fsck.repair(folder)
    assert (folder / "ledger.sqlite").read_bytes() == before


def test_a_file_that_lies_outside_the_run_is_a_fault_and_stays_where_it_is(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "mine.txt"
    outside.write_text("mine")
    with Run.open(folder, write=True) as run:
        run._ledger.append("generation:3", "generation", {"value": None, "artefacts": {"../mine.txt": "0" * 64}})
    report = fsck.repair(folder)
    assert _named(report, "mine.txt")
    assert outside.read_text() == "mine"
