"""The sentences of a run; what they look like in a report is tested with the report."""

from __future__ import annotations

import pytest

from loadgen.measure.doubts import DoubtCode
from reports.verdicts import doubt_title


@pytest.mark.parametrize("code", DoubtCode)
def test_every_doubt_has_a_title_in_words(code: DoubtCode) -> None:
    """A code is for programs."""
    assert doubt_title(code) != code.replace("_", " ")


def test_a_doubt_of_a_later_version_is_still_named() -> None:
    """Old readers meet new documents."""
    assert doubt_title("tired_\x1boperator") == "tired  operator"
