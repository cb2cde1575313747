"""A run on disk: the ledger and its files, one writer at a time, any number of readers. See `run.py`."""

from rewardsmith.store.folders import claim_folder, list_runs, new_folder, resolve
from rewardsmith.store.run import Run

__all__ = ["Run", "claim_folder", "list_runs", "new_folder", "resolve"]
