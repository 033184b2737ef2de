"""Processes on a pseudo-terminal: what they draw on standard output or standard error."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Sequence
from threading import Thread
from typing import Literal

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def run_on_terminal(
    command: Sequence[object], stream: Literal["stdout", "stderr"], columns: int = 80, term: str = "xterm"
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a command with one stream on a terminal, the other in a pipe: the process, and what was drawn."""
    ours, theirs = pty.openpty()
    drawn: list[bytes] = []
    reader = Thread(target=_drain, args=(ours, drawn))
    reader.start()
    environment = os.environ | {"TERM": term, "COLUMNS": str(columns)}
    environment.pop("NO_COLOR", None)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: theirs}
    try:
        done = subprocess.run([*map(str, command)], env=environment, text=True, timeout=60, **streams)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    return done, b"".join(drawn).decode().replace("\r\n", "\n")


def _drain(terminal: int, drawn: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux reports a terminal that no process holds any more as an error
            return
        if not piece:
            return
        drawn.append(piece)


def plain(text: str) -> str:
    """The text without escape sequences."""
    return ESCAPES.sub("", text)
