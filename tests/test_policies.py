"""Policies by the names a person gives them: a run's candidates, and files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rewardsmith import policies
from rewardsmith.errors import RunError, UsageError
from rewardsmith.types import Policy


def same(a: Policy, b: Policy) -> bool:
    return all(torch.equal(a.tensors[name], b.tensors[name]) for name in b.tensors)


def test_a_policy_s_file_holds_it_exactly(tmp_path: Path, point_policy: Policy) -> None:
    policies.write_policy(tmp_path / "p.safetensors", point_policy)
    assert same(policies.read_policy(tmp_path / "p.safetensors"), point_policy)


def test_the_leader_is_meant_where_no_candidate_is_named(point_run: Path, point_policy: Policy) -> None:
    found = policies.of_run("latest", point_run.parent)
    assert (found.name, found.task.name) == ("g001-00", "point")
    assert same(found.judged.policy, point_policy)


def test_a_run_s_own_policy_file_can_be_read_alone(point_run: Path, point_policy: Policy) -> None:
    assert same(policies.read_policy(point_run / "policies" / "g001-00.safetensors"), point_policy)


def test_a_rejected_candidate_s_policy_is_refused_with_its_fate(point_run: Path) -> None:
    with pytest.raises(RunError, match=r"keeps no policy of 'g001-01': rejected at static: .* Judged: g001-00\."):
        policies.of_run(str(point_run), Path("runs"), "g001-01")


def test_an_unknown_candidate_is_refused_with_the_nearest(point_run: Path) -> None:
    with pytest.raises(UsageError, match=r"has no candidate 'g01-00'\. Did you mean 'g001-00'\? Judged: g001-00"):
        policies.of_run(str(point_run), Path("runs"), "g01-00")


def test_a_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="There is no run called 'nothing'"):
        policies.of_run("nothing", tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"p\.safetensors cannot be read \(No such file"):
        policies.read_policy(tmp_path / "p.safetensors")


def test_a_file_that_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.safetensors").write_text("not tensors at all")
    with pytest.raises(RunError, match="is no safetensors file"):
        policies.read_policy(tmp_path / "p.safetensors")


def test_tensors_of_something_else_are_refused_with_what_is_lacking(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "p.safetensors")
    with pytest.raises(RunError, match=r"holds no policy: it lacks actor\.0\.weight, .*`rewardsmith train --policy"):
        policies.read_policy(tmp_path / "p.safetensors")
