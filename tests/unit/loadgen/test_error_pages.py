"""An error page of a server, as it stands among the errors of a run."""

from __future__ import annotations

from loadgen.dialects.script import Reach
from loadgen.engine.books import Books
from loadgen.engine.error_pages import readable
from loadgen.errors import ErrorKind
from loadgen.measure import marker
from loadgen.measure.ledger import Ledger
from loadgen.measure.payload import Payload
from loadgen.measure.rules import Rules
from loadgen.measure.tally import Tally
from loadgen.plan.rooms import Rooms
from loadgen.plan.secrets import Secrets


def test_of_a_page_its_words_are_shown() -> None:
    """Markup, styles and scripts say nothing of the cause, and of a text only the start is kept."""
    page = (
        "HTTP 502: <!DOCTYPE html>\r\n<html><head><title>502 Bad Gateway</title><style>h1 { color: red }</style></head>"
        "<body>\n<h1>Bad  Gateway</h1><script>let a = 1;</script><hr>nginx &amp; friends</body></html>"
    )

    assert readable(page) == "HTTP 502: 502 Bad Gateway Bad Gateway nginx & friends"


def test_what_is_no_page_stays_as_it_is() -> None:
    """Frames, JSON and XML of a protocol are quoted as they came."""
    for text in ('HTTP 400: {"detail": "a <b>  c"}', "<stream:error><not-authorized/></stream:error>", "", "a  b\nc"):
        assert readable(text) == text


def test_a_page_shows_no_secret_that_its_markup_hides() -> None:
    """Neither one with what looks like a tag within, nor one that was written with entities."""
    ledger = Ledger(
        Rules(2, Rooms.alike(1), Reach.ROOM, echo=True, deadline_ns=1_000), marker.prefix_of("abc123"), Tally(0)
    )
    books = Books(ledger, Payload(1, 100), "abc123", 1_000)
    books.secrets_of = lambda _user, _token: Secrets.of(["pass<b>word", "Sesame&Co-1"])
    books.error(ErrorKind.HTTP_4XX, "login", "HTTP 400: <html><h1>pass<b>word Sesame&amp;Co-1 is wrong</h1></html>")

    shown = books.tally.errors[ErrorKind.HTTP_4XX, "login"].example
    assert "word" not in shown
    assert "Sesame" not in shown
    assert shown.endswith("is wrong")
