"""Where studies are kept: a journal file beside the results, or a PostgreSQL database."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy import make_url, text
from sqlalchemy.exc import DatabaseError

from benchmark.durable import StoreError, beside, writing
from benchmark.tuning.postgres import (
    SILENT,
    connected,
    database,
    told_by,
    usable,
    without_password,
)
from tasks.manifest import digest

#: The journal's name in a results folder.
JOURNAL = "optuna.log"
#: Seconds to wait for whoever writes a study; it takes them milliseconds.
PATIENCE = 120.0
#: Seconds after which Optuna takes over the journal's lock from a process that was killed.
GRACE = 10


@contextmanager
def locked(folder: Path, url: str | None = None) -> Iterator[None]:
    """Be the only one who changes the studies of a results folder; ends with the process.

    Held in the database if there is one, since the disks of clusters do not always keep locks.

    Raises:
        ConfigError: If the database cannot be reached or used.
        StoreError: If another process does not give way.
    """
    with advised(folder, url) if url is not None else filed(folder):
        yield


@contextmanager
def filed(folder: Path) -> Iterator[None]:
    """Hold the lock of a results folder in a file of it.

    Raises:
        StoreError: If another process does not give way.
    """
    path = folder / ".studies.lock"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=PATIENCE)
        try:
            lock.acquire()
        except Timeout as error:
            raise stubborn(str(path)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def advised(folder: Path, url: str) -> Iterator[None]:
    """Hold the lock of a results folder in a database, which frees it if the process ends.

    Raises:
        ConfigError: If the database cannot be reached or used.
        StoreError: If another process does not give way.
    """
    key = int(digest(owner(folder))[:15], 16)
    parts, connection = connected(url)
    try:
        with usable(parts):
            connection.execute(text(f"SET lock_timeout = '{PATIENCE:g}s'"))
            try:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            except DatabaseError as error:
                if "lock timeout" not in str(error):
                    raise
                raise stubborn(f"a study in {without_password(parts)}") from error
        yield
    finally:
        connection.close()


def check(url: str | None, folder: Path) -> None:
    """Insist on a storage that can be used, before minutes are spent on reading data.

    Nothing is created: who has no journal yet may still be refused for other reasons.

    Raises:
        ConfigError: If the database cannot be reached or used.
        StoreError: If the journal is damaged or locked, or cannot be written.
    """
    if url is not None:
        connected(url)[1].close()
    elif (folder / JOURNAL).exists():
        with filed(folder):
            close(journal(folder / JOURNAL))


def stubborn(what: str) -> StoreError:
    """What to say of a lock that another process does not give back."""
    return StoreError(
        f"{what} has been locked by another process for {PATIENCE:g} seconds: end the one that "
        "hangs, and run again"
    )


def owner(folder: Path) -> str:
    """What tells a results folder from all others; made up when it is first asked for."""
    path = folder / "studies" / "owner"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            own = beside(path)
            own.write_text(uuid.uuid4().hex, encoding="ascii")
            with suppress(FileExistsError):  # another process was faster
                os.link(own, path)
            own.unlink()
    return path.read_text(encoding="ascii")


def opened(url: str | None, folder: Path) -> BaseStorage:
    """A storage; call it while ``locked``.

    Args:
        url: Of a PostgreSQL database, "postgresql://USER:PASSWORD@HOST/NAME"; the journal of the
            results folder if None.
        folder: The results folder.

    Raises:
        ConfigError: If the database cannot be reached or used.
        StoreError: If the journal is damaged, or cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return journal(folder / JOURNAL) if url is None else database(url)


@contextmanager
def answering(url: str | None) -> Iterator[None]:
    """Turn the silence of a database that answered before into one clear line.

    Raises:
        StoreError: If it does not answer any more.
    """
    try:
        yield
    except json.JSONDecodeError as error:
        raise StoreError(
            f"the journal was damaged while it was used ({error}): run again"
        ) from error
    except SILENT as error:
        reason = told_by(error)
        known = "the journal" if url is None else make_url(url).render_as_string()
        raise StoreError(
            f"{known} does not answer any more ({reason}): see to the server, and run again to go "
            "on; what is computed is kept"
        ) from error


def close(storage: BaseStorage) -> None:
    """Give back a storage's connections."""
    storage.remove_session()
    if isinstance(storage, RDBStorage):
        storage.engine.dispose()


def journal(path: Path) -> JournalStorage:
    """The studies in a file.

    Raises:
        StoreError: If it is damaged, or cannot be written.
    """
    with writing(path):
        mend(path)
        # The lock is a link to the journal; one that leads nowhere is waited for for ever.
        lock = JournalFileSymlinkLock(str(path.resolve()), grace_period=GRACE)
        backend = JournalFileBackend(str(path), lock_obj=lock)
        try:
            return JournalStorage(backend)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise StoreError(
                f"{path} is damaged ({error}): put back a copy of it, or remove it to begin anew; "
                "what trials have computed is kept and found again"
            ) from error


def mend(path: Path) -> None:
    """Cut off a last line without an end: whoever wrote it was killed, and it never counted."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        text = file.read()
        if text and not text.endswith(b"\n"):
            file.truncate(text.rfind(b"\n") + 1)
