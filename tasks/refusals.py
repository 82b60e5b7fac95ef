"""What a machine refuses when files are written, in words, and room that is kept for them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from methods.errors import InputError

#: What the machine refuses, and what to do about it.
REFUSALS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "writing is not permitted: choose another folder or change its permissions",
    errno.EPERM: "writing is not permitted: choose another folder or change its permissions",
    errno.ENOTDIR: "a part of its path is a file: choose another folder",
}


class RefusedError(InputError):
    """A folder of prepared images that cannot be written; names it and the remedy."""


@contextmanager
def preparing(folder: Path) -> Iterator[None]:
    """Turn what the machine refuses below a folder into one clear line.

    Raises:
        RefusedError: If there is no room or no permission to write there.
    """
    try:
        yield
    except OSError as error:
        # A source that may not be read is another matter; its name tells it apart.
        elsewhere = error.filename and not Path(str(error.filename)).is_relative_to(folder)
        if error.errno not in REFUSALS or elsewhere:
            raise
        raise RefusedError(
            f"cannot write prepared images to {folder}: {REFUSALS[error.errno]} (--cache), and run "
            "again; what is prepared is kept"
        ) from error


def keep_room(path: Path) -> None:
    """Let a file have all of its space on disk.

    An array that is memory-mapped begins as a file of holes: a disk that is full when they are
    filled ends the process by a signal, without a word.

    Raises:
        OSError: If there is no room.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file, suppressed(errno.EOPNOTSUPP, errno.EINVAL):
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


@contextmanager
def suppressed(*numbers: int) -> Iterator[None]:
    """Let errors of these numbers pass: not every file system can keep room."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise
