"""Where studies are kept: a journal file beside the results, or a PostgreSQL database."""

import json
import os
import socket
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from benchmark.durable import StoreError, beside, writing
from methods.errors import ConfigError
from tasks.manifest import digest

#: The journal's name in a results folder.
JOURNAL = "optuna.log"
#: Seconds to wait for whoever writes a study; it takes them milliseconds.
PATIENCE = 120.0
#: Seconds after which Optuna takes over the journal's lock from a process that was killed.
GRACE = 10
#: PostgreSQL's usual port, and seconds to wait for its host.
PORT, REACH = 5432, 10.0
#: What is raised when a database does not answer as it should.
SILENT = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


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


def connected(url: str) -> tuple[URL, Connection]:
    """A database's address, and a connection to it that the caller closes.

    Raises:
        ConfigError: If it cannot be reached or used.
    """
    parts, options = driver(url)
    with usable(parts):
        engine = create_engine(
            parts, connect_args=options, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        return parts, engine.connect()


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


def database(url: str) -> RDBStorage:
    """The studies in a PostgreSQL database.

    Raises:
        ConfigError: If it cannot be reached or used; passwords are not shown.
    """
    parts, options = driver(url)
    with usable(parts):
        return RDBStorage(
            parts.render_as_string(hide_password=False), engine_kwargs={"connect_args": options}
        )


@contextmanager
def usable(parts: URL) -> Iterator[None]:
    """Turn what a database refuses into one clear line.

    Raises:
        ConfigError: In its place; passwords are not shown.
    """
    try:
        yield
    # Tables of another version of Optuna are a RuntimeError, what pg8000 does not take a TypeError.
    except (*SILENT, RuntimeError, TypeError) as error:
        raise ConfigError(
            f"the database {without_password(parts)} cannot be used: {told_by(error)}; check that "
            "the server runs, the address, the name and the password"
        ) from error


def without_password(parts: URL) -> str:
    """A database's address as it was given, without the password."""
    return parts.set(drivername="postgresql").render_as_string()


def told_by(error: Exception) -> str:
    """What a database says in one line, without the codes in which the driver wraps it."""
    cause = error.__cause__ or error
    fields = cause.args[0] if cause.args else ""
    text = fields.get("M", "") if isinstance(fields, dict) else ""
    return str(text or cause).strip().splitlines()[0]


def driver(url: str) -> tuple[URL, dict[str, Any]]:
    """A database's address for the driver that we bring, and how to connect.

    Raises:
        ConfigError: If it is no PostgreSQL address, cannot be reached, or the driver is missing.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "--storage is no URL of a database: write postgresql://USER:PASSWORD@HOST/NAME"
        ) from error
    shown = parts.render_as_string()
    if parts.get_backend_name() != "postgresql" or not parts.host:
        raise ConfigError(
            f"--storage {shown} is no PostgreSQL database: give "
            "postgresql://USER:PASSWORD@HOST/NAME, or nothing for a journal file in OUT"
        )
    unknown = sorted(set(parts.query) - {"sslmode"})
    if unknown:
        raise ConfigError(f"--storage {shown}: {unknown[0]} is not understood, only sslmode is")
    try:
        import pg8000  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--storage {shown} needs the package {error.name}: python -m pip install "
            "'ldbench[postgres]'"
        ) from error
    try:
        # A host that does not answer at all is otherwise waited for for minutes.
        socket.create_connection((parts.host, parts.port or PORT), REACH).close()
    except OSError as error:
        raise ConfigError(
            f"the database {shown} cannot be reached ({error}): check that the server runs, and "
            "the address"
        ) from error
    options = secured(str(parts.query.get("sslmode", "prefer")), shown)
    return parts.set(drivername="postgresql+pg8000", query={}), options


def secured(mode: str, shown: str) -> dict[str, Any]:
    """How to connect under one of PostgreSQL's sslmodes.

    Raises:
        ConfigError: If there is no such mode.
    """
    if mode in ("disable", "allow", "prefer"):
        return {}
    if mode not in ("require", "verify-ca", "verify-full"):
        raise ConfigError(
            f"--storage {shown}: sslmode {mode} is none of disable, require, verify-full"
        )
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    if mode == "require":  # encrypted, to whomever
        context.verify_mode = ssl.CERT_NONE
    return {"ssl_context": context}
