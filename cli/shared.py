"""Names that moved to options, inputs, progress and run; used by commands that have not moved yet."""

from __future__ import annotations

from collections.abc import Iterable

from gindex_cli.inputs import all_inputs as all_inputs
from gindex_cli.inputs import tell_notes as tell_notes
from gindex_cli.options import DEFAULT_INDEX as DEFAULT_INDEX
from gindex_cli.options import DEFAULT_THREADS as DEFAULT_THREADS
from gindex_cli.options import ChunkPool as ChunkPool
from gindex_cli.options import ChunkTokens as ChunkTokens
from gindex_cli.options import EncoderOption as EncoderOption
from gindex_cli.options import FromFile as FromFile
from gindex_cli.options import GenomePerOption as GenomePerOption
from gindex_cli.options import IndexDir as IndexDir
from gindex_cli.options import Inputs as Inputs
from gindex_cli.options import LayerOption as LayerOption
from gindex_cli.options import ModelOption as ModelOption
from gindex_cli.options import Precision as Precision
from gindex_cli.options import TaxonomyFile as TaxonomyFile
from gindex_cli.options import Threads as Threads
from gindex_cli.options import TokenPool as TokenPool
from gindex_cli.options import Wait as Wait
from gindex_cli.options import Windows as Windows
from gindex_cli.progress import ProgressLine as ProgressLine
from gindex_cli.run import FAILED_INPUTS as FAILED_INPUTS
from gindex_cli.run import guarded as guarded
from gindex_cli.run import out as out
from gindex_cli.run import say as say


def require_format(given: str, known: Iterable[str]) -> None:
    """Raise UsageError where a command has no such format."""
    from genome_index.errors import UsageError

    if given not in (formats := tuple(known)):
        raise UsageError(f"no format is called {given!r}; choose one of: {', '.join(formats)}")
