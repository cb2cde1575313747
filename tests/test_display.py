"""What a run shows while it works, told to it by hand with a clock of our own."""

from __future__ import annotations

import io
import os
import pty
from dataclasses import replace

import pytest
from rich.console import Console

from rewardsmith.config import EvolveConfig, SearchSettings
from rewardsmith.display import (
    Board,
    Lines,
    Panel,
    board_of,
    count_words,
    duration_words,
    final_words,
    gain_words,
    generation_words,
    make,
    most_frequent_rejection,
    render,
    spend_words,
)
from rewardsmith.interfaces import Progress
from rewardsmith.types import (
    Attempt,
    Candidate,
    EnvSpec,
    Feedback,
    Final,
    Generation,
    Judged,
    Mark,
    Measure,
    Policy,
    ReferenceResult,
    References,
    Rejected,
    Repair,
    Score,
    Signal,
    Spend,
    Task,
    Trained,
)

TASK = Task(
    name="run_far",
    goal="Run far.",
    env=EnvSpec(backend="point", id="Point-v0"),
    signals=(Signal(name="x", shape=(), unit="m", doc="place", source="obs[0]"),),
    fitness=Measure(source="x", reduce="final", unit="m"),
    success=None,
    references=References(),
    episode_steps=10,
    control_dt_s=0.1,
)


class Clock:
    def __init__(self) -> None:
        self.time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(task=TASK, generations=3, now=clock)


def judged(fitness: float) -> Judged:
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=100, seconds=1.0)
    score = Score(
        episodes=(fitness, fitness), mean=fitness, ci95=0.5, success_rate=None, success_ci95=None, mean_length=10.0
    )
    return Judged(trained=trained, score=score)


def attempt(name: str, fitness: float | None, *, why: str = "no 'y' is declared.", repairs: int = 0) -> Attempt:
    candidate = Candidate(id=name, code="", sha256="", origin="offline", model="offline")
    rejected = Rejected(stage="static", reason=why, hint="")
    return Attempt(
        candidate=candidate,
        outcome=rejected if fitness is None else judged(fitness),
        repairs=(Repair(code="", rejected=rejected),) * repairs,
    )


def generation(index: int, *attempts: Attempt) -> Generation:
    return Generation(index=index, chain=0, attempts=attempts)


# --- words ------------------------------------------------------------------------------------------------------------


def test_a_generation_tells_the_fittest_first_and_each_rejection() -> None:
    told = generation_words(
        generation(2, attempt("g002-00", 1.5), attempt("g002-01", None), attempt("g002-02", 4.0, repairs=2)), TASK
    )
    assert told == [
        "generation 2: 2 judged, 1 rejected",
        "  g002-02 judged: fitness 4 +- 0.5 m over 2 episodes  (after 2 repairs)",
        "  g002-00 judged: fitness 1.5 +- 0.5 m over 2 episodes",
        "  g002-01 rejected at static: no 'y' is declared.",
    ]


def test_a_generation_without_a_judged_candidate_says_why_most_often() -> None:
    attempts = [attempt("g001-00", None, why="rare."), *(attempt(f"g001-0{i}", None) for i in (1, 2))]
    assert generation_words(generation(1, *attempts), TASK)[-1] == (
        "  nothing could be judged; most often: rejected at static: no 'y' is declared."
    )
    assert most_frequent_rejection([]) == "no candidate was rejected"


def test_the_end_tells_the_gain_on_generation_1_and_the_references() -> None:
    score = judged(5.0).score
    final = Final(winner="g002-00", score=score, references=(("expert", judged(4.0).score),), human_normalised=1.25)
    history = [generation(0), generation(1, attempt("g001-00", 2.0)), generation(2, attempt("g002-00", 6.0))]
    assert final_words(final, history, TASK) == [
        "winner g002-00: fitness 5 +- 0.5 m on fresh seeds",
        "best of generation 1: 2; best of all 2: 6 m (+4, +200%), on the seeds that choose",
        "expert reward: fitness 4 +- 0.5 m",
        "human-normalised score: 1.25 (1 is the expert's, 0 the sparse reward's)",
    ]


def test_what_a_person_brought_in_is_no_gain() -> None:
    seeded = generation(0, attempt("g000-00", 9.0))
    history = [seeded, generation(1, attempt("g001-00", 2.0)), generation(2, attempt("g002-00", 2.5))]
    assert "best of all 2: 2.5 m (+0.5, +25%)" in gain_words(history, TASK)
    assert "no later generation did better" in gain_words([*history[:2], generation(2, attempt("g002-00", 1.0))], TASK)


@pytest.mark.parametrize(
    ("first", "told"), [(0.5, "(+4.5, +900%)"), (0.01, "(+4.99)"), (0.0, "(+5)"), (-1.0, "(+6, +600%)")]
)
def test_a_gain_on_next_to_nothing_is_no_percentage(first: float, told: str) -> None:
    history = [generation(1, attempt("g001-00", first)), generation(2, attempt("g002-00", 5.0))]
    assert f" m {told}, on the seeds" in gain_words(history, TASK)


def test_where_nothing_got_better_the_end_says_so() -> None:
    final = Final(winner="g001-00", score=judged(5.0).score)
    history = [generation(1, attempt("g001-00", 2.0)), generation(2, attempt("g002-00", 1.0))]
    assert final_words(final, history, TASK)[1:] == ["best of generation 1: 2 m; no later generation did better"]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0"), (950, "950"), (12_000, "12k"), (1_200_000, "1.2M"), (163_840, "164k")]
)
def test_counts_are_short(count: int, words: str) -> None:
    assert count_words(count) == words


@pytest.mark.parametrize(("seconds", "words"), [(8, "8 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_durations_are_in_the_units_that_fit(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_spend_names_tokens_and_cost_only_where_there_are_any() -> None:
    assert spend_words(Spend(env_steps=5000)) == "5k env steps"
    assert spend_words(Spend(env_steps=5000, tokens_in=12_000, tokens_out=625, cost_usd=0.0312)) == (
        "5k env steps, 12,625 tokens, $0.0312"
    )


# --- what is known ----------------------------------------------------------------------------------------------------


def test_time_left_comes_from_finished_generations(board: Board, clock: Clock) -> None:
    assert board.seconds_left() is None
    clock.time_s = 60.0
    board.add(generation(1, attempt("g001-00", 1.0)))
    assert board.seconds_left() == 120.0  # two more of 60 s each
    clock.time_s = 80.0
    assert board.seconds_left() == 100.0
    clock.time_s = 500.0  # this one takes longer than the first did
    assert board.seconds_left() == 0.0


def test_time_left_in_the_first_generation_comes_from_its_training(board: Board, clock: Clock) -> None:
    clock.time_s = 10.0  # asking and verifying took 10 s
    board.progress(Progress(generation=1, stage="train", fraction=0.0))
    clock.time_s = 30.0
    board.progress(Progress(generation=1, stage="train", fraction=0.5))
    assert board.seconds_left() == 120.0  # 10 s + 20 s / 0.5 a generation, three of them, 30 s gone


def test_time_left_of_a_resumed_training_is_of_what_it_does_now(board: Board, clock: Clock) -> None:
    board.progress(Progress(generation=1, stage="train", fraction=0.4))
    clock.time_s = 1.0
    assert board.seconds_left() is None  # nothing was done yet from which to tell
    clock.time_s = 20.0
    board.progress(Progress(generation=1, stage="train", fraction=0.6))
    assert board.seconds_left() == pytest.approx(240.0)  # 100 s a generation: 40 s of this one and two more


def test_references_do_not_count_as_a_generation_s_time(board: Board, clock: Clock) -> None:
    board.progress(Progress(generation=0, stage="train", fraction=0.5))
    clock.time_s = 1000.0
    assert board.seconds_left() is None
    board.measured(())
    clock.time_s = 1060.0
    board.add(generation(1, attempt("g001-00", 1.0)))
    assert board.seconds_left() == 120.0


def test_waiting_for_a_person_counts_for_no_generation(board: Board, clock: Clock) -> None:
    clock.time_s = 60.0
    board.add(generation(1, attempt("g001-00", 1.0)))
    board.pause()
    clock.time_s = 1060.0
    board.progress(Progress(generation=2, stage="propose", fraction=0.0))
    assert board.seconds_left() == 120.0


def test_replies_by_hand_take_a_person_s_time(clock: Clock) -> None:
    board = Board(task=TASK, generations=3, now=clock, by_hand=True)
    clock.time_s = 60.0
    board.add(generation(1, attempt("g001-00", 1.0)))
    board.progress(Progress(generation=2, stage="propose", fraction=0.0))
    clock.time_s = 1060.0
    assert board.seconds_left() == 120.0
    board.progress(Progress(generation=2, stage="verify", fraction=0.0))
    clock.time_s = 1080.0
    assert board.seconds_left() == 100.0
    board.add(generation(2, attempt("g002-00", 1.0)))
    assert board.latest_s == 20.0


@pytest.mark.parametrize(
    ("model", "by_hand"), [("manual", True), ("manual:a/folder", True), ("offline", False), ("openai/manual", False)]
)
def test_only_manual_replies_come_by_hand(model: str, by_hand: bool) -> None:
    assert board_of(TASK, EvolveConfig(model=model)).by_hand is by_hand


def test_a_resumed_run_starts_from_what_is_finished(board: Board) -> None:
    board.begun([generation(0), generation(1, attempt("g001-00", 2.0))], ())
    assert board.finished == 1
    assert board.best is not None
    assert board.best.id == "g001-00"


def test_the_best_so_far_is_who_leads_by_what_people_said_and_by_the_runs_own_rule(board: Board) -> None:
    board.add(generation(1, attempt("g001-00", 2.0), attempt("g001-01", 9.0)))
    veto = Mark(kind="veto", on="g001-01", who="ada", when="")
    board.add(Generation(index=2, chain=0, attempts=(attempt("g002-00", 1.0),), people=(veto,)))
    assert board.best is not None
    assert board.best.id == "g001-00"
    ranked = board_of(TASK, EvolveConfig(search=SearchSettings(rank_by="llm")))
    praised = replace(attempt("g001-00", 2.0), feedback=(Feedback(source="llm_judge", text="", score=0.9),))
    ranked.add(generation(1, praised, attempt("g001-01", 9.0)))
    assert ranked.best is not None
    assert ranked.best.id == "g001-00"


def test_states_of_an_earlier_generation_are_forgotten(board: Board) -> None:
    board.progress(Progress(generation=1, stage="train", fraction=0.1, states={"g001-00": "fitness 1"}))
    board.progress(Progress(generation=2, stage="propose", fraction=0.0, states={"g002-00": "asked"}))
    assert board.states == {"g002-00": "asked"}


# --- plain lines and the panel ----------------------------------------------------------------------------------------


def tell_all(display: Lines, clock: Clock) -> None:
    states = {"g001-00": "asked", "g001-01": "asked"}
    display.begun((), ())
    display.measured([ReferenceResult(name="expert", outcome=judged(3.0))])
    display(Progress(generation=0, stage="random", fraction=0.0))
    display(Progress(generation=1, stage="propose", fraction=0.0, states=states))
    for percent in range(0, 101, 10):
        clock.time_s += 1.0
        display(Progress(generation=1, stage="train", fraction=percent / 100, env_steps_per_s=12_345.6))
    display(Progress(generation=1, stage="judge", fraction=0.5))
    display(Progress(generation=1, stage="judge", fraction=1.0))
    display.finished(generation(1, attempt("g001-00", 2.0), attempt("g001-01", None)))
    display(Progress(generation=4, stage="finals", fraction=0.0))
    display(Progress(generation=4, stage="judge", fraction=0.5))


def test_plain_lines_say_who_is_asked_again_and_why(board: Board) -> None:
    out = io.StringIO()
    display = Lines(board, out=out)
    states = {"g001-00": "asked again: Reward code asks for 'height'.", "g001-02": "asked"}
    display(Progress(generation=1, stage="propose", fraction=0.0, states=states))
    first, second = out.getvalue().splitlines()
    assert first.endswith("asking for rewards (2 candidates)")
    assert second == "  g001-00  asked again: Reward code asks for 'height'."


def test_plain_lines_tell_each_stage_once_and_training_by_quarters(board: Board, clock: Clock) -> None:
    out = io.StringIO()
    tell_all(Lines(board, out=out), clock)
    assert out.getvalue().splitlines() == [
        "expert reward: judged: fitness 3 +- 0.5 m over 2 episodes",
        "playing at random",
        "generation 1/3: asking for rewards (2 candidates)",
        "generation 1/3: training",
        "generation 1/3: training 30%, 12,346 env steps/s, about 29 s left",  # 3 x (1 s + 3 s / 0.3) - 4 s
        "generation 1/3: training 60%, 12,346 env steps/s, about 26 s left",
        "generation 1/3: training 90%, 12,346 env steps/s, about 23 s left",
        "generation 1/3: judging",
        "generation 1: 1 judged, 1 rejected, in 11 s",
        "  g001-00 judged: fitness 2 +- 0.5 m over 2 episodes",
        "  g001-01 rejected at static: no 'y' is declared.",
        "best so far: 2 +- 0.5 m (g001-00); expert 3, about 22 s left",
        "measuring the winner again",
    ]


def test_a_reader_that_went_away_does_not_stop_the_run(board: Board, clock: Clock) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    tell_all(Lines(board, out=Gone()), clock)
    assert board.finished == 1


def test_the_panel_shows_where_the_run_is_and_its_figures(board: Board) -> None:
    board.begun([generation(1, attempt("g001-00", 2.0))], [ReferenceResult(name="expert", outcome=judged(3.0))])
    board.spend = Spend(env_steps=5000, tokens_in=1000, cost_usd=0.5)
    states = {f"g002-{i:02d}": f"fitness {i}" for i in range(20)}
    board.progress(Progress(generation=2, stage="train", fraction=0.5, states=states, env_steps_per_s=1000.0))
    screen = Console(file=io.StringIO(), width=120, force_terminal=False, record=True)
    screen.print(render(board))
    text = screen.export_text()
    assert "rewardsmith: run_far" in text
    assert "generation 2/3: training" in text
    assert "g002-15  fitness 15" in text
    assert "and 4 more" in text
    assert "best so far 2 +- 0.5 m (g001-00); expert 3" in text
    assert "1,000 env steps/s | 5k env steps, 1,000 tokens, $0.5000" in text


def test_on_a_terminal_the_panel_is_drawn_and_what_is_said_stays() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, make(TASK, EvolveConfig(), out=terminal) as display:
        assert isinstance(display, Panel)
        display(Progress(generation=1, stage="propose", fraction=0.0, states={"g001-00": "asked"}))
        display.finished(generation(1, attempt("g001-00", 2.0)))
        display.pause()
        display.say("a line for good")
        display(Progress(generation=2, stage="train", fraction=0.5))
        drawn = os.read(ours, 1 << 16).decode()
        while "50%" not in drawn:
            drawn += os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "g001-00 judged: fitness 2" in drawn
    assert "a line for good" in drawn
    assert "generation 2/5: training" in drawn


def test_without_a_terminal_the_display_is_plain_lines() -> None:
    out = io.StringIO()
    with make(TASK, EvolveConfig(), out=out) as display:
        display.say("a line")
    assert isinstance(display, Lines)
    assert out.getvalue() == "a line\n"
