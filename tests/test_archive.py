"""Selection: never a worse parent, chains that know nothing of one another, and people's words before numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.archive import Archive
from rewardsmith.config import SearchSettings
from rewardsmith.types import (
    Attempt,
    Candidate,
    Feedback,
    Generation,
    HumanInput,
    Judged,
    Mark,
    Note,
    Policy,
    Preference,
    Rejected,
    Score,
    Trained,
)

SETTINGS = SearchSettings(generations=3, restarts=2, history_turns=4)
WHO = {"who": "ada", "when": "2026-01-01T00:00:00Z"}


def _attempt(name: str, fitness: float | None) -> Attempt:
    """Judged at `fitness`, or rejected where it is None."""
    candidate = Candidate(id=name, code="", sha256="", origin="offline", model="offline")
    if fitness is None:
        return Attempt(candidate=candidate, outcome=Rejected(stage="probe", reason="Constant.", hint=""))
    score = Score(episodes=(fitness,), mean=fitness, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score))


def _history(*fitness: Sequence[float | None], settings: SearchSettings = SETTINGS) -> list[Generation]:
    """Generation i holds `g00i-00`, `g00i-01`, ... of these fitnesses; the first is the seeded one."""
    archive = Archive(settings)
    return [
        Generation(
            index=i,
            chain=archive.chain_of(i),
            attempts=tuple(_attempt(f"g{i:03d}-{j:02d}", f) for j, f in enumerate(each)),
        )
        for i, each in enumerate(fitness)
    ]


def _archive(*fitness: Sequence[float | None], people: Sequence[HumanInput] = ()) -> Archive:
    archive = Archive.replay(_history(*fitness), SETTINGS)
    archive.hear(people)
    return archive


def _ids(attempts: Sequence[Attempt]) -> list[str]:
    return [a.id for a in attempts]


def _parent(archive: Archive, chain: int = 0) -> str | None:
    lineage = archive.lineage(chain)
    return lineage[-1].id if lineage else None


def _prefer(first: str, second: str, p_first: float | None = 1.0) -> Preference:
    return Preference(first=first, second=second, p_first=p_first, source="person", **WHO)


def _mark(kind: str, on: str) -> Mark:
    return Mark(kind=kind, on=on, **WHO)  # type: ignore[arg-type]


# --- greedy ---------------------------------------------------------------------------------------------------------


def test_the_parent_is_the_best_so_far_and_not_of_the_last_generation() -> None:
    archive = _archive([], [1.0, 5.0], [3.0, None])
    assert _parent(archive) == "g001-01"
    assert _ids(archive.lineage(0)) == ["g001-01"]


def test_the_lineage_is_the_successive_bests_oldest_first() -> None:
    archive = _archive([], [1.0, 2.0], [1.5, 4.0], [3.0, 6.0])
    assert _ids(archive.lineage(0)) == ["g001-01", "g002-01", "g003-01"]


def test_the_lineage_is_as_long_as_history_turns_and_keeps_its_end() -> None:
    settings = SearchSettings(generations=5, history_turns=2)
    archive = Archive.replay(_history([], [1.0], [2.0], [3.0], [4.0], settings=settings), settings)
    assert _ids(archive.lineage(0)) == ["g003-00", "g004-00"]


def test_of_equals_the_earlier_stays_parent() -> None:
    assert _parent(_archive([], [2.0, 2.0], [2.0])) == "g001-00"


def test_without_a_judged_attempt_there_is_no_parent_and_no_best() -> None:
    for archive in (_archive(), _archive([]), _archive([], [None, None])):
        assert archive.lineage(0) == ()
        assert archive.best() is None


def test_a_negative_fitness_is_a_fitness_and_a_rejection_is_not_one() -> None:
    assert _parent(_archive([], [None, -9.0])) == "g001-01"


fitnesses = st.lists(st.lists(st.none() | st.integers(-3, 3).map(float), max_size=4), max_size=8)


@given(fitnesses)
def test_a_parent_is_never_worse_than_one_before_it_in_its_chain(generations: list[list[float | None]]) -> None:
    archive, best = Archive(SETTINGS), dict[int, float]()
    for generation in _history(*generations):
        archive.add(generation)
        for chain in (0, 1):
            lineage = archive.lineage(chain)
            found = [a.fitness for a in lineage if a.fitness is not None]
            assert len(found) == len(lineage)
            assert found == sorted(found)
            if found:
                assert found[-1] >= best.get(chain, found[-1])
                best[chain] = found[-1]


@given(fitnesses)
def test_replaying_a_history_equals_having_lived_it(generations: list[list[float | None]]) -> None:
    history = _history(*generations)
    live = Archive(SETTINGS)
    for i, generation in enumerate(history):
        live.add(generation)
        replayed = Archive.replay(history[: i + 1], SETTINGS)
        for chain in (0, 1):
            assert replayed.lineage(chain) == live.lineage(chain)
            assert replayed.siblings(chain) == live.siblings(chain)
            assert replayed.earlier(chain) == live.earlier(chain)
        assert replayed.best() == live.best()
        assert replayed.next_index == live.next_index
        assert replayed.complete == live.complete


def test_replaying_hears_what_people_said_before_each_generation() -> None:
    first, second = _history([], [1.0, 5.0])
    said = Generation(index=1, chain=0, attempts=second.attempts, people=(_mark("veto", "g001-01"),))
    assert _parent(Archive.replay([first, said], SETTINGS)) == "g001-00"


# --- chains ---------------------------------------------------------------------------------------------------------


def test_generations_of_a_chain_are_counted_after_the_seeded_one() -> None:
    archive = Archive(SETTINGS)
    assert [archive.chain_of(i) for i in range(8)] == [0, 0, 0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize("restarts", [1, 2, 3])
@pytest.mark.parametrize("generations", [1, 4])
def test_a_run_is_complete_after_the_seeded_generation_and_all_of_every_chain(generations: int, restarts: int) -> None:
    settings = SearchSettings(generations=generations, restarts=restarts)
    archive = Archive(settings)
    count = 0
    while not archive.complete:
        archive.add(Generation(index=count, chain=archive.chain_of(count), attempts=()))
        count += 1
    assert count == 1 + generations * restarts
    assert archive.next_index == count


def test_a_restart_begins_anew() -> None:
    archive = _archive([], [1.0], [2.0], [9.0])
    assert archive.next_index == 4
    assert archive.chain_of(4) == 1
    assert archive.lineage(1) == ()
    assert archive.siblings(1) == ()


def test_a_restart_begins_from_the_persons_seed_where_there_is_one() -> None:
    archive = _archive([4.0], [1.0], [2.0], [9.0])
    assert _parent(archive, 0) == "g003-00"
    assert _parent(archive, 1) == "g000-00"


def test_a_chain_never_breeds_from_another() -> None:
    archive = _archive([], [1.0], [2.0], [9.0], [3.0])
    assert _ids(archive.lineage(1)) == ["g004-00"]
    assert _ids(archive.lineage(0)) == ["g001-00", "g002-00", "g003-00"]


def test_the_best_of_a_run_is_of_all_chains() -> None:
    best = _archive([], [1.0], [9.0], [2.0], [3.0]).best()
    assert best is not None
    assert best.id == "g002-00"


def test_siblings_are_the_last_generations_others() -> None:
    archive = _archive([], [1.0, 5.0], [3.0, None, 6.0])
    assert _ids(archive.siblings(0)) == ["g002-00", "g002-01"]
    assert _ids(_archive([], [1.0, 5.0], [3.0, None]).siblings(0)) == ["g002-00", "g002-01"]


def test_earlier_ones_are_the_judged_of_the_generations_before_without_the_lineage() -> None:
    archive = _archive([4.0], [1.0, 5.0, None], [3.0, 6.0], [2.0, 0.5])
    assert _ids(archive.lineage(0)) == ["g000-00", "g001-01", "g002-01"]
    assert _ids(archive.earlier(0)) == ["g001-00", "g002-00"]
    assert _ids(archive.siblings(0)) == ["g003-00", "g003-01"]
    assert archive.earlier(1) == ()
    assert _archive([], [1.0, 2.0]).earlier(0) == ()


@given(fitnesses)
def test_nobody_is_told_twice(generations: list[list[float | None]]) -> None:
    archive = Archive.replay(_history(*generations), SETTINGS)
    for chain in (0, 1):
        told = [*archive.lineage(chain), *archive.siblings(chain), *archive.earlier(chain)]
        assert len({a.id for a in told}) == len(told)


# --- people ---------------------------------------------------------------------------------------------------------


def test_a_pin_makes_the_parent_and_the_last_pin_wins() -> None:
    pins = [_mark("pin", "g001-00"), _mark("pin", "g002-00")]
    assert _parent(_archive([], [1.0, 5.0], [3.0], people=pins)) == "g002-00"
    assert _parent(_archive([], [1.0, 5.0], [3.0], people=pins[:1])) == "g001-00"


def test_the_pinned_attempt_ends_the_lineage_of_successive_bests() -> None:
    archive = _archive([], [1.0], [2.0], [3.0], people=[_mark("pin", "g001-00")])
    assert _ids(archive.lineage(0)) == ["g002-00", "g003-00", "g001-00"]


def test_a_pin_on_what_cannot_be_a_parent_is_passed_over() -> None:
    pins = [_mark("pin", "g001-00"), _mark("pin", "g001-02"), _mark("pin", "g077-00")]
    assert _parent(_archive([], [1.0, 5.0, None], people=pins)) == "g001-00"


def test_a_pin_in_one_chain_leaves_the_other_alone() -> None:
    archive = _archive([], [1.0, 5.0], [2.0], [2.0], [7.0, 8.0], people=[_mark("pin", "g001-00")])
    assert _parent(archive, 0) == "g001-00"
    assert _parent(archive, 1) == "g004-01"


def test_a_vetoed_attempt_is_never_a_parent_again() -> None:
    archive = _archive([], [1.0, 5.0], [3.0], people=[_mark("veto", "g001-01")])
    assert _ids(archive.lineage(0)) == ["g001-00", "g002-00"]
    best = archive.best()
    assert best is not None
    assert best.id == "g002-00"


def test_a_veto_beats_a_pin() -> None:
    people = [_mark("pin", "g001-00"), _mark("veto", "g001-00")]
    assert _parent(_archive([], [1.0, 5.0], people=people)) == "g001-01"
    assert _parent(_archive([], [1.0, 5.0], people=people[::-1])) == "g001-01"


def test_with_everything_vetoed_a_chain_begins_anew() -> None:
    assert _archive([], [1.0], people=[_mark("veto", "g001-00")]).lineage(0) == ()


@pytest.mark.parametrize(
    ("preference", "parent"),
    [
        (_prefer("g001-00", "g001-01"), "g001-00"),
        (_prefer("g001-01", "g001-00", 0.0), "g001-00"),
        (_prefer("g001-01", "g001-00", 0.49), "g001-00"),
        (_prefer("g001-01", "g001-00"), "g001-01"),
        (_prefer("g001-00", "g001-01", 0.5), "g001-01"),  # a tie: fitness decides
        (_prefer("g001-00", "g001-01", None), "g001-01"),  # no answer
        (_prefer("g001-02", "g001-01"), "g001-01"),  # a rejected one cannot be a parent
        (_prefer("g001-01", "g001-01"), "g001-01"),
    ],
)
def test_a_preference_overrules_fitness_between_two(preference: Preference, parent: str) -> None:
    assert _parent(_archive([], [1.0, 5.0, None], people=[preference])) == parent


def test_preferences_are_followed_from_one_to_the_next() -> None:
    people = [_prefer("g001-01", "g001-02"), _prefer("g001-00", "g001-01")]
    assert _parent(_archive([], [1.0, 2.0, 3.0], people=people)) == "g001-00"


def test_of_one_pair_the_last_word_counts() -> None:
    people = [_prefer("g001-00", "g001-01"), _prefer("g001-01", "g001-00")]
    assert _parent(_archive([], [1.0, 5.0], people=people)) == "g001-01"
    assert _parent(_archive([], [1.0, 5.0], people=people[::-1])) == "g001-00"
    tie = [_prefer("g001-00", "g001-01"), _prefer("g001-00", "g001-01", 0.5)]
    assert _parent(_archive([], [1.0, 5.0], people=tie)) == "g001-01"


@pytest.mark.parametrize("p_first", [1.0, 0.5])
def test_a_later_word_on_another_pair_does_not_take_an_earlier_one_back(p_first: float) -> None:
    """00 was preferred to 01; that 01 also beats or equals 02 changes nothing in that."""
    people = [_prefer("g001-00", "g001-01"), _prefer("g001-01", "g001-02", p_first)]
    assert _parent(_archive([], [1.0, 5.0, 2.0], people=people)) == "g001-00"


def test_preferences_in_a_circle_end_at_the_fittest() -> None:
    circle = [_prefer("g001-00", "g001-01"), _prefer("g001-01", "g001-02"), _prefer("g001-02", "g001-00")]
    assert _parent(_archive([], [1.0, 2.0, 3.0], people=circle)) == "g001-02"


def test_a_preference_for_another_chains_attempt_moves_nothing_here() -> None:
    people = [_prefer("g001-00", "g004-00")]
    assert _parent(_archive([], [1.0], [2.0], [3.0], [7.0], people=people), 1) == "g004-00"


def test_people_of_a_chain_are_those_who_spoke_of_the_run_or_of_its_attempts() -> None:
    general = Note(text="Go on.", on="", **WHO)
    first, second = Note(text="Good.", on="g001-00", **WHO), Note(text="Good.", on="g004-00", **WHO)
    both = _prefer("g001-00", "g004-00")
    archive = _archive([], [1.0], [2.0], [3.0], [7.0], people=[general, first, second, both])
    assert archive.people(0) == (general, first)
    assert archive.people(1) == (general, second)


# --- where a model ranks --------------------------------------------------------------------------------------------


BY_MODEL = SETTINGS.model_copy(update={"rank_by": "llm"})


def _scored(name: str, fitness: float, score: float | None, *preferences: Preference) -> Attempt:
    said = Feedback(source="llm_judge", text="", score=score, preferences=preferences)
    return replace(_attempt(name, fitness), feedback=(said,))


def _llm(first: str, second: str, p_first: float | None) -> Preference:
    return Preference(first=first, second=second, p_first=p_first, source="llm", who="m", when="")


def _ranked(*attempts: Attempt, settings: SearchSettings = BY_MODEL) -> Archive:
    generations = (
        Generation(index=0, chain=0, attempts=()),
        *(Generation(index=i, chain=0, attempts=(a,)) for i, a in enumerate(attempts, start=1)),
    )
    return Archive.replay(generations, settings)


def test_with_a_judge_its_score_ranks_and_fitness_does_not() -> None:
    attempts = (_scored("g001-00", 1.0, 0.75), _scored("g002-00", 9.0, 0.25))
    assert _parent(_ranked(*attempts)) == "g001-00"
    assert _parent(_ranked(*attempts, settings=SETTINGS)) == "g002-00"


def test_what_the_judge_could_not_score_is_behind_all_it_could() -> None:
    assert _parent(_ranked(_scored("g001-00", 9.0, None), _scored("g002-00", 0.0, 0.0))) == "g002-00"
    assert _parent(_ranked(_scored("g001-00", 9.0, None))) == "g001-00"


@pytest.mark.parametrize("score", [None, 0.5])
def test_fitness_ranks_what_the_judge_gave_no_score_or_the_same(score: float | None) -> None:
    archive = _ranked(*(_scored(f"g00{i}-00", fitness, score) for i, fitness in ((1, 1.0), (2, 9.0), (3, 5.0))))
    assert _ids(archive.lineage(0)) == ["g001-00", "g002-00"]
    assert _ids(archive.finalists(3)) == ["g002-00", "g003-00", "g001-00"]


@pytest.mark.parametrize(("p_first", "parent"), [(1.0, "g002-00"), (0.5, "g001-00"), (None, "g001-00")])
def test_a_judges_preference_in_both_orders_overrules_its_scores(p_first: float | None, parent: str) -> None:
    later = _scored("g002-00", 0.0, 0.5, _llm("g002-00", "g001-00", p_first))
    assert _parent(_ranked(_scored("g001-00", 0.0, 0.6), later)) == parent


def test_without_a_ranking_judge_its_preferences_move_nothing() -> None:
    later = _scored("g002-00", 0.0, 0.5, _llm("g002-00", "g001-00", 1.0))
    assert _parent(_ranked(_scored("g001-00", 1.0, 0.6), later, settings=SETTINGS)) == "g001-00"


def test_a_person_overrules_the_judge() -> None:
    archive = _ranked(_scored("g001-00", 0.0, 0.6), _scored("g002-00", 0.0, 0.9, _llm("g002-00", "g001-00", 1.0)))
    archive.hear([_prefer("g001-00", "g002-00")])
    assert _parent(archive) == "g001-00"


def test_what_a_person_says_of_two_comes_before_the_judge_s_word_whichever_was_later() -> None:
    archive = _ranked(_scored("g001-00", 0.0, 0.6))
    archive.hear([_prefer("g001-00", "g002-00")])
    later = _scored("g002-00", 0.0, 0.9, _llm("g002-00", "g001-00", 1.0))
    archive.add(Generation(index=2, chain=0, attempts=(later,)))
    assert _parent(archive) == "g001-00"


def test_in_a_circle_a_persons_word_holds_against_the_judge_s() -> None:
    """The judge puts 03 before 01 before 02; a person puts 02 before 03, which has the best score."""
    archive = _ranked(
        _scored("g001-00", 0.0, 0.5),
        _scored("g002-00", 0.0, 0.4, _llm("g001-00", "g002-00", 1.0)),
        _scored("g003-00", 0.0, 0.9, _llm("g003-00", "g001-00", 1.0)),
    )
    assert _parent(archive) == "g003-00"
    archive.hear([_prefer("g002-00", "g003-00")])
    assert _parent(archive) == "g002-00"


def test_what_the_judge_prefers_is_no_word_of_people() -> None:
    later = _scored("g002-00", 0.0, 0.5, _llm("g002-00", "g001-00", 1.0))
    assert _ranked(_scored("g001-00", 0.0, 0.6), later).people(0) == ()


# --- a dialogue -----------------------------------------------------------------------------------------------------


def _dialogue(*fitness: Sequence[float | None], people: Sequence[HumanInput] = (), turns: int = 32) -> Archive:
    settings = SETTINGS.model_copy(update={"strategy": "dialogue", "history_turns": turns})
    archive = Archive.replay(_history(*fitness, settings=settings), settings)
    archive.hear(people)
    return archive


def test_dialogue_goes_on_from_the_last_attempt_whatever_became_of_it() -> None:
    assert _ids(_dialogue([], [3.0], [None]).lineage(0)) == ["g001-00", "g002-00"]
    assert _ids(_dialogue([], [3.0], [1.0], [2.0]).lineage(0)) == ["g001-00", "g002-00", "g003-00"]
    assert _ids(_dialogue([], [3.0], [None], [2.0], turns=2).lineage(0)) == ["g002-00", "g003-00"]


def test_dialogue_is_won_by_the_best_of_it() -> None:
    best = _dialogue([], [3.0], [None], [2.0]).best()
    assert best is not None
    assert best.id == "g001-00"


def test_dialogue_with_several_attempts_a_generation_goes_on_from_the_best() -> None:
    assert _ids(_dialogue([], [1.0, None, 3.0], [None, None]).lineage(0)) == ["g001-02", "g002-00"]


@pytest.mark.parametrize(
    ("fitness", "marks", "lineage"),
    [
        (([], [1.0], [2.0]), [("veto", "g002-00")], ["g001-00"]),
        (([], [1.0], [None]), [("veto", "g002-00")], ["g001-00"]),
        (([], [1.0]), [("veto", "g001-00")], []),
        (([], [1.0, None, None], [2.0]), [("veto", "g001-00"), ("veto", "g001-01")], ["g001-02", "g002-00"]),
        (([], [1.0], [2.0], [3.0]), [("pin", "g001-00")], ["g002-00", "g003-00", "g001-00"]),
        (([], [1.0, 5.0], [2.0]), [("pin", "g001-00")], ["g002-00", "g001-00"]),
        (([], [1.0], [2.0], [3.0]), [("pin", "g001-00"), ("pin", "g002-00")], ["g001-00", "g003-00", "g002-00"]),
        (([], [1.0], [2.0]), [("pin", "g001-00"), ("veto", "g001-00")], ["g002-00"]),
        (([], [None], [2.0]), [("pin", "g001-00"), ("pin", "g077-00")], ["g001-00", "g002-00"]),
    ],
)
def test_dialogue_goes_on_from_what_is_pinned_and_never_from_what_is_vetoed(
    fitness: Sequence[Sequence[float | None]], marks: Sequence[tuple[str, str]], lineage: Sequence[str]
) -> None:
    archive = _dialogue(*fitness, people=[_mark(kind, on) for kind, on in marks])
    assert _ids(archive.lineage(0)) == lineage


def test_every_chain_has_a_dialogue_of_its_own_after_what_was_seeded() -> None:
    archive = _dialogue([5.0], [1.0], [2.0], [None], [7.0])
    assert _ids(archive.lineage(0)) == ["g000-00", "g001-00", "g002-00", "g003-00"]
    assert _ids(archive.lineage(1)) == ["g000-00", "g004-00"]


# --- at the end -----------------------------------------------------------------------------------------------------


def test_finalists_are_the_winner_and_then_the_next_by_fitness() -> None:
    archive = _archive([], [1.0, 5.0], [3.0, None, 4.0])
    assert _ids(archive.finalists(3)) == ["g001-01", "g002-02", "g002-00"]
    assert _ids(archive.finalists(1)) == ["g001-01"]
    assert _ids(archive.finalists(9)) == ["g001-01", "g002-02", "g002-00", "g001-00"]
    assert _archive([], [None]).finalists(3) == ()


def test_a_pinned_finalist_comes_first_and_a_vetoed_one_not_at_all() -> None:
    archive = _archive([], [1.0, 5.0, 3.0], people=[_mark("pin", "g001-00"), _mark("veto", "g001-02")])
    assert _ids(archive.finalists(3)) == ["g001-00", "g001-01"]
