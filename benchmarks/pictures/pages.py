"""Pages as a real Chromium shows them: the report of a run, light and dark, and people on the chat page."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect

from benchmarks.common import CHATBENCH, BenchmarkError
from benchmarks.pictures.saving import shrink
from tests.support.chromium import CHROMIUM, chromium
from tests.support.server_process import asked, heard, server_process
from tests.support.visitors import a_token, a_visitor

REPORT_SIZE_PX, CHAT_SIZE_PX = (1180, 820), (1280, 800)
ROOM = "load tests"
VISITOR = "Maya Okafor"
PEOPLE = ("Daniel", "Élodie Marchand", "Jonas Lind", "Priya", "Sasha K.", "tomás", "user-000042", "Wen Li", "Zoë")
# Who says what before Maya's second message. None: it is hers.
SAID: tuple[tuple[str | None, str], ...] = (
    ("Jonas Lind", "Good morning! The night's run has finished."),
    ("Jonas Lind", "Everybody got everything, and nothing twice."),
    ("Jonas Lind", "Within its budget, with room to spare."),
    ("Priya", "And p99?"),
    (None, "Lovely. Is that with the database on the same disk?"),
    ("Élodie Marchand", "Yes, SQLite beside everything else:\n  --durability ack\n  --db sqlite:///chat.db"),
    ("tomás", "<b>Then we can ship it</b> & have lunch"),
    (None, "Let us run it once more with 2,000 people, and then ship it."),
)


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Chromium, until the block ends; BenchmarkError where there is none."""
    if CHROMIUM is None:
        raise BenchmarkError("no chromium here: apt-get install chromium")
    with chromium() as browser:
        yield browser


def draw_page(browser: Browser, page: Path, picture: Path, size_px: tuple[int, int], *, dark: bool = False) -> None:
    """The top of a page on disk, once it has drawn itself."""
    width, height = size_px
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    opened = context.new_page()
    opened.goto(page.absolute().as_uri(), wait_until="load")
    opened.screenshot(path=picture)
    context.close()
    shrink(picture)


def draw_chat(browser: Browser, picture: Path) -> None:
    """Ten people in a room of a server of their own, one of whom is about to answer."""
    width, height = CHAT_SIZE_PX
    with ExitStack() as stack:
        server = stack.enter_context(server_process("--lift-limits"))
        sockets = {}
        for name in PEOPLE:
            socket = sockets[name] = stack.enter_context(server.connect(f"/ws/rooms?token={a_token(name)}"))
            heard(socket)
        asked(sockets["Sasha K."], type="join", room="on call")
        asked(sockets["Wen Li"], type="join", room="release 0.2")
        visitor = stack.enter_context(a_visitor(browser, server.url, viewport={"width": width, "height": height}))
        visitor.enter(VISITOR)
        for name in PEOPLE:
            asked(sockets[name], type="join", room="lobby")
        visitor.join(ROOM)
        for name in PEOPLE:
            asked(sockets[name], type="join", room=ROOM)
        for number, (author, text) in enumerate(SAID, start=1):
            if author is None:
                visitor.say(text)
            else:
                asked(sockets[author], type="message", room=ROOM, text=text)
            expect(visitor.texts).to_have_count(number)
        asked(sockets["Zoë"], type="message", room="lobby", text="Coffee?")
        asked(sockets["Daniel"], type="message", room="lobby", text="In five minutes.")
        asked(sockets["Priya"], type="direct", to=VISITOR, text="Shall we?")
        expect(visitor.fate_of(SAID[-1][1])).to_have_text("sent")
        visitor.composer.press_sequentially("On")
        asked(sockets["Jonas Lind"], type="typing", room=ROOM)
        expect(visitor.page.locator("#typing")).to_have_text("Jonas Lind is writing …")
        visitor.page.screenshot(path=picture)
    shrink(picture)


def run_for_report(folder: Path, *flags: str) -> Path:
    """The run directory of ``chatbench run`` as a user would call it; BenchmarkError where the run was not believed."""
    directory = folder / "report"
    command = [str(CHATBENCH), "run", *flags, "--quiet", "--force", "--out", str(directory)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=180)
    if done.returncode not in (0, 99):
        raise BenchmarkError(f"a run ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return directory
