"""A folder for one life: what the dead have left is removed, and nothing of the living."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from target_app.one_life import PREFIX, YOUNG_S, OneLifeFolder
from tests.support.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _a_place_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def age(path: Path) -> None:
    """Have it look as if nothing had been made in it for long."""
    then_s = time.time() - 2 * YOUNG_S
    os.utime(path, (then_s, then_s), follow_symlinks=False)


def test_a_folder_is_private_and_gone_with_its_process() -> None:
    """Whatever is in it."""
    folder = OneLifeFolder()
    (folder.path / "chat.db").write_text("what was said", encoding="utf-8")

    assert folder.path.stat().st_mode & 0o077 == 0
    folder.remove()
    assert not folder.path.exists()


def test_the_next_removes_what_a_killed_one_has_left() -> None:
    """The kernel takes the lock of whoever is dead."""
    killed = OneLifeFolder()
    (killed.path / "chat.db").write_text("what was said", encoding="utf-8")
    age(killed.path)
    os.close(killed._lock)

    OneLifeFolder().remove()

    assert not killed.path.exists()


def test_a_folder_of_the_living_stays() -> None:
    """However long nothing was made in it."""
    living = OneLifeFolder()
    age(living.path)

    OneLifeFolder().remove()

    assert living.path.exists()
    living.remove()


def test_what_is_young_or_not_of_this_kind_stays(tmp_path: Path) -> None:
    """One that is about to be locked, somebody else's folder, a file, and where a link leads to."""
    names = (f"{PREFIX}a", "b", "c", f"{PREFIX}d", f"{PREFIX}e")
    young, other, target, file, link = (tmp_path / name for name in names)
    for path in (young, other, target):
        path.mkdir()
    file.touch()
    link.symlink_to(target)
    for path in (other, target, file, link):
        age(path)

    OneLifeFolder().remove()

    assert set(tmp_path.iterdir()) == {young, other, target, file, link}


@pytest.mark.system
def test_a_process_keeps_one_for_whoever_started_it(tmp_path: Path) -> None:
    """Until its standard input ends, as it does when that one is killed."""
    command = [sys.executable, "-m", "target_app.one_life"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdin is not None
        folder = Path(keeper.stdout.readline().rstrip("\n"))
        (folder / "chat.db").touch()
        assert folder.parent == tmp_path

        keeper.stdin.close()

        assert keeper.wait(PATIENCE_S) == 0
        assert list(tmp_path.iterdir()) == []
