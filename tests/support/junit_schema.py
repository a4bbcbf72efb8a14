"""What may stand in a junit.xml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import xmlschema


@cache
def _schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def suite_in(text: str) -> ET.Element:
    """The one suite of a file that keeps to the schema, and whose totals are those of its cases."""
    _schema().validate(text)
    root = ET.fromstring(text)  # noqa: S314  # our own words
    (suite,) = root
    cases = suite.findall("testcase")
    assert suite.get("tests") == root.get("tests") == str(len(cases))
    for total, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(total) == str(sum(case.find(outcome) is not None for case in cases))
    for total in ("failures", "errors", "time"):
        assert suite.get(total) == root.get(total)
    return suite


def case_in(text: str, name: str) -> ET.Element:
    """One of its cases."""
    (found,) = (case for case in suite_in(text).iter("testcase") if case.get("name") == name)
    return found
