"""A run on one page, the same from the same ledger."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith.report import lineage, summary, table
from rewardsmith.report.lineage import tree
from rewardsmith.screen.records import feedback as screen_feedback
from rewardsmith.screen.verdicts import Failed
from rewardsmith.store import Run
from rewardsmith.store.codec import Json
from rewardsmith.types import Anchor, Attempt, Drafted, Final, Generation, Judged, Rejected, Score, Stop

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


def golden(name: str, text: str) -> None:
    """Compare with the file in tests/golden/report; UPDATE_GOLDEN=1 rewrites it, to be read before it is kept."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def without_time_and_versions(text: str) -> str:
    return re.sub(r"Begun: .*", "Begun: TIME, with VERSIONS", text)


def test_the_summary_of_a_finished_run(run: Run) -> None:
    golden("summary.md", without_time_and_versions(summary(run)))


def test_the_command_to_begin_anew_names_what_lies_in_the_run_and_what_it_was_asked_for(empty_run: Run) -> None:
    """A task with files of its own, a method and a preset of a person's own, and what is no setting.

    The references have not been trained yet.
    """
    asked: Json = {
        "base_url": "http://gpu:8000/v1", "trajectories": ["/data/my episodes.safetensors"], "references": True,
    }  # fmt: skip
    train = empty_run.start.config.train.model_copy(update={"preset": "my/preset.yaml"})
    config = empty_run.start.config.model_copy(update={"method": "mine.yaml", "train": train})
    empty_run.start = replace(empty_run.start, config=config, task_place="task/cheetah.yaml", extras=asked)
    name = empty_run.folder.name
    assert (
        f"rewardsmith evolve {name}/task/cheetah.yaml --config {name}/config.yaml --method default "
        "--set train.preset=default --references --trajectories '/data/my episodes.safetensors' --base-url http://gpu:8000/v1\n"
    ) in summary(empty_run)


def test_the_table_of_a_finished_run(run: Run) -> None:
    golden("table.txt", table(run))


def test_a_reader_in_another_session_tells_the_same(run: Run) -> None:
    before = summary(run)
    with Run.open(run.folder, write=False) as reader:
        assert summary(reader) == before
        assert summary(reader) == before


def test_a_failed_candidate_shows_its_reason_and_no_fitness(run: Run) -> None:
    [line] = [line for line in table(run).splitlines() if line.startswith("g001-00")]
    cells = re.split(r"\s{2,}", line)
    assert cells[3] == "rejected at static (line 3): Reward code may not import os | or <sys>."
    assert cells[4:6] == ["-", "-"]


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_heading(run: Run) -> None:
    section = summary(run).split("## Candidates\n\n")[1].split("\n\n")[0]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in section.splitlines()} == {9}


def test_a_warm_start_is_told(empty_run: Run) -> None:
    assert "1000000 env steps a candidate; fitness over" in summary(empty_run)
    train = empty_run.config.train.model_copy(update={"warm_start": 0.5})
    empty_run.start = replace(empty_run.start, config=empty_run.config.model_copy(update={"train": train}))
    assert "1000000 env steps a candidate, begun with 0.5 of the best parent's policy; fitness" in summary(empty_run)


def test_a_run_that_began_without_rewards_has_no_row_for_them(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    empty_run.add_generation(Generation(index=0, chain=0, attempts=()))
    assert "## Generations" not in summary(empty_run)
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", judged(2.0)),)))
    table = summary(empty_run).partition("## Generations\n")[2].partition("\n## ")[0].strip().splitlines()
    assert [row.split("|")[1].strip() for row in table[2:]] == ["1"]


def test_a_mean_does_not_hide_the_one_episode_that_failed(
    run: Run, score: Callable[..., Score], attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    run.add_generation(Generation(index=3, chain=0, attempts=(attempt("g003-00", judged(3.0)),)))
    run.set_final(Final(winner="g003-00", score=replace(score(3.0), episodes=(4.0, 4.0, 0.01, 3.99))))
    assert "| **g003-00** | 3 ± 0.25 | 0.01 |" in summary(run)


def test_a_long_goal_is_told_whole(empty_run: Run) -> None:
    goal = "Walk. " * 100
    empty_run.start = replace(empty_run.start, task=replace(empty_run.task, goal=goal))
    assert f"Task: cheetah_run. {goal.strip()}\n" in summary(empty_run)


def test_a_run_with_nothing_judged_claims_nothing(empty_run: Run, attempt: Callable[..., Attempt]) -> None:
    assert table(empty_run) == "No generation is finished yet.\n"
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", Drafted()),)))
    text = summary(empty_run)
    assert "## Result\n\nNo candidate has been judged yet.\n" in text
    assert "State: no end is recorded: it is under way, or was killed" in text
    assert "Best reward" not in text
    assert "Warnings" not in text


def test_a_leader_is_not_called_a_winner(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", judged(2.0)),)))
    text = summary(empty_run)
    assert "The leader is g001-00, judged: fitness 2 +- 0.25 m/s over 4 episodes. It has not been measured" in text
    assert "winner" not in text


def test_a_winner_of_before_the_run_went_on_is_told_nowhere(
    run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    """A limit ends a run with its winner measured; resumed with more, it breeds a better one."""
    assert "The winner is g002-00" in summary(run)
    run.add_generation(Generation(index=3, chain=0, attempts=(attempt("g003-00", judged(9.0)),)))
    told = summary(run)
    assert "The leader is g003-00" in told
    assert "winner" not in told.partition("## Result")[2].partition("## Best reward")[0]
    assert "`best/reward.py` is g003-00" in told
    assert lineage(run).startswith("g003-00 ")


def test_a_human_normalised_score_is_told_with_its_scale(
    run: Run, score: Callable[..., Score], attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    run.add_generation(Generation(index=3, chain=0, attempts=(attempt("g003-00", judged(3.0)),)))
    run.set_final(Final(winner="g002-00", score=score(3.4), human_normalised=0.625))
    assert "Human-normalised score: 0.625 (1 is the expert's, 0 the sparse reward's)." in summary(run)


def test_where_the_expert_did_worse_than_the_sparse_reward_the_scale_says_so(
    run: Run, score: Callable[..., Score], attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    run.add_generation(Generation(index=3, chain=0, attempts=(attempt("g003-00", judged(3.0)),)))
    measured = (("expert", score(0.046)), ("sparse", score(0.8225)))
    run.set_final(Final(winner="g002-00", score=score(0.046), references=measured, human_normalised=-1.0))
    told = summary(run)
    assert "1 is the expert's, 0" not in told
    assert (
        "Human-normalised score: -1 (the sparse reward's policy did better than the expert's: 0 is the sparse one's, "
        "-1 the expert's)."
    ) in told


@pytest.mark.parametrize(
    ("kind", "told"),
    [(k, f"stopped early, {w}") for k, w in (("raced", "behind"), ("solved", "solved"), ("hacking", "hacking"))],
)
def test_a_training_that_ended_early_is_marked(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged], kind: str, told: str
) -> None:
    outcome = judged(2.0)
    stop = Stop(kind=kind, env_steps=20, why="Stopped.")  # type: ignore[arg-type]
    cut = replace(outcome, trained=replace(outcome.trained, stopped=stop))
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", cut),)))
    assert f"| judged ({told}) | 2 ± 0.25 |" in summary(empty_run)


ANCHORS = (
    Anchor(
        policy="random", env_steps=0, fitness=-0.12345, ci95=0.01, success_rate=None, success_ci95=None,
        mean_length=20.0, seeds=1
    ),
    Anchor(
        policy="expert", env_steps=1_000_000, fitness=3.5, ci95=0.25, success_rate=0.5, success_ci95=None,
        mean_length=20.0, seeds=3
    ),
)  # fmt: skip


def test_steps_that_racing_and_the_screen_saved_are_of_whole_rollouts(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    """10,000 env steps are two rollouts of 32 x 128: 8,192, of which one training took half and one was skipped."""
    train = empty_run.config.train.model_copy(update={"env_steps": 10_000, "num_envs": 32, "rollout_steps": 128})
    empty_run.start = replace(empty_run.start, config=empty_run.config.model_copy(update={"train": train}))
    outcome = judged(2.0)
    through, behind = (
        replace(outcome, trained=replace(outcome.trained, env_steps=steps, stopped=stop))
        for steps, stop in ((8192, None), (4096, Stop(kind="raced", env_steps=4096, why="")))
    )
    skipped = replace(
        attempt("g001-02", Rejected(stage="screen", reason="", hint="")),
        feedback=(screen_feedback([Failed(test="preference", reason="", hint="")], audited=False),),
    )
    attempts = (attempt("g001-00", through), attempt("g001-01", behind), skipped)
    empty_run.add_generation(Generation(index=1, chain=0, attempts=attempts))
    told = summary(empty_run)
    assert "which saved 4096 of 16384 env steps (25%)" in told
    assert "1 training skipped, which saved up to 8192 env steps" in told


def test_a_run_without_references_is_held_against_what_ships(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged], score: Callable[..., Score]
) -> None:
    empty_run.add_generation(Generation(index=1, chain=0, attempts=(attempt("g001-00", judged(2.0)),)))
    empty_run.set_final(Final(winner="g001-00", score=score(2.1)))
    rows = [line for line in summary(empty_run, scale=ANCHORS).splitlines() if "for scale" in line]
    assert rows == [
        "| for scale: random actions | -0.1235 ± 0.01 | - | - | 1 seed |",
        "| for scale: expert reward, 1,000,000 env steps | 3.5 ± 0.25 | - | 50% | 3 seeds |",
    ]
    assert "for scale" not in summary(empty_run)


def test_a_run_with_references_of_its_own_needs_no_other_scale(run: Run) -> None:
    assert summary(run, scale=ANCHORS) == summary(run)


def test_a_seeded_run_says_which_seeds_begin_it_anew(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    empty_run.add_generation(Generation(index=0, chain=0, attempts=(attempt("g000-00", judged(1.0)),)))
    name = empty_run.folder.name
    assert f"config.yaml --seed-reward {name}/candidates/g000-00.py\n" in summary(empty_run)


def test_a_damaged_file_is_a_warning(run: Run) -> None:
    (run.folder / "policies/g001-01.safetensors").write_bytes(b"torn")
    assert re.search(r"## Warnings\n\n(- .*\n)*- .*g001-01\.safetensors is damaged", summary(run))


# --- lineage --------------------------------------------------------------------------------------------------------


def test_lineage_leads_from_the_winner_to_the_first(run: Run) -> None:
    assert lineage(run) == (
        "g002-00  judged: fitness 3.5 +- 0.25 m/s over 4 episodes, success 75%, by llm (openai/some-model)\n"
        "└─ g001-01  judged: fitness 2 +- 0.25 m/s over 4 episodes, success 25%, by llm (openai/some-model)\n"
    )


def test_an_ancestor_of_several_is_told_once(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    bred = [("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b", "c", "lost"))]
    for index, (name, parents) in enumerate(bred):
        one = attempt(name, judged(float(index)), parents)
        empty_run.add_generation(Generation(index=index, chain=0, attempts=(one,)))
    shape = [line.split("  judged")[0] for line in lineage(empty_run).splitlines()]
    assert shape == ["d", "└─ b", "   └─ a", "└─ c", "   └─ a  (told above)", "└─ lost  (not in this run)"]


def test_a_line_of_two_thousand_rewards_can_be_told(
    attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    outcome = judged(1.0)
    line = {f"c{i}": attempt(f"c{i}", outcome, (f"c{i - 1}",) if i else ()) for i in range(2000)}
    told = tree(line["c1999"], line, unit="1")
    assert [words.split()[1] for words in told[1:3]] == ["c1998", "c1997"]
    assert len(told) == 2000
