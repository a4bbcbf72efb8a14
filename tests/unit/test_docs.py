"""What the documentation shows can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadgen.dialects.template import ESCAPES
from loadgen.measure.doubts import DoubtCode
from loadgen.measure.tally import Metric
from scenarios.dialect_checks import OF_A_MESSAGE
from scenarios.dialect_files import builtin_dialects, read_dialect
from scenarios.dialect_schema import DialectFile, SpokenFile
from scenarios.layers import FLAGS
from scenarios.schema import Scenario
from scenarios.settle import settle
from scenarios.validation import fields_of
from tests.support.certificates import authority

ROOT = Path(__file__).parents[2]
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", SCENARIOS, re.DOTALL | re.MULTILINE)
DIALECT_GUIDE = (ROOT / "docs" / "dialects.md").read_text(encoding="utf-8")
DIALECT_EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", DIALECT_GUIDE, re.DOTALL | re.MULTILINE)
DIALECTS = [example for example in EXAMPLES if "[publish]" in example]
SHARED_BUDGETS = [example for example in EXAMPLES if "[scenario." in example]
SCENARIO_FILES = [example for example in EXAMPLES if example not in (*DIALECTS, *SHARED_BUDGETS)]


def test_the_dialect_in_the_documentation_is_a_whole_file() -> None:
    """It shows all that users may do."""
    (example,) = DIALECTS
    script = read_dialect(example, "example", "example.toml")

    assert None not in (script.direct, script.typing, script.presence, script.history, script.http)


@pytest.mark.parametrize("number", range(len(DIALECT_EXAMPLES)))
def test_every_dialect_in_the_guide_is_a_whole_file(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who copies it can try it."""
    monkeypatch.setenv("CHAT_SECRET", "a secret of thirty-two bytes or more")

    assert read_dialect(DIALECT_EXAMPLES[number], "example", "example.toml").connect.path


def sections_of(text: str) -> dict[str, str]:
    """Heading -> what stands below it, up to the next."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(
    "key", sorted({key.replace("json_", "json") for model in (DialectFile, SpokenFile) for key, _ in fields_of(model)})
)
def test_every_key_of_a_dialect_file_is_in_the_guide(key: str) -> None:
    """In the table of its section; those of a request in one that is for all of them."""
    sections = sections_of(DIALECT_GUIDE)
    *within, name = key.split(".")
    if "http" in within[1:] or (within[:1] == ["login"] and name != "token"):
        heading = "An HTTP request"
    elif within:
        heading = f"[{within[0]}]"
    else:
        heading = "A dialect in Python" if name == "options" else "Top of the file"

    assert f"`{name}`" in sections[heading] or (not within and f"[{name}]" in sections[heading])


def test_every_placeholder_is_in_the_guide() -> None:
    """Those that a message to one user, which knows the most, may hold, and those of patterns."""
    known = {*OF_A_MESSAGE, "to", "seq", "after"}

    assert {name for name in known if f"`{{{name}}}`" not in sections_of(DIALECT_GUIDE)["Placeholders"]} == set()
    assert {name for name in ESCAPES if f"`{{{name}:" not in sections_of(DIALECT_GUIDE)["Placeholders"]} == set()


def test_every_dialect_that_comes_with_us_is_in_the_guide() -> None:
    """With the servers that it was proven on."""
    told = sections_of(DIALECT_GUIDE)["The built-in ones"]

    assert [name for name in builtin_dialects() if f"| `{name}` |" not in told] == []


def test_the_file_of_budgets_in_the_documentation_can_be_used(tmp_path: Path) -> None:
    """For the scenario that it names, and for any other."""
    (example,) = SHARED_BUDGETS
    (tmp_path / "budgets.toml").write_text(example, encoding="utf-8")
    flags = {"run.budgets_file": str(tmp_path / "budgets.toml")}

    limits = [[budget.limit for budget in settle(name, flags, {}).budgets] for name in ("fanout", "smoke")]
    assert 100.0 in limits[0]
    assert 250.0 in limits[1]


@pytest.mark.parametrize("number", range(len(SCENARIO_FILES)))
def test_every_scenario_in_the_documentation_is_a_whole_file(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who copies it can run it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tokens.txt").write_text("token\n", encoding="utf-8")
    (tmp_path / "example.toml").write_text(SCENARIO_FILES[number], encoding="utf-8")
    if "authority.pem" in SCENARIO_FILES[number]:
        authority(tmp_path)

    assert settle("example.toml", {}, {}).name == "example"


def test_every_key_of_a_scenario_is_shown_by_example() -> None:
    """A key that nobody is told of but by a table is hard to find."""
    told = (ROOT / "scenarios" / "handbook.md.j2").read_text(encoding="utf-8")
    missing = [key for key, _ in fields_of(Scenario) if not re.search(rf"\b{key.rpartition('.')[2]}\b", told)]

    assert missing == []


def test_every_doubt_and_metric_is_explained() -> None:
    """Whoever meets one in a report can look it up."""
    text = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")

    assert [name for name in (*DoubtCode, *Metric) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", ["README.md", "docs/scenarios.md", "docs/measuring.md", "docs/dialects.md"])
def test_every_flag_of_run_in_the_documentation_is_there(name: str) -> None:
    """A flag that was renamed is renamed here, too."""
    text = (ROOT / name).read_text(encoding="utf-8")
    known = {flag.name for flag in FLAGS} | {
        "--help",
        "--no-html",
        "--no-plots",
        "--memory",
        "--faults",
        "--truth",
        "--quick",
        *("--of", "--max-time"),  # of capacity
        *("--base", "--head"),  # of ab
        "--port",  # of a server that it starts
        "--write",  # of a benchmark
        *("--host", "--headless"),  # of Locust
        *("--db", "--broker", "--workers"),  # of serve
    }

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_and_pictures_of_the_documentation_are_there(path: Path) -> None:
    """Files, and headings of files."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text(encoding="utf-8")):
        name, _, heading = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
        assert not heading or heading in {re.sub(r"[^\w\- ]", "", h).lower().replace(" ", "-") for h in headings}, (
            target
        )


def test_what_is_promised_under_attack_is_held_by_a_test() -> None:
    """Each link to a test is the name of one in that file."""
    told = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    links = re.findall(r"\[([^\]]+)\]\(\.\./(tests/[^)]+)\)", told)
    assert links

    missing = [
        (text, file)
        for text, file in links
        if f"def test_{text.replace(' ', '_')}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
