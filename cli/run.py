"""How a command runs: printing, errors as one sentence, exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

if TYPE_CHECKING:
    from genome_index.records import Failure

Command = TypeVar("Command", bound=Callable[..., Any])

FAILED_INPUTS, WRONG_USE, INTERRUPTED = 1, 2, 130  # exit codes; 0: every input has an answer
RESUMED = ("add", "build", "contrast", "embed", "fetch", "pretrain", "train")  # a second run continues them


def guarded(command: Command) -> Command:
    """Wrap a command: an expected error becomes one sentence on standard error and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> Any:  # noqa: ANN401  # it passes on whatever the command takes
        from genome_index.errors import GindexError

        try:
            return command(*args, **values)
        except GindexError as error:
            fail(str(error))
            raise typer.Exit(WRONG_USE) from error
        except BrokenPipeError:
            # The reader closed the pipe, as `head` does: no error.
            _discard_output()
            raise typer.Exit(0) from None
        except MemoryError as error:
            fail("not enough memory; give fewer or smaller genomes, or a smaller model")
            raise typer.Exit(WRONG_USE) from error
        except KeyboardInterrupt:
            resumed = "; finished work is kept: run the same command again to continue"
            fail(f"interrupted{resumed if command.__name__ in RESUMED else ''}")
            raise typer.Exit(INTERRUPTED) from None

    return cast(Command, run)


def say(line: str, error: bool = False) -> None:
    """Print a line on standard error, in red where it reports an error."""
    if error:
        typer.secho(line, err=True, fg="red")
    else:
        typer.echo(line, err=True)


def tell_summary(sentences: Iterable[str], failures: Sequence[Failure]) -> None:
    """Print what failed and what came out; exit with FAILED_INPUTS if anything failed."""
    for failure in failures:
        say(f"{failure.source}: {failure.reason}", error=True)
    for sentence in sentences:
        say(sentence)
    if failures:
        raise typer.Exit(FAILED_INPUTS)


def fail(sentence: str) -> None:
    """Print why the whole command failed."""
    say(f"gindex: {sentence}", error=True)


def out(pieces: Iterable[str]) -> None:
    """Write pieces of text to standard output and flush; a write error is raised as StorageError."""
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
    """Redirect standard output to nowhere: the interpreter would fail again on the buffered rest at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
