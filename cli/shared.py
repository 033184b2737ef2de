"""What every command shares: options, progress, and errors as one red line with the right exit code."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from genome_index.index.parallel import bound_threads
from genome_index.records import counted

if TYPE_CHECKING:
    from rich.status import Status

    from genome_index.index.commit import ChangeSettings, ChangeSummary

Command = TypeVar("Command", bound=Callable[..., Any])

FAILED_INPUTS, WRONG_USE = 1, 2  # exit codes; 0 is all answered
LINE_EVERY_S = 10.0  # between progress lines where there is no terminal

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        help="FASTA or GenBank files (gz, bz2, xz, zst too), folders, or - for standard input.",
        show_default=False,
    ),
]
IndexDir = Annotated[Path, typer.Option("--index", envvar="GINDEX_INDEX", help="The index folder.")]
FromFile = Annotated[
    Path | None, typer.Option("--from-file", help="A text file that names inputs, one a line.")
]
GenomePerOption = Annotated[
    str | None, typer.Option("--genome-per", help="What one genome is: file or record.")
]
DEFAULT_THREADS = os.cpu_count() or 1


def _bounded(threads: int) -> int:
    """Let libraries that use all cores by themselves keep to --threads as well; none is loaded yet."""
    if threads < DEFAULT_THREADS:
        bound_threads(threads)
    return threads


Threads = Annotated[
    int,
    typer.Option(
        "--threads", min=1, callback=_bounded, help="Threads; the results are the same for any number."
    ),
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another writer of the index.")
]
EncoderOption = Annotated[
    str,
    typer.Option(
        "--encoder",
        help="spectrum, or a DNA language model: its folder, or its name on the Hugging Face hub.",
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", help="Where the index's language model lies now, if it has moved.")
]
LayerOption = Annotated[
    str, typer.Option("--layer", help="last, a number (0 is the embedding layer), mean:A-B or concat:A,B.")
]
TokenPool = Annotated[
    str, typer.Option("--token-pool", help="How tokens make a chunk's vector: mean, max, cls or gem.")
]
ChunkPool = Annotated[
    str, typer.Option("--chunk-pool", help="How chunks make a genome's vector: weighted or mean.")
]
Windows = Annotated[
    int, typer.Option("--windows", min=0, help="Chunks to read of each strand, evenly spread; 0 is all.")
]
ChunkTokens = Annotated[
    int,
    typer.Option("--chunk-tokens", min=0, help="Tokens a chunk; 0: what the model takes, 2,048 at most."),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Of the model's numbers: float32, bfloat16 (faster where the machine has it), or auto: bfloat16 "
        "on a GPU, float32 on a CPU.",
    ),
]
DEFAULT_INDEX = Path("gindex-index")
# Commands that go on where they were.
RESUMED = ("add", "build", "contrast", "embed", "fetch", "pretrain", "train")


def guarded(command: Command) -> Command:
    """A command whose expected errors end in one sentence on standard error and exit code 2."""

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> Any:  # noqa: ANN401  # it passes on whatever the command takes
        from genome_index.errors import GindexError

        try:
            return command(*args, **values)
        except GindexError as error:
            say(f"gindex: {error}", error=True)
            raise typer.Exit(WRONG_USE) from error
        except BrokenPipeError:
            # The reader has gone; that is its right.
            _discard_output()
            raise typer.Exit(0) from None
        except MemoryError as error:
            say("gindex: not enough memory; give fewer or smaller genomes, or a smaller model", error=True)
            raise typer.Exit(WRONG_USE) from error
        except KeyboardInterrupt:
            kept = "; finished work is kept, run the same command again to go on"
            say(f"gindex: interrupted{kept if command.__name__ in RESUMED else ''}", error=True)
            raise typer.Exit(130) from None

    return cast(Command, run)


def out(pieces: Iterable[str]) -> None:
    """Write to standard output, all of it before this returns; what it refuses is an error as of any file."""
    for piece in pieces:
        with _output_errors():
            sys.stdout.write(piece)
    with _output_errors():
        sys.stdout.flush()


@contextmanager
def _output_errors() -> Iterator[None]:
    from genome_index.errors import StorageError

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise StorageError("standard output", f"cannot write here ({error.strerror or error})") from error


def _discard_output() -> None:
    """Let what is still buffered go nowhere: it would be written, and refused again, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(line: str, error: bool = False) -> None:
    typer.secho(line, err=True, fg="red" if error else None)


def all_inputs(inputs: list[str] | None, from_file: Path | None) -> list[str]:
    """The inputs of the command line and of --from-file together."""
    from genome_index.errors import UsageError
    from genome_index.io.reader import read_list

    found = [*(inputs or []), *(read_list(from_file) if from_file else [])]
    if not found:
        raise UsageError("no input: give files, folders, - for standard input, or --from-file LIST")
    return found


def tell_notes(notes: Iterable[str]) -> None:
    for note in notes:
        say(f"note: {note}")


def require_format(given: str, known: Iterable[str]) -> None:
    """Raise UsageError, naming those there are, where a command has no such format."""
    from genome_index.errors import UsageError

    if given not in (formats := tuple(known)):
        raise UsageError(f"no format is called {given!r}; choose one of: {', '.join(formats)}")


class ProgressLine:
    """Progress with rate and time left: a live line on a terminal, now and then a plain one elsewhere."""

    def __init__(self, live: bool = True) -> None:
        self.start = self._stage_start = self._last = time.monotonic()
        self._name, self._done = "", 0
        self._live = _live_line() if live and sys.stderr.isatty() else None

    def note(self, sentence: str) -> None:
        """Print what the user should know."""
        say(f"note: {sentence}")

    def count(self, inputs: int, base_pairs: int) -> None:
        """Show how much has been read; how much will come is not known."""
        seconds = max(1e-9, time.monotonic() - self.start)
        mbp = base_pairs / 1e6
        self._line(f"read {counted(inputs)}, {mbp:,.1f} Mbp, {_rate(mbp / seconds)} Mbp/s")

    def through(self, what: str, number: int) -> None:
        """Show how many genomes are done; how many will come is not known."""
        seconds = max(1e-9, time.monotonic() - self.start)
        self._line(f"{what} {counted(number)}, {_rate(number / seconds)} a second")

    def stage(self, name: str, done: int, total: int) -> None:
        """Show how far a stage is, and the time left once something is done."""
        left = ""
        if name != self._name or done < self._done:
            self._name, self._stage_start = name, time.monotonic()
        elif done and total > 1:
            left = f", {(time.monotonic() - self._stage_start) / done * (total - done):.0f} s left"
        self._done = done
        self._line(f"{name}{f' {done:,} of {total:,}' if total > 1 else ''}{left}")

    def end(self) -> None:
        """Take the live line away; the summary follows."""
        if self._live is not None:
            self._live.stop()

    def settings(self, threads: int, wait_s: float, model: str = "") -> ChangeSettings:
        """How a change is carried out, with this display of its progress."""
        from genome_index.index.commit import ChangeSettings

        return ChangeSettings(threads, wait_s, self, model)

    def _line(self, text: str) -> None:
        now = time.monotonic()
        if self._live is not None:
            self._live.update(text)
        elif now - self._last >= LINE_EVERY_S:
            self._last = now
            sys.stderr.write(text + "\n")


def _live_line() -> Status:
    from rich.console import Console

    line = Console(stderr=True).status("starting")
    line.start()
    return line


def _rate(value: float) -> str:
    """A rate with two digits at least: 0.031, 4.2, 1,234."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


MOST_SHOWN = 20  # failures named at the end; the index keeps them all (`gindex info --failures`)


def taken_in(verb: str, summary: ChangeSummary) -> str:
    part = f", {summary.share_read:.1%} of it read in windows" if summary.share_read < 1 else ""
    return f"{verb} {counted(summary.added)} ({summary.base_pairs / 1e6:,.1f} Mbp{part})"


def report_change(summary: ChangeSummary, done: str, show: ProgressLine) -> None:
    """The truthful end of a change: what was done, what failed and why; exits with 1 if an input failed."""
    show.end()
    seconds = time.monotonic() - show.start
    for warning in summary.warnings:
        say(f"warning: {warning}")
    for failure in summary.failures[:MOST_SHOWN]:
        say(f"failed: {failure.source}: {failure.id}: {failure.reason}", error=True)
    if len(summary.failures) > MOST_SHOWN:
        say(
            f"... and {len(summary.failures) - MOST_SHOWN} more; `gindex info --failures` lists them all",
            error=True,
        )
    parts = [done]
    parts += [f"{summary.resumed:,} of them from an unfinished run"] if summary.resumed else []
    parts += [f"{summary.unchanged:,} already there"] if summary.unchanged else []
    parts += [f"{len(summary.failures):,} failed"] if summary.failures else []
    index = summary.index
    say(
        f"{', '.join(parts)} in {seconds:.1f} s: {index.path} holds {counted(index.snapshot.genomes)}, "
        f"snapshot {index.snapshot.number}"
    )
    if summary.failures:
        raise typer.Exit(FAILED_INPUTS)
