"""Where studies are kept: a journal file beside the results, or a PostgreSQL database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from benchmark.durable import StoreError, writing
from methods.errors import ConfigError

#: The journal's name in a results folder.
JOURNAL = "optuna.log"
#: Seconds to wait for whoever writes a study; it takes them milliseconds.
PATIENCE = 120.0
#: Seconds after which Optuna takes over the journal's lock from a process that was killed.
GRACE = 10
#: What is raised when a database does not answer as it should.
SILENT = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who changes the studies of a results folder; ends with the process.

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
            raise StoreError(
                f"{path} has been locked by another process for {PATIENCE:g} seconds: end the one "
                "that hangs, and run again"
            ) from error
    try:
        yield
    finally:
        lock.release()


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
    except SILENT as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
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
        lock = JournalFileSymlinkLock(str(path), grace_period=GRACE)
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


def database(url: str) -> RDBStorage:
    """The studies in a PostgreSQL database.

    Raises:
        ConfigError: If it cannot be reached or used; passwords are not shown.
    """
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "--storage is no URL of a database: write postgresql://USER:PASSWORD@HOST/NAME"
        ) from error
    if parts.get_backend_name() != "postgresql":
        raise ConfigError(
            f"--storage {parts.render_as_string()} is no PostgreSQL database: give "
            "postgresql://USER:PASSWORD@HOST/NAME, or nothing for a journal file in OUT"
        )
    try:
        import pg8000  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--storage {parts.render_as_string()} needs the package {error.name}: python -m pip "
            "install 'ldbench[postgres]'"
        ) from error
    driver = parts.set(drivername="postgresql+pg8000")
    try:
        return RDBStorage(driver.render_as_string(hide_password=False))
    except (*SILENT, RuntimeError) as error:  # the last if its tables are of another version
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ConfigError(
            f"the database {parts.render_as_string()} cannot be used: {reason}; check that the "
            "server runs, the address, the name and the password"
        ) from error
