"""What racing did in a run: who was stopped early and why, and how many env steps that saved."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.types import Attempt, Judged, Stop, Trained

KINDS = {"raced": "behind the others", "solved": "solved", "hacking": "suspected of hacking"}


def raced(attempts: Sequence[Attempt], *, env_steps: int) -> list[str]:
    """Lines for the summary; none where nobody was stopped. `env_steps` is what a whole training takes."""
    trained = [(a.id, t) for a in attempts if (t := _trained(a)) is not None]
    stops = [(name, t.stopped) for name, t in trained if t.stopped is not None]
    if not stops:
        return []
    taken, whole = sum(t.env_steps for _, t in trained), env_steps * len(trained)
    counts = [f"{sum(stop.kind == kind for _, stop in stops)} {words}" for kind, words in KINDS.items()]
    told = [c for c in counts if not c.startswith("0 ")]
    return [
        f"{len(stops)} of {len(trained)} trainings were stopped early ({', '.join(told)}), which saved "
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
