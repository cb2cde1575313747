"""A run is what its ledger holds, whoever reads it and however it was stopped."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
import yaml

from rewardsmith.config import EvolveConfig
from rewardsmith.errors import RunError, RunLocked, UsageError
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Brief, Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.replay import ReplayProposer
from rewardsmith.store import Run
from rewardsmith.store.ledger import Ledger, relinked, row_of
from rewardsmith.types import (
    Attempt,
    Checkpoint,
    Final,
    Generation,
    Judged,
    Mark,
    Message,
    Note,
    Policy,
    Preference,
    Prompt,
    ReferenceResult,
    Rejected,
    Reply,
    Spend,
    Task,
    Trajectory,
)

Generations = tuple[Generation, ...]
NOTE = Note(text="Keep the torso up.", on="", who="ada", when="2026-11-21T06:20:00Z")


def comparable(generations: Generations) -> tuple[object, ...]:
    """Generations with their policies as plain numbers: tensors do not compare to one truth value."""
    return tuple((g.index, g.chain, g.people, g.parents, [_comparable(a) for a in g.attempts]) for g in generations)


def _comparable(attempt: Attempt) -> object:
    if not isinstance(attempt.outcome, Judged):
        return attempt
    trained = attempt.outcome.trained
    tensors = {name: tensor.tolist() for name, tensor in trained.policy.tensors.items()}
    bare = dataclasses.replace(attempt.outcome, trained=dataclasses.replace(trained, policy=Policy(tensors={})))
    return dataclasses.replace(attempt, outcome=bare), tensors


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but those that tell times and machines."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in found if not re.match(r"(ledger|lock|run\.json)", p.name)
    }


def doctored(folder: Path, change: Callable[[str], str]) -> None:
    """Change the bodies of events as somebody would who knows how ledgers are made: with links to match."""
    db = sqlite3.connect(folder / "ledger.sqlite")
    rows = [row_of(columns) for columns in db.execute("SELECT seq, key, kind, at, body, link FROM events ORDER BY seq")]
    for row in relinked([dataclasses.replace(row, body=change(row.body)) for row in rows]):
        db.execute("UPDATE events SET body = ?, link = ? WHERE seq = ?", (row.body, row.link, row.seq))
    db.commit()
    db.close()


# --- beginning and opening ------------------------------------------------------------------------------------------


def test_a_new_run_tells_what_it_began_with(run: Run, task: Task, tmp_path: Path) -> None:
    told = json.loads((run.folder / "run.json").read_text())
    assert told["task"] == "cheetah_run"
    assert torch.__version__ in (told["versions"]["torch"], told["versions"]["torch"] + "+cpu")
    assert set(told["versions"]) >= {"rewardsmith", "torch", "mujoco", "envpool", "python", "platform"}
    assert (run.folder / "task.yaml").read_text() == "name: cheetah_run\n"
    assert EvolveConfig.model_validate(yaml.safe_load((run.folder / "config.yaml").read_text())) == run.config
    with Run.open(tmp_path / "run", write=False) as reader:
        assert (reader.task, reader.config) == (task, run.config)
        assert reader.start.allowed == allowed_inputs(task)
        assert reader.history() == ()
        assert (reader.references(), reader.final()) == (None, None)


def test_a_second_run_in_the_same_folder_is_refused(new_run: Callable[[], Run]) -> None:
    new_run().close()
    with pytest.raises(RunError, match=r"holds a run already. Continue it with `rewardsmith resume"):
        new_run()


def test_no_run_begins_where_only_the_backup_of_one_is_left(new_run: Callable[[], Run]) -> None:
    run = new_run()
    run.end("interrupted")
    run.close()
    (run.folder / "ledger.sqlite").unlink()
    with pytest.raises(RunError, match="holds a run already, whose ledger is gone"):
        new_run()
    assert not (run.folder / "ledger.sqlite").exists()


def test_no_run_begins_among_files_of_others(new_run: Callable[[], Run]) -> None:
    run = new_run()
    run.close()
    shutil.rmtree(run.folder)
    run.folder.mkdir()
    (run.folder / "config.yaml").write_text("# my own\n")
    with pytest.raises(RunError, match=r"holds other files \(config\.yaml\)\. A run needs a folder of its own"):
        new_run()
    assert (run.folder / "config.yaml").read_text() == "# my own\n"


def test_a_second_writer_is_refused_and_readers_are_not(run: Run) -> None:
    with pytest.raises(RunLocked, match="is being worked on by process"):
        Run.open(run.folder, write=True)
    Run.open(run.folder, write=False).close()
    run.close()
    Run.open(run.folder, write=True).close()


def test_a_reader_cannot_add(run: Run, generations: Generations) -> None:
    with Run.open(run.folder, write=False) as reader:
        with pytest.raises(RunError, match="opened for reading"):
            reader.add_generation(generations[0])
        with pytest.raises(RunError, match="opened for reading"):
            reader.write_summary("")
    assert "candidates" not in {p.name for p in run.folder.iterdir()}


def test_a_folder_without_a_run_is_refused_and_stays_unlocked(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        Run.open(tmp_path, write=True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_before_it_began_is_told_from_a_run(run: Run) -> None:
    run.close()
    with sqlite3.connect(run.folder / "ledger.sqlite") as db:
        db.execute("DELETE FROM events")
    db.close()
    with pytest.raises(RunError, match=r"stopped before it began. Delete it and begin anew"):
        Run.open(run.folder, write=True)
    with pytest.raises(RunError, match="stopped before it began"):  # and the lock was let go
        Run.open(run.folder, write=True)


def test_settings_that_no_longer_fit_are_named(run: Run) -> None:
    run.close()
    doctored(run.folder, lambda body: body.replace('"offspring":8', '"offspring":0'))
    with pytest.raises(RunError, match=r"settings of .* do not fit this rewardsmith: search\.offspring: .*"):
        Run.open(run.folder, write=False)


def test_how_a_session_ended_is_known_until_the_next_begins(run: Run) -> None:
    assert run.ended() is None
    run.end("the budget is spent")
    assert run.ended() == "the budget is spent"
    run.close()
    with Run.open(run.folder, write=True) as again:
        assert again.ended() is None


def test_every_writer_is_recorded_with_its_process_and_host(run: Run) -> None:
    run.close()
    Run.open(run.folder, write=True).close()
    Run.open(run.folder, write=False).close()
    sessions = Ledger(run.folder / "ledger.sqlite").of("session")
    assert [event.body for event in sessions] == [{"pid": os.getpid(), "host": socket.gethostname()}] * 2


# --- generations ----------------------------------------------------------------------------------------------------


def test_history_comes_back_as_it_was_added(run: Run, generations: Generations) -> None:
    for generation in generations:
        run.add_generation(generation)
    with Run.open(run.folder, write=False) as reader:
        assert comparable(reader.history()) == comparable(generations)
        assert reader.candidate_ids() == ("g001-00", "g001-01", "g002-00")
        assert reader.damaged() == ()


def test_the_same_generation_again_changes_nothing(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    before = contents(run.folder)
    run.add_generation(run.history()[0])
    assert contents(run.folder) == before
    assert len(run.history()) == 1


def test_another_generation_under_a_known_index_is_refused_and_changes_nothing(
    run: Run, generations: Generations
) -> None:
    run.add_generation(generations[0])
    before = contents(run.folder)
    with pytest.raises(RunError, match="already holds 'generation:1'"):
        run.add_generation(dataclasses.replace(generations[1], index=1))
    assert contents(run.folder) == before


def test_a_candidates_file_tells_its_story_and_keeps_the_code_as_written(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    run.add_generation(dataclasses.replace(generations[1], people=(NOTE,)))
    page = (run.folder / "candidates/g002-00.py").read_text()
    assert page == (
        "# g002-00: a reward for cheetah_run\n"
        "# parents: g001-01\n"
        "# origin: offline (offline), method default\n"
        "# outcome: judged: fitness 3.5 +- 0.5 m/s over 2 episodes\n"
        "# answers: curves of g001-01: speed rose to 2.0 and stayed\n"
        "# answers: note: Keep the torso up. (ada, 2026-11-21T06:20:00Z)\n"
        "\n" + generations[1].attempts[0].candidate.code
    )
    failed = (run.folder / "candidates/g001-00.py").read_text()
    assert "# outcome: rejected at static (line 1): Reward code may not import os.\n" in failed
    assert "fitness" not in failed


def test_text_of_others_cannot_leave_its_comment(run: Run, generations: Generations) -> None:
    trick = dataclasses.replace(NOTE, text="first\nimport os\r\x0bimport sys\u2028import re")
    run.add_generation(dataclasses.replace(generations[0], people=(trick,)))
    page = (run.folder / "candidates/g001-01.py").read_text()
    assert "import" not in "".join(line for line in page.splitlines() if not line.startswith("#"))


def test_curves_are_a_table(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    with (run.folder / "curves/g001-01.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:3] == [["curve", "env_steps", "value"], ["fitness", "0", "0.0"], ["fitness", "100", "2.0"]]
    assert not (run.folder / "curves/g001-00.csv").exists()


def test_best_is_the_fittest_so_far_with_policy_and_graph(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    assert (run.folder / "best/reward.py").read_text().startswith("# g001-01")
    run.add_generation(generations[1])
    assert (run.folder / "best/reward.py").read_text().startswith("# g002-00")
    assert contents(run.folder)["best/policy.safetensors"] == contents(run.folder)["policies/g002-00.safetensors"]
    judged = generations[1].attempts[0].outcome
    assert isinstance(judged, Judged)
    assert judged.trained.verified is not None
    assert (run.folder / "best/graph.json").read_text() == judged.trained.verified.graph.to_json()


def test_a_vetoed_candidate_is_not_best(run: Run, generations: Generations) -> None:
    for generation in generations:
        run.add_generation(generation)
    veto = Mark(kind="veto", on="g002-00", who="ada", when="now")
    run.add_generation(Generation(index=3, chain=0, attempts=(), people=(veto,)))
    assert (run.folder / "best/reward.py").read_text().startswith("# g001-01")


def test_a_torn_policy_is_named_and_spares_the_rest(run: Run, generations: Generations) -> None:
    for generation in generations:
        run.add_generation(generation)
    path = run.folder / "policies/g001-01.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    (run.folder / "candidates/g001-00.py").unlink()
    run.close()
    with Run.open(run.folder, write=True) as again:
        torn = again.history()[0].attempts[1].outcome
        assert isinstance(torn, Judged)
        with pytest.raises(RunError, match=r"policies/g001-01\.safetensors is damaged.*Put back a copy"):
            torn.trained.policy.tensors["w"]
        whole = again.history()[1].attempts[0].outcome
        assert isinstance(whole, Judged)
        assert whole.trained.policy.tensors["w"].shape == (4,)
        assert [line.split(" ")[0].rsplit("/", 1)[1] for line in again.damaged()] == [
            "g001-00.py",
            "g001-01.safetensors",
        ]
        again.add_generation(Generation(index=3, chain=0, attempts=()))


def test_a_doctored_graph_is_refused(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    run.close()
    doctored(run.folder, lambda body: body.replace(r"\"inputs\":[\"speed\"]", r"\"inputs\":[\"fitness\"]"))
    with (
        Run.open(run.folder, write=False) as reader,
        pytest.raises(RunError, match=r"may not run: .*The ledger was changed"),
    ):
        reader.history()


# Replays the finished run SOURCE into TARGET, killed at its 1st, 2nd, 3rd ... renaming of a file, resuming each time.
KILLED_AT_EVERY_FILE = """
import os, signal, sys
from pathlib import Path
from rewardsmith.store import Run

source, target = Run.open(Path(sys.argv[1]), write=False), Path(sys.argv[2])
generations = source.history()
ids = [[a.id for a in g.attempts] for g in generations]
Run.create(target, task=source.task, config=source.config, task_text="name: cheetah_run\\n",
           allowed=source.start.allowed).close()

def resume(die_at):
    seen = 0
    def count(event, args):
        nonlocal seen
        seen += event == "os.rename"
        if seen == die_at and event == "os.rename":
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    run = Run.open(target, write=True)
    for generation in generations[len(run.history()):]:
        run.add_generation(generation)
    os._exit(0)

for die_at in range(1, 100):
    child = os.fork()
    if child == 0:
        resume(die_at)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    with Run.open(target, write=False) as reader:
        done = [[a.id for a in g.attempts] for g in reader.history()]
        assert done == ids[:len(done)], done
        assert reader.damaged() == ()
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else "ended", flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


def test_a_run_killed_at_every_file_equals_an_unbroken_one(run: Run, generations: Generations, tmp_path: Path) -> None:
    for generation in generations:
        run.add_generation(generation)
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_FILE, str(run.folder), str(tmp_path / "killed")],
        capture_output=True,
        text=True,
        timeout=300,  # a machine that is busy with other things syncs slowly
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *killed, last = done.stdout.split()
    assert len(killed) >= 7
    assert set(killed) == {"9"}
    assert last == "ended"
    assert contents(tmp_path / "killed") == contents(run.folder)
    with Run.open(tmp_path / "killed", write=False) as resumed:
        assert comparable(resumed.history()) == comparable(run.history())


# --- references and the winner --------------------------------------------------------------------------------------


def test_references_and_the_final_score_come_back(run: Run, generations: Generations) -> None:
    for generation in generations:
        run.add_generation(generation)
    judged = generations[0].attempts[1].outcome
    assert isinstance(judged, Judged)
    sparse = Rejected(stage="train", reason="It diverged.", hint="None.")
    run.set_references((ReferenceResult(name="expert", outcome=judged), ReferenceResult(name="sparse", outcome=sparse)))
    final = Final(winner="g001-01", score=judged.score, references=(("expert", judged.score),), human_normalised=1.0)
    run.set_final(final)
    run.set_final(final)
    with Run.open(run.folder, write=False) as reader:
        assert reader.final() == final
        assert reader.references() is not None
        expert, other = reader.references() or ()
        assert (expert.name, other) == ("expert", ReferenceResult(name="sparse", outcome=sparse))
        assert isinstance(expert.outcome, Judged)
        assert expert.outcome.trained.policy.tensors["w"].tolist() == judged.trained.policy.tensors["w"].tolist()
    assert (run.folder / "policies/reference-expert.safetensors").is_file()
    assert (run.folder / "best/reward.py").read_text().startswith("# g001-01")


def test_a_run_that_goes_on_has_no_winner_until_it_is_measured_again(run: Run, generations: Generations) -> None:
    judged = generations[0].attempts[1].outcome
    assert isinstance(judged, Judged)
    first, second = (Final(winner=name, score=judged.score) for name in ("g001-01", "g002-00"))
    run.add_generation(generations[0])
    run.set_final(first)
    assert run.final() == first
    run.add_generation(generations[1])
    assert run.final() is None
    assert run.final_of(1) == first
    run.set_final(second)
    assert run.final() == second


def test_a_winner_that_nobody_bred_is_refused(run: Run, generations: Generations) -> None:
    judged = generations[0].attempts[1].outcome
    assert isinstance(judged, Judged)
    with pytest.raises(RunError, match="The winner 'g009-00' is in no generation"):
        run.set_final(Final(winner="g009-00", score=judged.score))
    assert run.final() is None


# --- models ---------------------------------------------------------------------------------------------------------

REPLY = Reply(text="\udc80 ```python", finish="stop", model="m", tokens_in=100, tokens_out=20, cost_usd=0.25)


def test_a_reply_comes_back_exactly_and_survives_the_process(run: Run) -> None:
    assert run.replies.get("k") is None
    run.replies.sent("k", request={"candidate": "g001-00"})
    run.replies.put("k", REPLY)
    run.replies.put("k", REPLY)
    run.close()
    with Run.open(run.folder, write=True) as again:
        assert again.replies.get("k") == REPLY


def test_a_reply_is_never_replaced(run: Run) -> None:
    run.replies.put("k", REPLY)
    with pytest.raises(RunError, match="already holds 'reply:k'"):
        run.replies.put("k", dataclasses.replace(REPLY, text="another"))


def test_a_request_without_a_reply_is_counted(run: Run) -> None:
    for key in ("a", "b"):
        run.replies.sent(key, request={"candidate": key})
    run.replies.sent("b", request={"candidate": "the retry says more"})
    run.replies.put("a", REPLY)
    assert run.replies.unanswered() == 1


def test_cost_counts_replies_of_unfinished_generations_and_steps_of_finished_ones(
    run: Run, generations: Generations
) -> None:
    run.replies.put("a", REPLY)
    run.replies.put("b", REPLY)
    run.replies.put("c", dataclasses.replace(REPLY, cached=True))
    for generation in generations:
        run.add_generation(generation)
    judged = generations[0].attempts[1].outcome
    assert isinstance(judged, Judged)
    run.set_references((ReferenceResult(name="expert", outcome=judged),))
    # Two judged attempts and one reference of 100 steps and 2 s each; the third reply was not paid for here.
    assert run.cost() == Spend(tokens_in=200, tokens_out=40, cost_usd=0.5, env_steps=300, seconds=6.0)


class Echo:
    """A proposer that answers with what it was asked."""

    name = "echo"
    origin = "offline"

    def propose(self, requests: list[Request], *, store: object) -> list[Reply]:  # noqa: ARG002
        return [Reply(text=f"re: {r.prompt.messages[0].content}", finish="stop", model="echo") for r in requests]


def test_a_recorded_proposer_leaves_prompts_and_replies_a_repair_apart(
    run: Run, task: Task, generations: Generations
) -> None:
    def request(name: str, text: str, repair: int = 0) -> Request:
        prompt = Prompt(messages=(Message(role="user", content=text),), sha256="0")
        return Request(candidate_id=name, prompt=prompt, brief=Brief(task=task), index=0, seed=0, repair=repair)

    proposer = run.recorded(Echo())  # type: ignore[arg-type]
    store = RepliesInMemory()
    proposer.propose([request("g001-00", "one"), request("g001-01", "two")], store=store)
    proposer.propose([request("g001-01", "again", repair=1)], store=store)
    assert proposer.name == "echo"
    assert {p.name: p.read_text() for p in (run.folder / "replies").iterdir()} == {
        "g001-00.md": "re: one",
        "g001-01.md": "re: two",
        "g001-01.repair1.md": "re: again",
    }
    assert (run.folder / "prompts/g001-01.repair1.md").read_text() == "# user\n\nagain\n"
    run.add_generation(generations[0])
    (run.folder / "replies/g001-01.repair1.md").write_text("changed")
    assert ["g001-01.repair1.md is damaged" in line for line in run.damaged()] == [True]


def test_a_runs_own_replies_when_replayed_end_as_they_ended(run: Run, task: Task, tmp_path: Path) -> None:
    said = [
        {"candidate": "g001-00", "text": "whole"},
        {"candidate": "g001-01", "text": "cut o", "finish": "length"},
        {"candidate": "g001-01", "repair": 1, "text": "no", "finish": "content_filter"},
    ]
    (tmp_path / "said.jsonl").write_text("\n".join(map(json.dumps, said)))
    failed = Rejected(stage="reply", reason="", hint="")
    asked = [
        Request(
            candidate_id=str(line["candidate"]), prompt=Prompt(messages=(), sha256="0"), index=0, seed=0,
            brief=Brief(task=task, rejected=failed if "repair" in line else None), repair=int("repair" in line),
        )
        for line in said
    ]  # fmt: skip
    first = run.recorded(ReplayProposer(tmp_path / "said.jsonl")).propose(asked, store=RepliesInMemory())
    assert [reply.finish for reply in first] == ["stop", "length", "content_filter"]
    assert ReplayProposer(run.folder).propose(asked, store=RepliesInMemory()) == first


# --- people ---------------------------------------------------------------------------------------------------------


def test_each_generation_hears_what_is_new_and_always_the_same(run: Run) -> None:
    later = dataclasses.replace(NOTE, text="Faster.")
    run.say(NOTE)
    assert run.people.unheard() == (NOTE,)
    assert run.people.said_before(1) == (NOTE,)
    run.say(later)
    assert run.people.said_before(1) == (NOTE,)
    assert run.people.said_before(2) == (later,)
    assert run.people.said_before(3) == ()
    assert run.people.said() == (NOTE, later)
    run.close()
    with Run.open(run.folder, write=True) as again:
        assert [again.people.said_before(n) for n in (1, 2, 3, 4)] == [(NOTE,), (later,), (), ()]


def test_words_after_the_last_generation_choose_the_winner_and_are_heard_by_a_further_one(
    run: Run, generations: Generations
) -> None:
    for generation in generations:
        run.people.said_before(generation.index)
        run.add_generation(generation)
    count, best = len(generations), run.best()
    assert best is not None
    veto = Mark(kind="veto", on=best.id, who="ada", when="now")
    run.say(veto)
    assert run.best() == best
    assert run.people.said_after(count) == (veto,)
    run.say(NOTE)
    assert run.people.said_after(count) == (veto,)
    assert best.id not in {a.id for a in run.archive().finalists(9)}
    assert run.people.said_before(count + 1) == (veto, NOTE)


def test_several_words_are_recorded_together_or_not_at_all(run: Run, generations: Generations) -> None:
    run.add_generation(generations[0])
    with pytest.raises(UsageError, match="no candidate 'g009-00'"):
        run.say(NOTE, Mark(kind="veto", on="g009-00", who="ada", when="now"))
    assert run.people.said() == ()


def test_a_finished_run_keeps_words_and_refuses_those_that_would_choose_its_winner(
    run: Run, generations: Generations
) -> None:
    run.add_generation(generations[0])
    run.end("finished")
    run.say(NOTE)
    with pytest.raises(UsageError, match="is finished: a veto or a pin changes nothing any more"):
        run.say(NOTE, Mark(kind="veto", on="g001-00", who="ada", when="now"))
    assert run.people.said() == (NOTE,)


def test_words_about_a_candidate_need_that_candidate(run: Run, generations: Generations) -> None:
    with pytest.raises(UsageError, match=r"There is no candidate 'g001-01'\. Known: none yet"):
        run.say(dataclasses.replace(NOTE, on="g001-01"))
    run.add_generation(generations[0])
    run.say(dataclasses.replace(NOTE, on="g001-01"))
    run.say(Mark(kind="pin", on="g001-00", who="ada", when="now"))
    with pytest.raises(UsageError, match=r"no candidate 'g001-1'\. Did you mean 'g001-01'\? Known: g001-00, g001-01"):
        run.say(Preference(first="g001-00", second="g001-1", p_first=1.0, source="person", who="ada", when="now"))
    assert len(run.people.said()) == 2


SAY = """
import sys
from pathlib import Path
from rewardsmith.store import Run
from rewardsmith.types import Note
run = Run.open(Path(sys.argv[1]), write=False)
for number in range(20):
    run.say(Note(text=str(number), on="", who="ada", when="now"))
assert "torch" not in sys.modules, "saying a word must not load the learner"
"""


def test_another_process_may_speak_while_the_writer_writes(run: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", SAY, str(run.folder)]) as speaker:
        for index in range(1, 30):
            run.add_generation(Generation(index=index, chain=0, attempts=()))
            run.people.said_before(index)
        assert speaker.wait(timeout=30) == 0
    run.people.said_before(30)
    heard = [note for index in range(1, 31) for note in run.people.said_before(index)]
    assert [note.text for note in heard if isinstance(note, Note)] == [str(number) for number in range(20)]


# --- trajectories and checkpoints -----------------------------------------------------------------------------------


@pytest.fixture
def with_episodes(generations: Generations) -> Generation:
    """The second generation, whose attempt kept two episodes and a policy at the peak of its own reward."""
    [attempt] = generations[1].attempts
    judged = attempt.outcome
    assert isinstance(judged, Judged)
    peak = Checkpoint(policy=Policy(tensors={"w": torch.full((4,), 7.0)}), env_steps=50)
    outcome = dataclasses.replace(
        judged,
        trained=dataclasses.replace(judged.trained, peak=peak),
        checkpoint="peak",
        other=judged.score,
        trajectories=tuple(_episode(fitness) for fitness in (1.0, 4.0)),
    )
    return dataclasses.replace(generations[1], attempts=(dataclasses.replace(attempt, outcome=outcome),))


def _episode(fitness: float, source: str = "g002-00") -> Trajectory:
    return Trajectory(
        source=source,
        signals={"speed": torch.arange(3.0)},
        actions=torch.zeros(2, 1),
        fitness_steps=torch.full((2,), fitness),
        expert=None,
        fitness=fitness,
        success=None,
        terminated=False,
    )


def test_an_attempts_episodes_lie_in_one_file_and_come_back(run: Run, with_episodes: Generation) -> None:
    run.add_generation(with_episodes)
    assert [p.name for p in (run.folder / "trajectories").iterdir()] == ["g002-00.safetensors"]
    with Run.open(run.folder, write=False) as reader:
        outcome = reader.history()[0].attempts[0].outcome
        assert isinstance(outcome, Judged)
        assert [t.fitness for t in outcome.trajectories] == [1.0, 4.0]
        assert outcome.trajectories[0].signals["speed"].tolist() == [0.0, 1.0, 2.0]
    run.add_generation(run.history()[0])  # read and added again: nothing changes
    assert run.damaged() == ()


def test_both_checkpoints_are_kept_and_the_chosen_one_is_best(run: Run, with_episodes: Generation) -> None:
    run.add_generation(with_episodes)
    files = contents(run.folder)
    assert files["policies/g002-00.safetensors"] != files["policies/g002-00.peak.safetensors"]
    assert files["best/policy.safetensors"] == files["policies/g002-00.peak.safetensors"]
    with Run.open(run.folder, write=False) as reader:
        outcome = reader.history()[0].attempts[0].outcome
        assert isinstance(outcome, Judged)
        assert outcome.policy.tensors["w"].tolist() == [7.0] * 4
        assert outcome.trained.policy.tensors["w"].tolist() != [7.0] * 4


def test_damaged_episodes_are_named_and_spare_the_rest(run: Run, with_episodes: Generation) -> None:
    run.add_generation(with_episodes)
    (run.folder / "trajectories/g002-00.safetensors").write_bytes(b"")
    with Run.open(run.folder, write=False) as reader:
        [attempt] = reader.history()[0].attempts
        assert isinstance(attempt.outcome, Judged)
        assert attempt.fitness == 3.5
        with pytest.raises(RunError, match=r"trajectories/g002-00\.safetensors is damaged"):
            list(attempt.outcome.trajectories)
        assert len(reader.damaged()) == 1


def test_a_run_of_before_there_were_episodes_still_opens(run: Run, generations: Generations) -> None:
    """As earlier versions wrote it: neither peak, checkpoint, other, trajectories, hidden nor pool stood there."""
    for generation in generations:
        run.add_generation(generation)
    run.close()
    gone = (
        r'"(peak|stopped|other|hidden_fitness|disturbance)":null,',
        r',"(peak|stopped|other|hidden_fitness|disturbance)":null',
        r'"checkpoint":"last",',
        r'"(trajectories|hidden)":\[\],',
        r',"(trajectories|hidden)":\[\]',
        r'"pool":\{[^}]*\},',
        r'"keep":\d+,',
    )

    def old(body: str) -> str:
        found = functools.reduce(lambda text, pattern: re.sub(pattern, "", text), gone, body)
        assert not re.search(r'"(peak|checkpoint|trajectories|hidden_fitness|pool|disturbance)"|"hidden":\[\]', found)
        return found

    doctored(run.folder, old)
    with Run.open(run.folder, write=True) as again:
        assert comparable(again.history()) == comparable(generations)
        assert again.start_trajectories() is None
        assert again.config.pool == EvolveConfig().pool


def test_the_episodes_a_run_begins_with_are_kept_once(run: Run) -> None:
    assert run.start_trajectories() is None
    run.set_start_trajectories([_episode(1.0, "random"), _episode(2.0, "random")])
    run.set_start_trajectories([_episode(1.0, "random"), _episode(2.0, "random")])
    with Run.open(run.folder, write=False) as reader:
        assert [t.fitness for t in reader.start_trajectories() or ()] == [1.0, 2.0]
        assert reader.damaged() == ()
    with pytest.raises(RunError, match="already holds 'trajectories'"):
        run.set_start_trajectories([_episode(3.0, "random")])


def test_a_run_may_begin_with_no_episodes(run: Run) -> None:
    run.set_start_trajectories([])
    assert run.start_trajectories() == ()


@pytest.mark.parametrize("at_work", [True, False])
def test_a_run_that_may_only_be_read_shows_all_that_was_committed_and_takes_in_nothing(
    run: Run,
    generations: tuple[Generation, ...],
    of_another: Callable[..., AbstractContextManager[Path]],
    at_work: bool,
) -> None:
    """Where somebody is at work on it, or was killed, some of it lies beside the ledger."""
    for generation in generations:
        run.add_generation(generation)
    told = [g.index for g in run.history()]
    if not at_work:
        run.close()
    assert (run.folder / "ledger.sqlite-wal").exists() == at_work
    with of_another(run.folder) as folder:
        before = sorted(folder.iterdir())
        with Run.open(folder, write=False) as reader:
            assert [g.index for g in reader.history()] == told
            with pytest.raises(RunError, match=r"readonly.*may be written to"):
                reader.say(Note(text="Faster.", on="", who="ada", when="now"))
        assert sorted(folder.iterdir()) == before
        with pytest.raises(RunError, match="lock cannot be written"):
            Run.open(folder, write=True)
