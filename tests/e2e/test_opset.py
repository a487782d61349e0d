"""Opset conversion from outside: a workflow, the plan of a dry run, refusals that leave everything as it was."""

import json

import onnx
import pytest

TEXT = """<ir_version: 9, opset_import: ["": 20]> g (float[2,3] x) => (float[2,3] y) {
  a = Gelu(x)
  y = Softmax<axis=0>(a)
}"""
STRINGS = """<ir_version: 9, opset_import: ["": 20]> g (string[2] x) => (string[2] y) {
  [first] a = StringConcat(x, x)
  [second] y = StringConcat(a, x)
}"""


@pytest.fixture
def folder(tmp_path):
    onnx.save(onnx.parser.parse_model(TEXT), tmp_path / "model.onnx")
    onnx.save(onnx.parser.parse_model(STRINGS), tmp_path / "strings.onnx")
    return tmp_path


def run_pass(olivine, folder, *arguments, model="model.onnx"):
    return olivine("run-pass", "--pass-name", "OnnxOpVersionConversion", *arguments, "-m", model, "-o", "out.onnx", cwd=folder)


def opset_of(path):
    return onnx.load(path).opset_import[0].version


def test_a_workflow_converts_and_proves(olivine, folder):
    flow = {
        "input_model": {"type": "ONNXModel", "model_path": "model.onnx"},
        "passes": {"opset": {"type": "OnnxOpVersionConversion", "config": {"target_opset": 11}}},
        "verify": True,
        "output_dir": "out",
    }
    (folder / "flow.json").write_text(json.dumps(flow))
    olivine("run", "flow.json", cwd=folder, check=True)
    assert opset_of(folder / "out/model.onnx") == 11
    onnx.checker.check_model(str(folder / "out/model.onnx"), full_check=True)
    report = json.loads((folder / "out/run.json").read_text())
    plan = report["passes"][0]["report"]["plan"] if "report" in report["passes"][0] else report["passes"][0]["plan"]
    assert {entry["op_type"] for entry in plan} >= {"Gelu", "Softmax"}


def test_a_dry_run_prints_the_plan(olivine, folder):
    done = run_pass(olivine, folder, "--target-opset", "13", "--dry-run")
    assert done.returncode == 0
    assert "Gelu 20: its formula, with Erf or Tanh; 1 node\n" in done.stdout
    assert not (folder / "out.onnx").exists()


def test_its_own_opset_changes_nothing(olivine, folder):
    run_pass(olivine, folder, "--target-opset", "20")
    before, after = (onnx.printer.to_text(onnx.load(folder / name)) for name in ("model.onnx", "out.onnx"))
    assert before == after


def test_the_newest_is_the_default(olivine, folder):
    assert run_pass(olivine, folder).returncode == 0
    assert opset_of(folder / "out.onnx") == onnx.defs.onnx_opset_version()


def test_a_refusal_tells_every_node_and_leaves_the_output(olivine, folder):
    (folder / "out.onnx").write_text("as it was")
    done = run_pass(olivine, folder, "--target-opset", "13", model="strings.onnx")
    assert done.returncode == 3
    for words in ("first", "second", "opset 20 to 13", "nothing joins strings"):
        assert words in done.stderr
    assert (folder / "out.onnx").read_text() == "as it was"


@pytest.mark.parametrize("target, words", [("0", "is below 1"), ("1000", "ai.onnx has no opset 1000"), ("new", "integer")])
def test_targets_that_are_none(olivine, folder, target, words):
    done = run_pass(olivine, folder, "--target-opset", target)
    assert done.returncode == 2
    assert "target" in done.stderr and words in done.stderr
