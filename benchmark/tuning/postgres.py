"""Studies in a PostgreSQL database: how to reach it, and what it says when it cannot be used."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import URL, Connection, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from methods.errors import ConfigError

#: PostgreSQL's usual port, and seconds to wait for its host.
PORT, REACH = 5432, 10.0
#: What is raised when a database does not answer as it should.
SILENT = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


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
            "'.[postgres]' in the checkout"
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
