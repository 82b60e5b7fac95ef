"""A PostgreSQL server of the tests' own, from Debian's package."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

#: Where Debian puts the server's programs, newest first.
PROGRAMS = "/usr/lib/postgresql/*/bin"
PASSWORD = "secret word"


def programs() -> Path | None:
    """The folder of the server's programs; None if it is not installed."""
    found = sorted(Path("/").glob(PROGRAMS.lstrip("/")))
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def account() -> str | None:
    """Whom to run the server as: it refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("there is no account to run PostgreSQL as")


@dataclass
class Server:
    """A server on a free port of this machine, in a folder of its own."""

    folder: Path
    port: int

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Server"]:
        """One that is stopped at the end.

        Not below pytest's folders: another session of pytest closes these to the server's account.
        """
        with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
            server = cls.started(Path(folder))
            try:
                yield server
            finally:
                server.stop()

    @classmethod
    def started(cls, folder: Path) -> "Server":
        """Start one."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            server = cls(folder, free.getsockname()[1])
        user, known = account(), folder / "password"
        known.write_text(PASSWORD + "\n")
        if user:
            shutil.chown(folder, user)
            shutil.chown(known, user)
            for parent in folder.parents:  # the account must reach it
                if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        data = str(folder / "data")
        server.call(
            "initdb", "-D", data, "-U", "tuner", "-A", "scram-sha-256", "--pwfile", str(known),
            "--no-sync", "-E", "UTF8", "--locale", "C",
        )  # fmt: skip
        server.start()
        return server

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self.folder / "log")
        self.call(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", options, "start"
        )

    def stop(self) -> None:
        """Stop it at once."""
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def call(self, program: str, *arguments: str) -> None:
        """Run one of its programs as its account."""
        where = programs()
        assert where is not None
        user = account()
        prefix = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups"] if user else []
        environment = {"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
        done = subprocess.run(
            [*prefix, str(where / program), *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            env=environment, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def url(self, name: str, password: str = PASSWORD) -> str:
        """A database's address."""
        return f"postgresql://tuner:{quote(password)}@127.0.0.1:{self.port}/{name}"

    def database(self, name: str) -> str:
        """The address of a new database."""
        self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tuner", name)
        return self.url(name)
