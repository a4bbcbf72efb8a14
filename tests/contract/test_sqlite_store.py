"""SQLite below the store: what it survives, what it refuses, and what it leaves behind."""

import asyncio
import contextlib
import resource
import select
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from target_app.database import Durability
from target_app.rooms import Message
from target_app.sqlite_store import SqliteStore
from target_app.store import StoreError
from target_app.stores import store_from
from tests.support.event_loop import on_an_event_loop
from tests.support.patience import PATIENCE_S

A_TEXT = "x" * 2_000


def messages(first: int, count: int) -> list[Message]:
    return [Message("tea", seq, "ann", A_TEXT, seq) for seq in range(first, first + count)]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.system
def test_what_was_stored_survives_a_kill(tmp_path: Path) -> None:
    """Every message whose append had returned is there after kill -9, and the next server goes on after it."""
    url = f"sqlite:///{tmp_path}/chat.db"
    command = [sys.executable, "-m", "tests.support.store_appender", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], "it has stored nothing"
        for _ in range(50):
            line = process.stdout.readline()
        process.kill()
        said = [line, *process.stdout.read().splitlines()]
    stored_last = int(said[-1])
    assert stored_last >= 50

    async def read() -> None:
        store = store_from(url, Durability.ACK)
        # The last of them may have been stored before it could be said.
        assert (await store.open())["tea"] in (stored_last, stored_last + 1)
        assert store.was_cut_off
        found = await store.after("tea", 0, stored_last)
        assert [message.seq for message in found] == list(range(1, stored_last + 1))
        assert {message.text for message in found} == {f"text {seq}" for seq in range(1, stored_last + 1)}
        await store.close()
        await store.open()
        assert not store.was_cut_off
        await store.close()

    asyncio.run(read())


@pytest.mark.parametrize(("durability", "synchronous"), [(Durability.ACK, 2), (Durability.ASYNC, 1)])
@on_an_event_loop
async def test_an_ack_waits_for_the_disk_unless_told_otherwise(
    tmp_path: Path, durability: Durability, synchronous: int
) -> None:
    """No test can cut the power. SQLite's documentation: 2 (FULL) survives that in WAL mode, 1 (NORMAL) a crash."""
    store = SqliteStore(tmp_path / "chat.db", durability)
    await store.open()
    assert store._writing is not None

    assert store._writing.scalar(text("PRAGMA synchronous")) == synchronous
    assert store._writing.scalar(text("PRAGMA journal_mode")) == "wal"
    await store.close()


@contextmanager
def a_small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own; only root may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root, and leave to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def ballast(folder: Path) -> Iterator[None]:
    """While it lasts, the disk is full to the last byte."""
    heavy = folder / "ballast"
    with heavy.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4_096)):
            pass
    yield
    heavy.unlink()


@contextmanager
def no_larger_files(folder: Path) -> Iterator[None]:
    """While it lasts, no file of ours may grow: what a full disk is like for those who are not root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size_bytes = max(path.stat().st_size for path in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def any_disk(_folder: Path) -> Iterator[None]:
    yield


@pytest.mark.parametrize(("disk", "full"), [(a_small_disk, ballast), (any_disk, no_larger_files)])
def test_a_full_disk_refuses_messages_and_nothing_else(
    tmp_path: Path,
    disk: Callable[[Path], AbstractContextManager[None]],
    full: Callable[[Path], AbstractContextManager[None]],
) -> None:
    """Reading goes on; nothing of the refused group is there; with room again writing goes on, without a restart."""
    folder = tmp_path / "disk"
    folder.mkdir()

    async def fill_and_free() -> None:
        store = SqliteStore(folder / "chat.db", Durability.ACK)
        await store.open()
        await store.append(messages(1, 20))
        with full(folder):
            for _ in range(2):
                with pytest.raises(StoreError, match=r"chat\.db: (database or disk is full|disk I/O error)$"):
                    await store.append(messages(21, 100))
            assert await store.newest("tea", None, 100) == messages(1, 20)
        await store.append(messages(21, 20))
        assert await store.newest("tea", None, 100) == messages(1, 40)
        await store.close()

        assert await store.open() == {"tea": 40}
        await store.close()

    with disk(folder):
        asyncio.run(fill_and_free())


@on_an_event_loop
async def test_a_locked_database_is_an_error_and_not_a_wait_for_ever(tmp_path: Path) -> None:
    """Another program, a backup or a curious person, may hold the file; afterwards writing goes on."""
    path = tmp_path / "chat.db"
    store = SqliteStore(path, Durability.ACK, busy_ms=1)
    await store.open()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"chat\.db: database is locked"):
            await store.append(messages(1, 1))
    await store.append(messages(1, 1))

    assert await store.newest("tea", None, 10) == messages(1, 1)
    await store.close()


@pytest.mark.parametrize("where", ["missing/chat.db", ".", "letter.txt"])
@on_an_event_loop
async def test_what_cannot_be_opened_is_one_line_that_names_it(tmp_path: Path, where: str) -> None:
    """No such folder, a folder, a file that is no database."""
    (tmp_path / "letter.txt").write_text("Dear all, " * 1_000)

    with pytest.raises(StoreError) as refused:
        await SqliteStore(tmp_path / where, Durability.ACK).open()

    line = str(refused.value)
    assert line.startswith(f"{tmp_path / where}: ")
    assert "\n" not in line
    assert (tmp_path / "letter.txt").read_text() == "Dear all, " * 1_000


@on_an_event_loop
async def test_a_store_that_is_closed_leaves_one_file(tmp_path: Path) -> None:
    """What SQLite keeps beside it while it is open is in it: the file can be copied."""
    store = SqliteStore(tmp_path / "chat.db", Durability.ACK)
    await store.open()
    await store.append(messages(1, 1))
    await store.newest("tea", None, 1)
    await store.close()

    assert names_in(tmp_path) == {"chat.db"}


@on_an_event_loop
async def test_without_a_url_messages_live_in_a_private_file_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can read it, two servers have one each, and nothing of it is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = (store_from(None, Durability.ACK) for _ in range(2))
    await one.open()
    await other.open()
    await one.append(messages(1, 1))

    assert await other.newest("tea", None, 10) == []
    private = [tmp_path / name for name in names_in(tmp_path)]
    assert [folder.stat().st_mode & 0o077 for folder in private] == [0, 0]
    await one.close()
    await other.close()
    assert names_in(tmp_path) == set()


@on_an_event_loop
async def test_no_room_for_a_private_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the folder, so that somebody can make room there or set TMPDIR."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    with pytest.raises(StoreError, match=r"^the temporary database: .*No such file or directory.*missing"):
        await store_from(None, Durability.ACK).open()
