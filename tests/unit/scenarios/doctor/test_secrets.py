"""What nobody may read off a screen."""

from __future__ import annotations

import pytest

from scenarios.doctor.attempts import Person
from scenarios.doctor.secrets import secrets_of
from tests.support.examined import ANN, BOB


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password is pass word/1", "password is ***"),
        ("user=ann&password=pass+word%2F1", "user=ann&password=***"),
        ("/ws?t=pass%20word%2F1", "/ws?t=***"),
        ("tok-ann-12345 and tok-bob-12345", "*** and ***"),
        ('{"refresh_token": "what nobody knows", "n": 1}', '{"refresh_token": "***", "n": 1}'),
        ('{"token":null,"ok":true}', '{"token":null,"ok":true}'),
        ("/ws?access_token=abc&room=1", "/ws?access_token=***&room=1"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("<auth>AGFubgBwYXNzIHdvcmQvMQ==</auth>, YW5uOnBhc3Mgd29yZC8x", "<auth>***</auth>, ***"),
        ("hello eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln there", "hello *** there"),
        ("nothing of that kind", "nothing of that kind"),
    ],
)
def test_no_secret_is_shown_in_whatever_form_it_stands(text: str, shown: str) -> None:
    """Passwords and tokens we know by their value, others by the name of their field or their look."""
    assert secrets_of((ANN, BOB), ()).hide(text) == shown


def test_a_secret_of_a_letter_or_two_is_hidden_where_it_is_a_word() -> None:
    """Everywhere else it is a part of what the server said."""
    hidden = secrets_of((Person("ann", "a"),), ())

    assert hidden.hide('"a" was a bad password') == '"***" was *** bad password'


def test_headers_that_carry_secrets_are_hidden_and_others_are_not() -> None:
    """By their names; the word behind Bearer alone, too."""
    hidden = secrets_of((), (("Authorization", "Bearer abcdef"), ("Origin", "http://h")), None)

    assert hidden.hide("Bearer abcdef, abcdef, http://h") == "***, ***, http://h"
