"""The table of ONNX Runtime's own operators is what the installed ONNX Runtime says."""

import subprocess
import sys

import pytest

onnxruntime = pytest.importorskip("onnxruntime")


def test_facts_and_cases_are_up_to_date(root):
    written_from = (root / "src/onnx/contrib/schemas.inc").read_text().split("\n", 1)[0]
    if f"onnxruntime {onnxruntime.__version__}:" not in written_from:
        pytest.skip(f"{written_from}; onnxruntime {onnxruntime.__version__} is installed")
    command = [sys.executable, root / "scripts/contrib_schemas.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"run scripts/contrib_schemas.py:\n{done.stdout}{done.stderr}"


def test_only_the_registry_asks_onnx_for_schemas(root):
    # Who asks onnx's own registry does not see these operators.
    room = root / "src/onnx"
    users = [path.relative_to(room).as_posix() for path in sorted(room.rglob("*.cc")) if "OpSchemaRegistry" in path.read_text()]
    assert users == ["contrib/registry.cc"]
