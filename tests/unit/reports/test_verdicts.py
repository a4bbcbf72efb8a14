"""The sentences of a run; what they look like in a report is tested with the report."""

from __future__ import annotations

import pytest

from loadgen.measure.doubts import DoubtCode
from reports.verdicts import doubt_title, headline
from tests.support.documents import a_document


@pytest.mark.parametrize("code", DoubtCode)
def test_every_doubt_has_a_title_in_words(code: DoubtCode) -> None:
    """A code is for programs."""
    assert doubt_title(code) != code.replace("_", " ")


def test_a_doubt_of_a_later_version_is_still_named() -> None:
    """Old readers meet new documents."""
    assert doubt_title("tired_\x1boperator") == "tired  operator"


def test_what_was_never_acknowledged_is_told_as_that() -> None:
    """A run may pass although it was lost: nobody had promised it."""
    document = a_document(deliveries_lost=3)
    document["counters"] |= {"deliveries_lost_acked": 0, "deliveries_lost_unacked": 3}

    assert "3 of 400,000 deliveries were lost, none of an acknowledged message" in str(headline(document))
