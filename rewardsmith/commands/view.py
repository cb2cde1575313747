"""`view`: a policy at work, in a browser."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.commands.options import RUNS, PlaySeed, RunsFolder
from rewardsmith.commands.subjects import CandidateWord, PolicyWords, TaskWord


def view(
    policy: PolicyWords = "latest",
    candidate: CandidateWord = "",
    /,
    *,
    task: TaskWord = None,
    episodes: Annotated[
        int | None, Parameter(validator=Number(gte=1), help="End after so many; otherwise at Ctrl-C.")
    ] = None,
    seed: PlaySeed = 0,
    host: Annotated[str, Parameter(help="The address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=64535), help="The next free one is taken.")] = 8080,
    runs: RunsFolder = RUNS,
) -> None:
    """Watch a policy in a browser, episode after episode, from any side and at any speed.

    For tasks whose MuJoCo model can be had: those of `mjcf`, and of Gymnasium's MuJoCo environments.
    """
    from rewardsmith.commands.subjects import subject_of
    from rewardsmith.render import browser
    from rewardsmith.seeds import env_seeds

    browser.check(host)
    subject = subject_of(policy, candidate, task, runs, seed=seed)
    [env_seed] = env_seeds(seed, 1)
    shown = browser.BrowserView(subject.player, subject.task, env_seed=env_seed, host=host, port=port)
    with closing(shown):
        print(f"{subject.name} plays {subject.task.name} at {shown.url} (Ctrl-C ends it)", flush=True)
        shown.play(episodes=episodes)
