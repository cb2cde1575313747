"""What racing did in a run: who was stopped early and why, and how many env steps that saved."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.types import Attempt, Judged, Stop, Trained

KINDS = {"raced": "behind the others", "solved": "solved", "hacking": "suspected of hacking"}


def raced(attempts: Sequence[Attempt], *, env_steps: int, seeds: int = 1) -> list[str]:
    """Lines for the summary; none where nobody was stopped. `env_steps` is what a whole training takes.

    Of several trainings (`seeds`) of each candidate the median's stop is known, and what all of them took.
    """
    through = [(a, t) for a in attempts if (t := _trained(a)) is not None]
    trained = [(a.id, t) for a, t in through]
    stops = [(name, t.stopped) for name, t in trained if t.stopped is not None]
    if not stops:
        return []
    taken = sum(t.env_steps if seeds == 1 else a.spend.env_steps for a, t in through)
    whole = env_steps * len(trained) * seeds
    counts = [f"{sum(stop.kind == kind for _, stop in stops)} {words}" for kind, words in KINDS.items()]
    told = [c for c in counts if not c.startswith("0 ")]
    return [
        f"{len(stops)} of {len(trained)} {'trainings' if seeds == 1 else 'median trainings'} were stopped early "
        f"({', '.join(told)}), {'which' if seeds == 1 else f'and stops under all {seeds} seeds'} saved "
        f"{max(0, whole - taken)} of {whole} env steps ({max(0, whole - taken) / whole:.0%})",
        *(f"{name}: {stop.why}" for name, stop in stops if _worth_telling(stop)),
    ]


def _worth_telling(stop: Stop) -> bool:
    """Falling behind is ordinary; the table of candidates shows their env steps."""
    return stop.kind != "raced"


def _trained(attempt: Attempt) -> Trained | None:
    match attempt.outcome:
        case Judged(trained=trained) | (Trained() as trained):
            return trained
        case _:
            return None
