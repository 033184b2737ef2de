"""Lock files, for file systems without locks of the kernel (Lustre without `-o flock`, NFS without lockd).

The file is created by one process alone, which every file system promises. Unlike a lock of the kernel it
stays when its process is killed; on the same machine the next process sees that and removes it, elsewhere the
error says which file to delete.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from genome_index.errors import IndexLocked

WITHOUT_LOCKS = frozenset((errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP))  # errors of flock
HELD = "lock.held"
TRY_EVERY_S = 0.1


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def take_lock_file(folder: Path, program: str, wait_s: float) -> None:
    """Create the lock file of a folder; `program` is who holds it, for other processes' errors.

    Raises
    ------
    IndexLocked
        It is there and stays for `wait_s`, and its process may be alive.
    """
    end, path = time.monotonic() + wait_s, folder / HELD
    content = f"{machine()}\n{os.getpid()}\n{program} on {socket.gethostname()}\n".encode()
    while not _created(path, content):
        holder = _content(path)
        if _is_left_behind(holder):
            _remove(path, holder)
        elif time.monotonic() >= end:
            words = holder.decode("utf-8", "replace").splitlines()
            raise IndexLocked(str(folder), words[2] if len(words) > 2 else "unknown", wait_s, str(path))
        else:
            time.sleep(TRY_EVERY_S)


def release_lock_file(folder: Path) -> None:
    (folder / HELD).unlink(missing_ok=True)


def machine() -> str:
    """Where a process number is unique: the machine since its last start, and the container in it."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _created(path: Path, content: bytes) -> bool:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError:  # the disk is full; a file without content would lock the index for good
        path.unlink()
        raise
    return True


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _is_left_behind(content: bytes) -> bool:
    """Whether the process that wrote a lock file has ended, as far as this machine can know."""
    where, number, *_ = [*content.decode("utf-8", "replace").splitlines(), "", ""]
    if where != machine() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _remove(path: Path, content: bytes) -> None:
    """Remove a lock file, unless another process has removed it and made its own by now."""
    aside = path.with_name(f"{HELD}.{os.getpid()}")
    with suppress(FileNotFoundError):
        os.rename(path, aside)
        if _content(aside) == content:
            aside.unlink()
        else:
            os.rename(aside, path)
