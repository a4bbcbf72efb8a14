"""How ``chatbench locust`` hands over to Locust."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.patience import PATIENCE_S


def test_ctrl_c_while_locust_gets_ready_is_105_without_a_word(tmp_path: Path) -> None:
    """It takes seconds to be imported, in which nobody else heeds the signal; this one is interrupted as it is."""
    (tmp_path / "locust").mkdir()
    (tmp_path / "locust" / "__init__.py").touch()
    (tmp_path / "locust" / "main.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    command = [sys.executable, "-P", "-m", "loadgen.locust_bridge.start"]
    surroundings = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[4]}"}
    ended = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (105, "", "")
