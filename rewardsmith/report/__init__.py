"""What a run came to, as text: `summary.md`, and what `rewardsmith show` prints. Reads runs, never writes them."""

from rewardsmith.report.lineage import lineage
from rewardsmith.report.summary import summary, table

__all__ = ["lineage", "summary", "table"]
