"""How much memory is free and how many environments it takes: from the system's own words, and by measuring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import memory, sim, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.memory import MIB, SHARE, env_mib, fitting, free_mib
from rewardsmith.sim.point import point_task

System = Callable[..., dict[str, Path]]

counted = pytest.mark.skipif(memory._libc() is None, reason="this C library does not count what it has given out")
ROUNDING = 1 + 1e-9  # of a quotient

V1 = ("memory", "7:cpu,memory:/", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("", "0::/", "memory.max", "memory.current", "inactive_file")


@pytest.fixture(params=[V1, V2], ids=["cgroup v1", "cgroup v2"])
def system(tmp_path: Path, request: pytest.FixtureRequest) -> System:
    """A machine with so much memory available, and a process in nested groups of the given limits and use (MiB)."""
    top, line, limit, usage, inactive = request.param

    def made(available_mib: int, *groups: tuple[int | None, int, int], within: bool = False) -> dict[str, Path]:
        proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
        (proc / "self").mkdir(parents=True)
        (proc / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {available_mib * 1024} kB\n")
        folder = cgroups / top
        for depth, (most, used, files) in enumerate(groups):
            folder = folder / f"group{depth}" if depth else folder
            folder.mkdir(parents=True)
            (folder / limit).write_text("max\n" if most is None else f"{most * MIB}\n")
            (folder / usage).write_text(f"{used * MIB}\n")
            (folder / "memory.stat").write_text(f"anon 1\n{inactive} {files * MIB}\n")
        own = "docker/0123" if within else "/".join(f"group{depth}" for depth in range(1, len(groups)))
        (proc / "self" / "cgroup").write_text(f"9:name=systemd:/\n{line}{own}\n")
        return {"proc": proc, "cgroups": cgroups}

    return made


def test_without_limits_it_is_what_the_machine_has(system: System) -> None:
    assert free_mib(**system(4000)) == 4000


def test_a_container_s_limit_counts_less_what_it_holds(system: System) -> None:
    assert free_mib(**system(4000, (1000, 700, 200))) == 500


def test_the_narrowest_of_nested_limits_counts(system: System) -> None:
    assert free_mib(**system(4000, (None, 0, 0), (900, 100, 0), (2000, 100, 0))) == 800


def test_a_container_that_knows_its_group_by_another_name_has_its_limit_at_the_top(system: System) -> None:
    assert free_mib(**system(4000, (1000, 400, 0), within=True)) == 600


def test_a_limit_that_is_spent_leaves_nothing(system: System) -> None:
    assert free_mib(**system(4000, (1000, 1200, 0))) == 0


def test_a_system_that_does_not_say_is_not_guessed_at(tmp_path: Path) -> None:
    assert free_mib(proc=tmp_path, cgroups=tmp_path) is None


def test_this_machine_says_something() -> None:
    found = free_mib()
    assert found is not None
    assert 0 < found < 2**24


@given(
    parts=st.integers(1, 200),
    each=st.floats(0, 1e6),
    free=st.floats(0, 1e7),
)
def test_what_fits_stays_within_the_share_and_no_more_would(parts: int, each: float, free: float) -> None:
    found = fitting(parts, each_mib=each, free_mib=free)
    assert 1 <= found <= parts
    assert found == 1 or found * each <= SHARE * free * ROUNDING
    assert found == parts or (found + 1) * each * ROUNDING > SHARE * free


@pytest.mark.parametrize(("besides", "fit"), [(0.0, 8), (99.0, 8), (200.0, 4), (500.0, 1), (5000.0, 1)])
def test_what_is_held_beside_environments_counts(monkeypatch: pytest.MonkeyPatch, besides: float, fit: int) -> None:
    monkeypatch.setattr(memory, "free_mib", lambda: 1000.0)
    monkeypatch.setattr(memory, "env_mib", lambda *_: 0.0)
    assert memory.at_once(8, 32, point_task(), sim.make, besides_mib=besides) == fit
    monkeypatch.setattr(memory, "env_mib", lambda *_: None)
    assert memory.at_once(8, 32, point_task(), sim.make, besides_mib=besides) == fit


@counted
def test_an_environment_of_metaworld_holds_tens_of_mebibytes_and_a_point_next_to_nothing() -> None:
    metaworld = env_mib(taskfile.load("reach").task, sim.make)
    assert metaworld is not None
    assert 15 < metaworld < 60
    point = env_mib(point_task(), sim.make)
    assert point is not None
    assert point < 1


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1 GiB left.\nSee more."),
        RuntimeError("Failed to allocate 512 bytes on device 'cuda:0'"),
    ],
)
def test_a_gpu_without_room_is_one_line_that_says_what_to_lower(fault: RuntimeError) -> None:
    with pytest.raises(ConfigError) as told, memory.gpu_room(8, 2048):
        raise fault
    assert str(told.value).startswith("The GPU has no memory left for 8 candidates of 2048 environments each: ")
    assert str(fault).splitlines()[0].rstrip(".") in str(told.value)
    assert "\n" not in str(told.value)
    assert "train.at_once" in str(told.value)


def test_any_other_fault_of_a_training_is_left_as_it_is() -> None:
    with pytest.raises(RuntimeError, match=r"^shapes differ$"), memory.gpu_room(8, 2048):
        raise RuntimeError("shapes differ")


@counted
def test_with_ample_memory_nothing_is_measured_and_with_little_only_what_fits_is_played(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, built = taskfile.load("reach").task, []

    def made(*args: object, **options: object) -> object:
        built.append(1)
        return sim.make(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(memory, "_known_mib", {})
    monkeypatch.setattr(memory, "free_mib", lambda: 1e6)
    assert memory.at_once(8, 32, task, made) == 8  # type: ignore[arg-type]
    assert not built
    monkeypatch.setattr(memory, "free_mib", lambda: 4096.0)
    assert 1 < memory.at_once(8, 32, task, made) < 8  # type: ignore[arg-type]
    assert len(built) == 2
    monkeypatch.setattr(memory, "free_mib", lambda: 1.0)
    assert memory.at_once(8, 32, task, made) == 1  # type: ignore[arg-type]
    assert len(built) == 2
