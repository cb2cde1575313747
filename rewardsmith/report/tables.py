"""Rows of cells as text: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rewardsmith.quoting import LINE_LIMIT, one_line

NOTHING = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A heading and rows of as many cells; the columns in `right` hold numbers."""

    heading: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[str] = frozenset()

    def text(self, *, width: int = 100) -> str:
        """Aligned columns; a cell longer than `width` is cut."""
        cells = [self.heading, *(tuple(_cut(cell, width) for cell in row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.heading))]
        lines = ("  ".join(map(self._aligned, self.heading, row, widths)).rstrip() for row in cells)
        return "".join(f"{line}\n" for line in lines)

    def markdown(self) -> str:
        """A Markdown table; whatever stands in a cell stays in it."""
        rule = ["---:" if name in self.right else "---" for name in self.heading]
        rows = [self.heading, rule, *(tuple(map(cell_text, row)) for row in self.rows)]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)

    def told(self) -> Table:
        """Without the columns in which no row says anything."""
        kept = [i for i in range(len(self.heading)) if any(row[i] != NOTHING for row in self.rows)]
        rows = [tuple(row[i] for i in kept) for row in self.rows]
        return replace(self, heading=tuple(self.heading[i] for i in kept), rows=rows)

    def _aligned(self, name: str, cell: str, width: int) -> str:
        return cell.rjust(width) if name in self.right else cell.ljust(width)


def cell_text(text: str, *, limit: int = LINE_LIMIT) -> str:
    """Text on one line in which Markdown finds no end of a cell and no HTML; cut after `limit` characters."""
    return one_line(text, limit=limit).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _cut(cell: str, width: int) -> str:
    line = one_line(cell)
    return line if len(line) <= width else f"{line[: width - 3]}..."
