"""Proposers: who writes the reward code. Chosen by name; each is imported only when it is chosen.

offline             no model at all: rewardsmith.propose.offline
manual[:FOLDER]     a person pastes prompts and replies: rewardsmith.propose.manual
replay:PATH         recorded replies: rewardsmith.propose.replay
provider/model      a language model: rewardsmith.propose.llm
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.config import EvolveConfig, ProposeSettings
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.propose.asking import Tell, to_stderr

if TYPE_CHECKING:
    from rewardsmith.interfaces import Proposer  # not at run time: it imports torch

_WORDS = ("offline", "manual", "replay")
_WITH_PATH = ("manual", "replay")


def make(
    model: str,
    settings: ProposeSettings,
    *,
    base_url: str | None,
    run_folder: Path,
    tell: Tell = to_stderr,
    manual_timeout_s: float | None = None,
) -> Proposer:
    """The proposer that `model` names. `manual` without a folder uses `<run_folder>/manual`.

    Raises:
        UsageError: the words do not fit.
        ProposerError: a package it needs is not installed, or a recording cannot be read.
    """
    if "/" in model.partition(":")[0]:
        return _llm(model, settings, base_url=base_url, tell=tell)
    if base_url is not None:
        raise UsageError(f"--base-url goes with --model provider/model, not with '{model}'. Drop one of the two.")
    return _named(model, folder=run_folder / "manual", tell=tell, timeout_s=manual_timeout_s)


def rooted(config: EvolveConfig) -> EvolveConfig:
    """The same settings with the paths in their models' names made absolute, so that a run can go on from any folder.

    Raises: UsageError: a path begins with the home of a user who does not exist.
    """
    adviser = _rooted(config.advice.model) if config.advice.model else config.advice.model
    advice = config.advice.model_copy(update={"model": adviser})
    return config.model_copy(update={"model": _rooted(config.model), "advice": advice})


def _rooted(model: str) -> str:
    word, _, path = model.partition(":")
    return f"{word}:{_path(model, path).resolve()}" if word in _WITH_PATH and path else model


def _path(model: str, path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"--model '{model}' names no path: {str(error).rstrip('.')}. Write the path in full."
        ) from error


def _llm(model: str, settings: ProposeSettings, *, base_url: str | None, tell: Tell) -> Proposer:
    from rewardsmith.propose.llm import LLMProposer

    return LLMProposer(model, settings, base_url=base_url, tell=tell)


def _named(model: str, *, folder: Path, tell: Tell, timeout_s: float | None) -> Proposer:
    word, _, rest = model.partition(":")
    match word, rest:
        case "offline", "":
            from rewardsmith.propose.offline import OfflineProposer

            return OfflineProposer()
        case "manual", _:
            from rewardsmith.propose.manual import ManualProposer

            return ManualProposer(_path(model, rest) if rest else folder, tell=tell, timeout_s=timeout_s)
        case "replay", _ if rest:
            from rewardsmith.propose.replay import ReplayProposer

            return ReplayProposer(_path(model, rest))
        case "replay", "":
            raise UsageError(f"--model '{model}' names no recording. Expected replay:PATH, e.g. replay:runs/RUN.")
    raise UsageError(
        f"--model '{model}' is not known.{did_you_mean(word, _WORDS)} Expected offline, manual[:FOLDER], replay:PATH, "
        "or provider/model, e.g. openai/gpt-5 or ollama/llama3.2."
    )
