"""A job on GitHub as far as our action can see it: its steps in order, each with what the runner gives it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
# The longest command of the tests is a run or two.
_STEP_S = 6 * PATIENCE_S


@dataclass(slots=True)
class Job:
    """One use of the action; ``temporary`` is the runner's own folder, ``workspace`` the checkout."""

    workspace: Path
    temporary: Path
    path: str
    variables: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """Of the action, when it is over."""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Other actions that it would have used, and what with; they are not carried out."""
    said: str = ""
    """The log."""
    _steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def carry_out(self, **inputs: str) -> int:
        """Every step that is due; the exit code of the first that failed.

        A hyphen in the name of an input is an underscore here.
        """
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(ACTION["inputs"])
        settled = {name: given.get(name, each["default"]) for name, each in ACTION["inputs"].items()}
        code = 0
        for number, step in enumerate(ACTION["runs"]["steps"]):
            condition = step.get("if", "")
            if not self._holds(condition, settled) or (code and "always()" not in condition):
                continue
            if "uses" in step:
                self.used.append((step["uses"], {k: self._settled(v, settled) for k, v in step["with"].items()}))
                continue
            ended = self._run(number, step, settled)
            code = code or ended
        self.outputs = {name: self._settled(each["value"], settled) for name, each in ACTION["outputs"].items()}
        return code

    @property
    def summary(self) -> str:
        """What the page of the job shows."""
        path = self.temporary / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _run(self, number: int, step: dict[str, Any], inputs: dict[str, str]) -> int:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "what an input holds would be run"
        script = self.temporary / f"step-{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        files = {name: self.temporary / f"{name}-{number}" for name in ("output", "path")}
        for file in files.values():
            file.touch()
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace / self._settled(step.get("working-directory", "."), inputs),
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("CHATBENCH_", "GITHUB_"))},
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_PATH": str(files["path"]),
                "GITHUB_STEP_SUMMARY": str(self.temporary / "summary.md"),
                "GITHUB_WORKSPACE": str(self.workspace),
                "RUNNER_TEMP": str(self.temporary),
                "PATH": self.path,
                **self.variables,
                **{name: self._settled(value, inputs) for name, value in step.get("env", {}).items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_STEP_S,
        )
        self.said += ended.stdout
        for folder in files["path"].read_text(encoding="utf-8").splitlines():
            self.path = f"{folder}{os.pathsep}{self.path}"
        lines = files["output"].read_text(encoding="utf-8").splitlines()
        self._steps[step.get("id", "")] = dict(line.split("=", 1) for line in lines)
        return ended.returncode

    def _settled(self, text: str, inputs: dict[str, str]) -> str:
        return _EXPRESSION.sub(lambda found: self._value(found[1], inputs), text)

    def _value(self, name: str, inputs: dict[str, str]) -> str:
        match name.split("."):
            case ["inputs", key]:
                return inputs[key]
            case ["steps", step, "outputs", key]:
                return self._steps.get(step, {}).get(key, "")
        raise NotImplementedError(name)

    def _holds(self, condition: str, inputs: dict[str, str]) -> bool:
        """Only the form that ours have: parts that are all to hold, each ``always()`` or ``NAME != ''``."""
        found = _EXPRESSION.fullmatch(condition)
        parts = found[1].split(" && ") if found else []
        names = [part.removesuffix(" != ''") for part in parts if part != "always()"]
        return all(self._value(name, inputs) for name in names)
