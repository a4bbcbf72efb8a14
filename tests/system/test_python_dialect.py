"""The example of a dialect in Python, found as an installed package is: by the metadata on Python's path."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.benches import (
    GENERATOR_DOUBTS,
    books_close,
    chatbench,
    document_in,
    fatal_doubts_of,
    unless_starved,
)
from tests.support.sealed_server import sealed_server

pytestmark = pytest.mark.system

EXAMPLE = Path(__file__).parents[2] / "examples" / "python_dialect"
PASSWORDS = {f"user-{i}": f"secret-{i}" for i in range(20)}


class Installed:
    """chatbench in an environment that has the example's package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        metadata = folder / "site" / "sealed_chat-0.1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sealed-chat\nVersion: 0.1.0\n", "utf-8")
        entries = [
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in places.items())
            for group, places in project["entry-points"].items()
        ]
        (metadata / "entry_points.txt").write_text("\n".join(entries), encoding="utf-8")
        self._path = os.pathsep.join([str(folder / "site"), str(EXAMPLE)])

    def chatbench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return chatbench(*arguments, cwd=self.folder, PYTHONPATH=self._path)

    def users_file(self, *, all_passwords_right: bool) -> str:
        """A file of users, whom the server knows."""
        wrong = "" if all_passwords_right else "-or-not"
        lines = "".join(f"{name},{password}{wrong}\n" for name, password in PASSWORDS.items())
        (self.folder / "users.csv").write_text(lines, encoding="utf-8")
        return "users.csv"


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with sealed_server(PASSWORDS) as url:
        yield url


def test_a_package_is_listed_and_has_a_file_to_start_from(installed: Installed) -> None:
    """Beside those that come with chatbench."""
    listed, printed = installed.chatbench("dialects"), installed.chatbench("dialects", "sealed")

    assert "sealed" in listed.stdout
    assert "A sealed chat: the password is proved" in listed.stdout
    assert printed.stdout.strip() == (EXAMPLE / "sealed_chat" / "sealed.toml").read_text(encoding="utf-8").strip()


def test_everything_is_well_with_it(installed: Installed, server: str) -> None:
    """By its name alone."""
    users = installed.users_file(all_passwords_right=True)
    done = installed.chatbench("doctor", "--target", server, "--dialect", "sealed", "--users-file", users)

    assert done.returncode == 0, done.stdout
    assert "All is well" in done.stdout
    assert "PROOF user-0 " in done.stdout
    assert not any(password in done.stdout for password in PASSWORDS.values())


def test_a_wrong_proof_is_told_in_the_words_of_the_server(installed: Installed, server: str) -> None:
    """What the class calls an error is one."""
    users = installed.users_file(all_passwords_right=False)
    done = installed.chatbench("doctor", "--target", server, "--dialect", "sealed", "--users-file", users, "--json")

    (failed,) = (step for step in json.loads(done.stdout)["steps"] if step["outcome"] == "failed")
    assert (failed["name"], failed["key"]) == ("greeting", "options")
    assert "REFUSED that is no proof" in failed["summary"]


def test_a_run_speaks_it_in_every_process(installed: Installed, server: str) -> None:
    """Each imports the class anew."""
    users = installed.users_file(all_passwords_right=True)
    flags = ("--processes", "2", "--duration", "2s", "--no-plots", "--no-html", "--out", "run", "--force")

    def attempt() -> tuple[int, dict[str, object]]:
        done = installed.chatbench(
            "run", "smoke", "--target", server, "--dialect", "sealed", "--users-file", users, *flags
        )
        return done.returncode, document_in(installed.folder / "run")

    code, document = unless_starved(attempt, only_counts=True)

    counts = document["counters"]
    assert books_close(document)
    assert document["errors"] == []
    assert counts["acks_received"] == counts["messages_sent"] > 0
    assert counts["deliveries_received"] == counts["deliveries_expected"] > 0
    assert code == (97 if fatal_doubts_of(document) & GENERATOR_DOUBTS else 0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'protocol = "sealed"\n[connect]\npath = "/"\n[options]\ndigest = "rot13"\n',
            'mine.toml: options.digest: expected a hash like "sha256", got "rot13"',
        ),
        (
            'protocol = "sealed"\n[connect]\npath = "/"\n[options]\ndigst = "sha1"\n',
            "mine.toml: options.digst: unknown key",
        ),
        ('protocol = "sealt"\n[connect]\npath = "/"\n', 'mine.toml: protocol: unknown protocol "sealt"; did you mean'),
    ],
)
def test_wrong_options_are_refused_in_one_line(text: str, complaint: str, installed: Installed) -> None:
    """By the class, or by the types of its options."""
    (installed.folder / "mine.toml").write_text(text, encoding="utf-8")
    done = installed.chatbench("doctor", "--target", "http://127.0.0.1:1", "--dialect", "mine.toml")

    assert done.returncode == 104
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
