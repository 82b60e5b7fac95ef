"""What can be wrong with a storage is said in one line, and nothing is lost."""

import json
import sys
from pathlib import Path

import optuna
import pytest
from filelock import FileLock

from benchmark.durable import StoreError
from benchmark.tuning import storages
from benchmark.tuning.storages import answering, check, close, locked, mend, opened, owner
from methods.errors import ConfigError
from tests.benchmark.tuning.server import PASSWORD, Server


def studied(folder: Path, name: str = "a") -> Path:
    """A journal with a study."""
    optuna.create_study(study_name=name, storage=opened(None, folder))
    return folder / storages.JOURNAL


def test_a_line_cut_short_is_cut_off(tmp_path: Path) -> None:
    """Its writer was killed; what comes after must not be glued to it."""
    path = studied(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker')
    storage = opened(None, tmp_path)
    assert path.read_bytes() == whole
    optuna.create_study(study_name="b", storage=storage)
    assert len(storage.get_all_studies()) == 2


def test_a_worker_is_not_disturbed_by_the_mending(tmp_path: Path) -> None:
    path = studied(tmp_path)
    living = opened(None, tmp_path)
    with path.open("ab") as file:
        file.write(b'{"op_code":4')
    assert len(living.get_all_studies()) == 1
    mend(path)
    optuna.create_study(study_name="b", storage=living)
    assert len(opened(None, tmp_path).get_all_studies()) == 2


@pytest.mark.parametrize("line", [b"no json\n", b"{}\n", b"[1]\n", b'{"op_code": 99}\n', b"\xff\n"])
def test_a_corrupt_journal_is_named_and_kept(tmp_path: Path, line: bytes) -> None:
    path = studied(tmp_path)
    first, rest = path.read_bytes().split(b"\n", 1)
    text = first + b"\n" + line + rest + json.dumps({"x": 1}).encode() + b"\n"
    path.write_bytes(text)
    with pytest.raises(StoreError, match=r"optuna.log is damaged .*put back a copy"):
        opened(None, tmp_path)
    assert path.read_bytes() == text


def test_a_storage_is_tried_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the data takes minutes; nothing is created by asking."""
    check(None, tmp_path)
    assert not any(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="cannot be reached"):
        check("postgresql://me@127.0.0.1:9/x", tmp_path)
    assert not any(tmp_path.iterdir())
    path = studied(tmp_path)
    check(None, tmp_path)
    monkeypatch.setattr(storages, "PATIENCE", 0.1)
    with (
        FileLock(tmp_path / ".studies.lock"),
        pytest.raises(StoreError, match="has been locked"),
    ):
        check(None, tmp_path)
    path.write_text("damaged\nto the end\n")
    with pytest.raises(StoreError, match="is damaged"):
        check(None, tmp_path)


def test_a_locked_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "PATIENCE", 0.1)
    other = FileLock(tmp_path / ".studies.lock")
    with (
        other,
        pytest.raises(StoreError, match="has been locked by another process for"),
        locked(tmp_path),
    ):
        pytest.fail("two hold the lock")
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me@host:port/x", "--storage is no URL of a database"),
        ("postgresql:///x", "is no PostgreSQL database"),
        ("no url", "--storage is no URL of a database"),
        ("sqlite:///studies.db", "sqlite:///studies.db is no PostgreSQL database"),
        ("mysql://me:hidden@host/x", r"mysql://me:\*\*\*@host/x is no PostgreSQL"),
        (
            "postgresql://me:hidden@127.0.0.1:9/x",
            r":\*\*\*@127.0.0.1:9/x cannot be reached",
        ),
    ],
)
def test_what_is_no_database_is_named_without_passwords(
    tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        opened(url, tmp_path)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(ConfigError, match=r"package pg8000: .*\[postgres\]' in the checkout"):
        opened("postgresql://me@host/x", tmp_path)


def test_a_wrong_password_and_a_missing_database(tmp_path: Path, postgresql: Server) -> None:
    name = postgresql.database("wrong").rpartition("/")[2]
    for url, said in (
        (postgresql.url(name, "guess"), 'used: password authentication failed for user "tuner";'),
        (postgresql.url("nowhere"), 'used: database "nowhere" does not exist;'),
    ):
        with pytest.raises(ConfigError, match=said):
            check(url, tmp_path)
        with pytest.raises(ConfigError, match=said) as caught:
            opened(url, tmp_path)
        assert "guess" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_server_that_stops_is_named(tmp_path: Path, postgresql: Server) -> None:
    del postgresql  # skips where there is none
    with Server.running() as server:
        url = server.database("studies")
        storage = opened(url, tmp_path)
        study = optuna.create_study(study_name="a", storage=storage)
        server.stop()
        with (
            pytest.raises(StoreError, match="does not answer any more"),
            answering(url),
        ):
            study.set_user_attr("x", 1)
        server.start()
        with answering(url):
            study.set_user_attr("x", 2)
        assert optuna.load_study(study_name="a", storage=storage).user_attrs == {"x": 2}
        close(storage)


def test_the_lock_of_a_killed_process_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder given by a relative path, too: the lock is a link to the journal."""
    monkeypatch.setattr(storages, "GRACE", 3)
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    path = studied(Path("out"))
    lock = Path(f"{path}.lock")
    lock.symlink_to(path.resolve())
    optuna.create_study(study_name="b", storage=opened(None, Path("out")))
    assert not lock.is_symlink()
    assert lock.parent == path.parent


def test_a_folder_is_known_by_one_name(tmp_path: Path) -> None:
    first = owner(tmp_path)
    assert first == owner(tmp_path)
    assert first != owner(tmp_path / "another")
    assert [entry.name for entry in (tmp_path / "studies").iterdir()] == ["owner"]


def test_a_database_keeps_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    url = postgresql.database("locks")
    check(url, tmp_path)
    monkeypatch.setattr(storages, "PATIENCE", 0.2)
    with locked(tmp_path, url):
        said = r"a study in .*/locks has been locked"
        with pytest.raises(StoreError, match=said), locked(tmp_path, url):
            pytest.fail("two hold the lock")
        with locked(tmp_path / "another", url):
            pass
    with locked(tmp_path, url):
        pass
    assert not (tmp_path / ".studies.lock").exists()


def test_only_ssl_is_understood(tmp_path: Path, postgresql: Server) -> None:
    url = postgresql.database("ssl")
    for more, said in (
        ("?connect_timeout=3", "connect_timeout is not understood"),
        ("?sslmode=maybe", "sslmode maybe is none of disable"),
        ("?sslmode=require", "Server refuses SSL"),
    ):
        with pytest.raises(ConfigError, match=said):
            opened(url + more, tmp_path)
    close(opened(url + "?sslmode=prefer", tmp_path))


def test_a_journal_damaged_while_in_use_is_named(tmp_path: Path) -> None:
    path = studied(tmp_path)
    living = opened(None, tmp_path)
    with path.open("ab") as file:
        file.write(b"no json\n{}\n")
    with pytest.raises(StoreError, match="was damaged while it was used"), answering(None):
        living.get_all_studies()
