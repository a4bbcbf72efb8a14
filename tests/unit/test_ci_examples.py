"""The action and the examples of pipelines: what they run is there to be run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from loadgen.errors import InputError
from reports.budgets import parse
from scenarios.ab_flags import wish_of
from scenarios.cli import app
from tests.support.github_job import ACTION, ROOT, Job

DOCS = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
GITHUB, GITLAB, JENKINS = (
    ROOT / "examples" / name for name in ("github/latency.yml", "gitlab/.gitlab-ci.yml", "jenkins/Jenkinsfile")
)
FAKE = Path(__file__).parents[1] / "support" / "fake_chatbench.sh"
# What is written between name and flags, as a shell joins its lines.
COMMAND = re.compile(r"/chatbench ((?:run|ab|compare)\b(?:[^\n\\]|\\\n)*)")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """One in which ``chatbench`` only keeps what it was given."""
    for folder in ("workspace", "temporary", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "chatbench").symlink_to(FAKE)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return Job(tmp_path / "workspace", tmp_path / "temporary", path, {"FAKE_ARGUMENTS": str(tmp_path / "arguments")})


def arguments_of(job: Job) -> list[str]:
    """What the command was given."""
    return (job.workspace.parent / "arguments").read_text(encoding="utf-8").split("\0")[:-1]


def check(arguments: list[str]) -> None:
    """Fail where the command line would not take them."""
    if arguments[0] == "ab":
        wish_of(arguments[1:])
        return
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    context = commands[arguments[0]].make_context(arguments[0], arguments[1:])
    for budget in context.params.get("budget") or []:
        parse(budget)


def uses_in(tree: Any) -> list[dict[str, Any]]:
    """Every step, of a workflow or an action, that uses another action."""
    if isinstance(tree, dict):
        own = [tree] if "uses" in tree else []
        return own + [each for value in tree.values() for each in uses_in(value)]
    return [each for value in tree for each in uses_in(value)] if isinstance(tree, list) else []


def test_the_action_gives_a_run_what_its_inputs_say(job: Job) -> None:
    """Budgets by line; flags as a shell takes them apart, and nothing in them is run."""
    code = job.carry_out(
        install="none",
        scenario="load/my chat.toml",
        budgets="delivery_time: p(99) < 250ms\n\n  deliveries_lost:count==0\n",
        args="--users 50 --header 'X-Key: $(touch ran) `touch ran`'\n--seed 3 # why",
    )
    arguments = arguments_of(job)

    assert code == 0
    assert arguments == [
        *("run", "--out", job.outputs["run-directory"]),
        *("--budget", "delivery_time: p(99) < 250ms", "--budget", "deliveries_lost:count==0"),
        *("--users", "50", "--header", "X-Key: $(touch ran) `touch ran`", "--seed", "3"),
        *("--", "load/my chat.toml"),
    ]
    assert list(job.workspace.iterdir()) == []
    check(arguments)


def test_the_action_tells_what_the_command_found_and_ends_as_it_did(job: Job) -> None:
    """And uploads what it left, all the more where it failed."""
    job.variables = {**job.variables, "FAKE_CODE": "99"}
    code = job.carry_out(install="none", upload="latency")

    directory = job.outputs["run-directory"]
    assert code == 99
    assert job.outputs == {
        "verdict": "fail",
        "exit-code": "99",
        "p99_ms": "12.346",
        "run-directory": str(job.temporary / Path(directory).name),
    }
    assert job.used == [("actions/upload-artifact@v4", {"name": "latency", "path": directory})]


def test_the_action_holds_head_against_base(job: Job) -> None:
    """Their commands are handed over whole."""
    base, head = ("python -m mychat --port {port} --name '$HOME'", "http://127.0.0.1:8001")
    job.carry_out(install="none", mode="ab", base=base, head=head, pairs="12", args="--gate 'ack_time: p(50) < 5%'")
    arguments = arguments_of(job)

    assert arguments[3:] == [
        *("--base", base, "--head", head, "--pairs", "12"),
        *("--gate", "ack_time: p(50) < 5%", "--", "smoke"),
    ]
    assert (job.outputs["verdict"], job.outputs["p99_ms"]) == ("worse", "7.500")
    check(arguments)


def test_the_action_compares_runs_that_are_there(job: Job) -> None:
    """The document goes to a file, and what people read into the log."""
    job.carry_out(install="none", mode="compare", base="runs/base", head="-new")
    arguments = arguments_of(job)

    assert arguments[-3:] == ["--", "runs/base", "-new"]
    assert (job.outputs["verdict"], job.outputs["p99_ms"]) == ("cannot tell", "")
    assert job.said == "**Cannot tell**\n"
    check(arguments)


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"mode": "soak\n::add-mask::x"}, "mode: expected run, ab or compare, got soak%0A::add-mask::x"),
        ({"args": "--header 'X"}, "args: expected words as for a shell, got an open quotation"),
    ],
)
def test_an_input_that_makes_no_sense_is_refused_in_a_line(job: Job, inputs: dict[str, str], line: str) -> None:
    """As an annotation, with the exit code for it."""
    assert job.carry_out(install="none", upload="latency", **inputs) == 104
    assert job.said == f"::error title=chatbench::{line}\n"
    assert job.outputs["exit-code"] == "104"
    assert job.used == []


def test_a_python_is_only_set_up_where_one_is_asked_for(job: Job) -> None:
    """Otherwise the job's own is taken."""
    job.carry_out(install="none", python_version="3.12")

    assert job.used == [("actions/setup-python@v5", {"python-version": "3.12"})]


@pytest.mark.parametrize("path", [ROOT / ".github/action/install.sh", ROOT / ".github/action/run.sh", FAKE])
def test_scripts_can_be_read_by_bash(path: Path) -> None:
    """To their end."""
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0


def test_actions_are_pinned_by_their_major_version() -> None:
    """In ours, too."""
    used = [each["uses"] for each in uses_in([ACTION, yaml.safe_load(GITHUB.read_text(encoding="utf-8"))])]

    assert len(used) >= 6
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", each)] == []


def test_nothing_of_an_expression_is_run_by_a_shell() -> None:
    """It could hold what somebody named a branch."""
    workflow = yaml.safe_load(GITHUB.read_text(encoding="utf-8"))
    steps = [step for owner in (*workflow["jobs"].values(), ACTION["runs"]) for step in owner["steps"]]

    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_the_example_for_github_uses_the_action_as_it_is(job: Job) -> None:
    """Its inputs are known, and what comes of them is a command that is understood."""
    steps = uses_in(yaml.safe_load(GITHUB.read_text(encoding="utf-8")))
    ours = [step["with"] for step in steps if step["uses"].endswith("/chatbench@v0")]

    assert [each.get("mode", "run") for each in ours] == ["run", "ab"]
    for inputs in ours:
        job.carry_out(install="none", **{name.replace("-", "_"): value for name, value in inputs.items()})
        check(arguments_of(job))


def scripts_in(path: Path) -> str:
    """All that the pipeline of a file runs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".yml":
        return text
    jobs = yaml.safe_load(text)
    scripts = [jobs[name]["script"] for name in jobs if "script" in jobs[name]] + [jobs[".chatbench"]["before_script"]]
    lines = [line for script in scripts for line in script]
    assert all(isinstance(line, str) for line in lines), "a line with a colon and a blank is a table to YAML"
    return "\n".join(line.strip() for line in lines)


@pytest.mark.parametrize("path", [GITLAB, JENKINS], ids=["gitlab", "jenkins"])
def test_the_commands_of_the_other_examples_are_understood(path: Path) -> None:
    """Budgets, and base against head."""
    commands = [shlex.split(found[1].replace("\\\n", " ")) for found in COMMAND.finditer(scripts_in(path))]

    assert [each[0] for each in commands] == ["run", "ab"]
    for arguments in commands:
        check(arguments)


def test_the_commands_of_the_documentation_are_understood() -> None:
    """Each of those that stand in lines of their own."""
    lines = re.findall(r"^    chatbench ((?:[^\n\\]|\\\n)*)", DOCS, re.MULTILINE)
    commands = [shlex.split(line.replace("\\\n", " ")) for line in lines]

    assert [each[0] for each in commands] == ["run", "compare", "ab", "ab"]
    for arguments in commands:
        check(arguments)


def test_every_input_and_output_of_the_action_is_documented() -> None:
    """With its default, where there is one that is short."""
    _, _, section = DOCS.partition("## On GitHub")
    section = section.partition("\n## ")[0]

    assert [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"`{name}`" not in section] == []
    for name in ("mode", "scenario", "working-directory"):
        assert f"| `{name}` | `{ACTION['inputs'][name]['default']}` |" in section


def test_the_examples_show_the_junit_xml_of_their_runs() -> None:
    """From where the command leaves it."""
    gitlab = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))

    assert gitlab[".chatbench"]["artifacts"]["reports"]["junit"] == "latency/junit.xml"
    assert re.findall(r"--out (\S+)", scripts_in(GITLAB)) == ["latency", "latency"]
    assert "junit 'latency/*/junit.xml'" in scripts_in(JENKINS)
    assert re.findall(r"--out (\S+)", scripts_in(JENKINS)) == ["latency/budgets", "latency/ab"]


def test_what_is_not_understood_is_found() -> None:
    """Or the tests above would say nothing."""
    for arguments in (["ab", "--bas", "x", "--nothing"], ["run", "--budget", "delivery_time:p(99)<250"]):
        with pytest.raises((InputError, SystemExit)):
            check(arguments)
