"""The rig of the tests of faults as fixtures; see `rig.py` and `nursery.py`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(name: str) -> ModuleType:
    """A module beside this file; the tests are no package."""
    spec = importlib.util.spec_from_file_location(f"rewardsmith_tests_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rig() -> Any:
    """The module `rig.py`."""
    return _load("rig")


@pytest.fixture(scope="session")
def nursery(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A nursery with a small task in its folder; runs lie in `runs/`, and no two tests may call theirs alike."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "task.yaml").write_text(rig.TASK)
    with rig.Nursery(folder) as started:
        yield started


@pytest.fixture(scope="session")
def sandbox() -> Any:
    """In place of the one all other tests share: without a worker, as these tests wrote the code themselves."""
    return _load("trusting").Trusting()
