"""gindex undo: back to the snapshot before the last change."""

from __future__ import annotations

from gindex_cli.options import DEFAULT_INDEX, DEFAULT_WAIT_S, IndexDir, Wait
from gindex_cli.run import say


def undo(index: IndexDir = DEFAULT_INDEX, wait: Wait = DEFAULT_WAIT_S) -> None:
    """Undo the last change: restore the snapshot before it."""
    from genome_index.index.index import undo as undo_change

    say(undo_change(index, wait).snapshot.restored)
