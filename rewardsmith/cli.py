"""The shell's door: the commands by name, and how whatever goes wrong reaches the person.

Each command is imported only when it is called, so `rewardsmith --help` loads neither torch nor a simulator.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, CoercionError, CycloptsError, Parameter, Token, convert

from rewardsmith import __version__
from rewardsmith.errors import DiskFull, RewardsmithError, UsageError, no_room

INTERRUPTED = 130

_COMMANDS = {
    "evolve": ("evolve:evolve", "Search for a better reward: ask, verify, train, judge, tell, and ask again."),
    "resume": ("evolve:resume", "Continue a run that was stopped or killed."),
    "show": ("runs:show", "Print a run's table and lineage."),
    "feedback": ("runs:feedback", "Tell a run what you think of its rewards; the next generation hears it."),
    "trajectories": ("runs:trajectories", "Write the episodes a run knows to a file, for other runs of its task."),
    "verify": ("verify:verify", "Check reward files against a task, without training."),
    "screen": ("screen:screen", "Hold reward files against a run's episodes: is one worth training?"),
    "refit": ("refit:refit", "Fit a reward's weights and temperatures to the episodes a run knows."),
    "simplify": ("refit:simplify", "Train the winner without each of its components; drop what it can do without."),
    "train": ("train:train", "Verify, train and judge rewards, on one seed or several."),
    "render": ("render:render", "Film a policy at work: a video or pictures, without a display."),
    "view": ("view:view", "Watch a policy at work in a browser."),
    "tasks": ("tasks:tasks", "List the tasks that ship."),
    "new-task": ("new_task:new_task", "Write a first task file for an environment of EnvPool or Gymnasium."),
    "suites": ("anchors:suites", "List the suites of tasks that ship."),
    "anchors": ("anchors:anchors", "Measure what random actions and the reference rewards reach on a suite."),
    "check": ("check:check", "Load a task's environment, step it, and print every signal."),
    "methods": ("tasks:methods", "List the published methods that ship as settings."),
    "schema": ("tasks:schema", "Print the JSON schema of task files or of settings files, for editors."),
    "fsck": ("fsck:fsck", "Check a run's ledger and files; with --repair, go back to its last good state."),
    "doctor": ("doctor:doctor", "Say what this machine offers: cores, GPU, rendering, keys, sandbox."),
}

_HELP = """\
Writes, checks, trains and improves reward functions for MuJoCo tasks with a language model.

Begin with: rewardsmith evolve half_cheetah_run

Ends with 0: done. 1: a reward was rejected, nothing could be judged, or a bug of ours. 2: wrong words, settings or
files. 3: a run folder that cannot be used. 4: no reply from the model. 5: a limit was reached. 6: no sandbox, or
nothing to draw with. 7: a cluster failed. 8: the disk is full. 130: interrupted. After 4, 5, 7, 8 and 130
`rewardsmith resume` goes on."""


def build() -> App:
    """The application with all its commands, none of them imported yet."""
    app = App(
        name="rewardsmith",
        help=_HELP,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(converter=_converted),
    )
    for name, (place, summary) in _COMMANDS.items():
        app.command(f"rewardsmith.commands.{place}", name=name, help=summary)
    app.register_install_completion_command()
    return app


def main(words: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code.

    The codes stand in the program's own help, and in errors.py.
    """
    _speak_to_anyone()
    sys.exit(run(sys.argv[1:] if words is None else words))


def _converted(hint: Any, tokens: Sequence[Token]) -> Any:
    """What cyclopts makes of words, except that it would round 1.6 to the whole number 2.

    Raises: CoercionError, ValueError: they are not of that type.
    """
    of_each = (hint, *(getattr(part, "__origin__", part) for part in get_args(hint)))  # of `tuple[Annotated[int, ...]]`
    if int in of_each:
        for token in tokens:
            if "." in token.value and not float(token.value).is_integer():
                raise CoercionError(f"{token.value} is not a whole number.", token=token)
    return convert(hint, tokens)


def _speak_to_anyone() -> None:
    """Have output that is closed, or that cannot hold a character, lose that and nothing else."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code; what a person can mend is one line on stderr, without a traceback."""
    try:
        code = build()(list(words), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        command = f" {words[0]}" if words and words[0] in _COMMANDS else ""
        return _say(UsageError(f"{str(error).strip()} `rewardsmith{command} --help` lists what there is."))
    except RewardsmithError as error:
        return _say(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, e.g. `rewardsmith show latest | head`
        sys.stderr.close()
        return 1
    except OSError as error:
        return _say(DiskFull(f"There is no room to write: {error}. Free some.")) if no_room(error) else _bug()
    except Exception:  # noqa: BLE001 - the last stop: the traceback is shown in full
        return _bug()
    return code if isinstance(code, int) else 0


def _bug() -> int:
    traceback.print_exc()
    print("\nThis is a bug of rewardsmith: please report it with the lines above.", file=sys.stderr)
    return 1


def _say(error: RewardsmithError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code
