"""A tenth of each suite, and the cases that are hard; `make suites` runs them whole."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("suite", ["roundtrip", "float16", "opset", "opset-models", "torch-models"])
def test_sample(suite, tmp_path, olivine):
    command = [sys.executable, HERE / "node_tests.py", suite, "--sample", "--jobs", "1", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
