"""The golden hashes of the quantizers are what the installed ONNX Runtime makes."""

import subprocess
import sys

import pytest

onnxruntime = pytest.importorskip("onnxruntime")


def test_golden_hashes_are_up_to_date(root):
    written_from = (root / "src/tensor/quantize_golden.inc").read_text().split("\n", 1)[0]
    if f"onnxruntime {onnxruntime.__version__}:" not in written_from:
        pytest.skip(f"{written_from}; onnxruntime {onnxruntime.__version__} is installed")
    command = [sys.executable, root / "scripts/quantize_golden.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"run scripts/quantize_golden.py:\n{done.stdout}{done.stderr}"
