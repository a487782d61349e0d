"""Models that are Python code, from outside: what a workflow with a PyTorchModel or an HfModel does."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import onnx
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPS = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
TORCH = DEPS / "torch/bin/python"
PATIENCE = 600

AFFINE = """
import torch

class Affine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(4.0))
    def forward(self, first, second):
        return {"sum": first * self.weight + second, "product": first * second}

def make(path):
    print("what a script prints is no answer")
    return Affine()

def examples(model):
    return {"second": torch.ones(1, 4), "first": torch.randn(1, 4)}

def io(model):
    return {"input_names": ["first", "second"], "output_names": ["a", "b"], "input_shapes": [[1, 4], [1, 4]],
            "dynamic_axes": {"first": {"0": "rows"}, "second": {"0": "rows"}}}
"""


@pytest.fixture(scope="session")
def torch_python():
    if not TORCH.exists():
        pytest.fail(f"{TORCH} is missing; run `scripts/setup torch`")
    return str(TORCH)


@pytest.fixture
def capture(olivine, torch_python, tmp_path):
    """Runs a workflow: the input model, passes (OnnxConversion by default) and other keys; the environment can be changed."""

    def call(model, passes=None, environment=None, **keys):
        flow = {"input_model": model, "passes": passes or {"convert": {"type": "OnnxConversion"}}, "output_dir": str(tmp_path / "out"), **keys}
        path = tmp_path / "flow.json"
        path.write_text(json.dumps(flow))
        variables = {**os.environ, "OLIVINE_PYTHON": torch_python, "TMPDIR": str(tmp_path), **(environment or {})}
        return olivine("run", path, env=variables, timeout=PATIENCE)

    return call


@pytest.fixture
def script(tmp_path):
    def write(text=AFFINE, name="model.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def scripted(path, **keys):
    return {"type": "PyTorchModel", "model_script": path, "model_loader": "make", **keys}


def written(tmp_path):
    return onnx.load(tmp_path / "out/model.onnx"), json.loads((tmp_path / "out/run.json").read_text())


def ports(values):
    return {value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


def nothing_left(tmp_path):
    return not [path for path in tmp_path.iterdir() if path.name.startswith("olivine-")]


# --- PyTorchModel ------------------------------------------------------------------------------------------------


def test_names_and_open_axes_are_those_of_io_config(capture, script, tmp_path):
    done = capture(scripted(script(), io_config="io", dummy_inputs_func="examples"), verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert ports(model.graph.input) == {"first": ["rows", 4], "second": ["rows", 4]}
    assert [output.name for output in model.graph.output] == ["a", "b"]
    assert report["verify"]["passed"] and report["verify"]["cases"] == ["rows = 2", "rows = 3"]
    assert report["verify"]["against"].startswith("PyTorch ")
    assert {tensor.name for tensor in model.graph.initializer} == {"weight"}
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    "shapes", [{"first": {"0": "n"}, "second": {"0": "n"}}, [{"0": "n"}, {"0": "n"}], [["n", None], ["n", None]]], ids=["by name", "in order", "lists"]
)
def test_dynamic_shapes(capture, script, tmp_path, shapes):
    io = {"input_names": ["first", "second"], "output_names": ["a"], "input_shapes": [[3, 4], [3, 4]], "dynamic_shapes": shapes}
    done = capture(scripted(script(), io_config=io), verify=True)
    assert done.returncode == 0, done.stderr
    model, _ = written(tmp_path)
    assert ports(model.graph.input) == {"first": ["n", 4], "second": ["n", 4]}
    # What io_config doesn't name keeps the name that the model gives it.
    assert [output.name for output in model.graph.output] == ["a", "product"]


def test_fixed_when_dynamic_is_off(capture, script, tmp_path):
    done = capture(scripted(script(), io_config="io"), {"convert": {"type": "OnnxConversion", "dynamic": False}}, verify=True)
    assert done.returncode == 0, done.stderr
    assert ports(written(tmp_path)[0].graph.input) == {"first": [1, 4], "second": [1, 4]}


def test_an_axis_that_the_code_fixes_is_told(capture, script, tmp_path):
    text = AFFINE.replace('return {"sum"', "first = first * float(first.shape[0])\n        return {\"sum\"").replace("float(first.shape[0])", "int(first.shape[0] == 2)")
    done = capture(scripted(script(text), io_config="io"), verify=True)
    assert done.returncode == 0, done.stderr
    assert "the model's code fixes rows at 2" in done.stderr
    assert ports(written(tmp_path)[0].graph.input)["first"] == [2, 4]


def test_axes_of_one_that_belong_to_others_keep_their_size(capture, script, tmp_path):
    text = """
import torch

class Repeat(torch.nn.Module):
    def forward(self, x, y):
        assert y.shape[0] == 3 * x.shape[0]
        return x.repeat(3, 1) + y

def make(path):
    return Repeat()
"""
    io = {"input_names": ["x", "y"], "input_shapes": [[1, 4], [3, 4]], "output_names": ["z"], "dynamic_axes": {"x": {"0": "n"}, "y": {"0": "m"}}}
    done = capture(scripted(script(text), io_config=io), verify=True)
    assert done.returncode == 0, done.stderr
    assert "the model's code fixes n at 1" in done.stderr
    assert ports(written(tmp_path)[0].graph.input) == {"x": [1, 4], "y": [3, 4]}


def test_recurrent_layers_keep_the_length_open(capture, script, tmp_path):
    text = """
import torch

class Tagger(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.gru, self.rnn = torch.nn.GRU(10, 3), torch.nn.RNN(3, 2, nonlinearity="relu")
    def forward(self, x):
        return self.rnn(self.gru(self.lstm(x)[0])[0])

def make(path):
    return Tagger()
"""
    io = {"input_names": ["x"], "input_shapes": [[2, 6, 4]], "output_names": ["y", "last"], "dynamic_axes": {"x": {"0": "batch", "1": "length"}}}
    done = capture(scripted(script(text), io_config=io), verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert ports(model.graph.input) == {"x": ["batch", "length", 4]}
    assert {node.op_type for node in model.graph.node} >= {"LSTM", "GRU", "RNN"}
    assert len(report["verify"]["cases"]) == 2


def test_types(capture, script, tmp_path):
    done = capture(scripted(script(), io_config="io"), {"convert": {"type": "OnnxConversion", "torch_dtype": "float16"}}, verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert {value.type.tensor_type.elem_type for value in model.graph.input} == {onnx.TensorProto.FLOAT16}
    assert report["verify"]["passed"]


def test_the_script_of_the_pass_and_its_neighbours(capture, script, tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "affine.py").write_text(AFFINE)
    path = script("from affine import make, io\n", "user.py")
    model = {"type": "PyTorchModel", "model_path": "anything", "model_loader": "make", "io_config": "io"}
    done = capture(model, {"convert": {"type": "OnnxConversion", "user_script": path, "script_dir": str(folder)}}, verify=True)
    assert done.returncode == 0, done.stderr


def test_a_script_that_raises_is_shown_once(capture, script, tmp_path):
    text = AFFINE + "\ndef broken(path):\n    return deeper()\n\ndef deeper():\n    raise ValueError('no such weights')\n"
    (tmp_path / "out").mkdir()
    (tmp_path / "out/kept.txt").write_text("kept")
    done = capture({**scripted(script(text)), "model_loader": "broken", "io_config": "io"})
    assert done.returncode == 3
    assert done.stderr.count("Traceback") == 1 and done.stderr.count("in deeper") == 1
    assert "ValueError: no such weights" in done.stderr and "olivine_capture" not in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kept.txt"]
    assert nothing_left(tmp_path)


def test_a_model_that_raises(capture, script, tmp_path):
    done = capture(scripted(script(AFFINE.replace('return {"sum"', 'raise RuntimeError("inside")\n        return {"sum"')), io_config="io"))
    assert done.returncode == 3
    assert done.stderr.count("Traceback") == 1 and "RuntimeError: inside" in done.stderr


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model_loader": "nobody"}, "has no 'nobody'; its functions are make, examples, io"),
        ({"io_config": {"input_names": ["first"], "shapes": []}}, "io_config has unknown keys: shapes"),
        ({"io_config": {"input_names": ["first", "second"]}}, "there are no example inputs"),
        ({"io_config": {"input_names": ["a", "b"], "input_shapes": [[1]]}}, "2 input_names and 1 input_shapes"),
    ],
)
def test_what_is_wrong_with_the_request(capture, script, change, message):
    done = capture({**scripted(script(), io_config="io"), **change})
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def saved(torch_python, tmp_path_factory):
    """The same module as a state dict, a pickled module, TorchScript and an exported program."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "affine.py").write_text(AFFINE)
    program = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from affine import Affine
class One(Affine):
    def forward(self, first, second):
        return first * self.weight + second
import affine
affine.One = One; One.__module__ = "affine"; One.__qualname__ = "One"
model, folder = One().eval(), sys.argv[1]
rows = torch.export.Dim("rows")
torch.save(model.state_dict(), f"{folder}/state.pt")
torch.save(model, f"{folder}/whole.pt")
torch.jit.trace(model, (torch.ones(2, 4), torch.ones(2, 4))).save(f"{folder}/script.pt")
program = torch.export.export(model, (torch.ones(2, 4), torch.ones(2, 4)), dynamic_shapes=({0: rows}, {0: rows}))
torch.export.save(program, f"{folder}/program.pt2")
"""
    subprocess.run([torch_python, "-c", program, str(folder)], check=True, timeout=PATIENCE)
    (folder / "affine.py").write_text(AFFINE + "\nclass One(Affine):\n    def forward(self, first, second):\n        return first * self.weight + second\n")
    return folder


IO = {"input_names": ["first", "second"], "output_names": ["sum"], "input_shapes": [[2, 4], [2, 4]]}


def test_a_state_dict_wants_a_loader(capture, saved):
    done = capture({"type": "PyTorchModel", "model_path": str(saved / "state.pt"), "io_config": IO})
    assert done.returncode == 2 and "weights without a model" in done.stderr


def test_a_pickled_module_wants_trust(capture, saved, tmp_path):
    model = {"type": "PyTorchModel", "model_path": str(saved / "whole.pt"), "io_config": IO, "script_dir": str(saved)}
    done = capture(model)
    assert done.returncode == 2 and "would run whatever code the file brings along" in done.stderr and '"weights_only": false' in done.stderr
    done = capture({**model, "weights_only": False}, verify=True)
    assert done.returncode == 0, done.stderr


def test_torchscript(capture, saved, tmp_path):
    axes = {"first": {"0": "rows"}, "second": {"0": "rows"}}
    done = capture({"type": "PyTorchModel", "model_path": str(saved / "script.pt"), "io_config": {**IO, "dynamic_axes": axes}}, verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert ports(model.graph.input) == {"first": ["rows", 4], "second": ["rows", 4]}
    assert len(report["verify"]["cases"]) == 2
    done = capture({"type": "PyTorchModel", "model_path": str(saved / "script.pt"), "io_config": IO}, verify=True)
    assert done.returncode == 0, done.stderr
    assert ports(written(tmp_path)[0].graph.input) == {"first": [2, 4], "second": [2, 4]}


def test_a_program_needs_no_python(capture, saved, tmp_path):
    library = next((DEPS / "venv").glob("lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so*"))
    nobody = {"OLIVINE_PYTHON": "/no/such/python", "OLIVINE_ORT_LIBRARY": str(library)}
    model = {"type": "PyTorchModel", "model_path": str(saved / "program.pt2"), "io_config": {"input_names": ["x", "y"], "output_names": ["z"]}}
    done = capture(model, environment=nobody, verify=True)
    assert done.returncode == 0, done.stderr
    result, _ = written(tmp_path)
    assert list(ports(result.graph.input)) == ["x", "y"] and [output.name for output in result.graph.output] == ["z"]
    assert "nothing to compare with" in done.stderr


# --- the environment ---------------------------------------------------------------------------------------------


def test_no_torch(capture, script):
    python = str(DEPS / "venv/bin/python")
    done = capture(scripted(script(), io_config="io"), environment={"OLIVINE_PYTHON": python})
    assert done.returncode == 5
    assert f"install it with: {python} -m pip install torch" in done.stderr and "Traceback" not in done.stderr


def test_no_python(capture, script):
    done = capture(scripted(script(), io_config="io"), {"convert": {"type": "OnnxConversion", "python": "/no/such/python"}})
    assert done.returncode == 5
    assert "/no/such/python: cannot be started" in done.stderr and "OLIVINE_PYTHON" in done.stderr


def test_the_pass_is_needed_and_only_once(capture, script, tmp_path):
    done = capture(scripted(script(), io_config="io"), {"half": {"type": "OnnxFloatToFloat16"}})
    assert done.returncode == 2
    assert "flow.json:1 /input_model: a PyTorchModel is no ONNX model yet" in done.stderr and "begin the passes with OnnxConversion" in done.stderr


def test_an_onnx_model_passes_through(capture, script, tmp_path):
    assert capture(scripted(script(), io_config="io")).returncode == 0
    (tmp_path / "out").rename(tmp_path / "first")
    done = capture({"type": "ONNXModel", "model_path": str(tmp_path / "first/model.onnx")})
    assert done.returncode == 0 and "is an ONNX model already" in done.stderr


def test_ctrl_c_ends_the_process_and_leaves_nothing(olivine, torch_python, script, tmp_path):
    mark = tmp_path / "started"
    path = script(f"import pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(__import__('os').getpid()))\ntime.sleep(300)\n")
    flow = {"input_model": scripted(path, io_config="io"), "passes": {"convert": {"type": "OnnxConversion"}}, "output_dir": str(tmp_path / "out")}
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    binary = os.environ.get("OLIVINE_BIN", ROOT / "build/release/bin/olivine")
    variables = {**os.environ, "OLIVINE_PYTHON": torch_python, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([str(binary), "run", str(tmp_path / "flow.json")], env=variables, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not mark.exists() or not mark.read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped by the user" in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    assert nothing_left(tmp_path) and not (tmp_path / "out").exists()


def test_a_process_that_is_killed(capture, script):
    done = capture(scripted(script("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"), io_config="io"))
    assert done.returncode == 5 and "was ended by signal 9" in done.stderr


# --- HfModel -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def checkpoints(torch_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    subprocess.run([torch_python, str(ROOT / "tests/e2e/checkpoints.py"), str(folder)], check=True, timeout=PATIENCE)
    return folder


def hf(path, **keys):
    return {"type": "HfModel", "model_path": str(path), **keys}


def test_a_classifier(capture, checkpoints, tmp_path):
    done = capture(hf(checkpoints / "bert", task="text-classification"), verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    sizes = ["batch_size", "sequence_length"]
    assert ports(model.graph.input) == {"input_ids": sizes, "attention_mask": sizes, "token_type_ids": sizes}
    assert ports(model.graph.output) == {"logits": ["batch_size", 3]}
    assert len(report["verify"]["cases"]) == 2
    assert "bert.encoder.layer.0.attention.self.query.bias" in {tensor.name for tensor in model.graph.initializer}


def test_past_and_present_are_named_as_olive_names_them(capture, checkpoints, tmp_path):
    done = capture(hf(checkpoints / "llama", task="text-generation-with-past"), verify=True)
    assert done.returncode == 0, done.stderr
    model, _ = written(tmp_path)
    inputs, outputs = ports(model.graph.input), ports(model.graph.output)
    layers = [f"{index}.{part}" for index in range(2) for part in ("key", "value")]
    assert list(inputs) == ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{layer}" for layer in layers)]
    assert list(outputs) == ["logits", *(f"present.{layer}" for layer in layers)]
    assert inputs["past_key_values.0.key"] == ["batch_size", 2, "past_sequence_length", 8]


def test_io_config_with_a_cache(capture, checkpoints, tmp_path):
    names = ["input_ids", "attention_mask", "position_ids"]
    axes = {name: {"0": "batch", "1": "sequence"} for name in names}
    axes["attention_mask"] = {"0": "batch", "1": "past_sequence_length + sequence"}
    io = {
        "input_names": names, "input_shapes": [[2, 3], [2, 9], [2, 3]], "input_types": ["int64"] * 3, "output_names": ["logits"],
        "dynamic_axes": axes, "kv_cache": {"past_kv_dynamic_axis": {"0": "batch", "2": "past_sequence_length"}},
    }
    done = capture(hf(checkpoints / "llama", task="text-generation-with-past", io_config=io), verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert ports(model.graph.input)["past_key_values.1.value"] == ["batch", 2, "past_sequence_length", 8]
    assert [output.name for output in model.graph.output][:3] == ["logits", "present.0.key", "present.0.value"]
    assert len(report["verify"]["cases"]) == 2


def test_without_past(capture, checkpoints, tmp_path):
    done = capture(hf(checkpoints / "llama", task="text-generation"), verify=True)
    assert done.returncode == 0, done.stderr
    assert list(ports(written(tmp_path)[0].graph.input)) == ["input_ids", "attention_mask", "position_ids"]


def test_an_encoder_decoder_with_past(capture, checkpoints, tmp_path):
    done = capture(hf(checkpoints / "t5", task="text2text-generation-with-past"), verify=True)
    assert done.returncode == 0, done.stderr
    inputs = ports(written(tmp_path)[0].graph.input)
    assert "past_key_values.1.encoder.value" in inputs and inputs["past_key_values.0.decoder.key"][2] == "past_sequence_length"


def test_an_adapter_is_merged(olivine, capture, checkpoints, tmp_path):
    model = hf(checkpoints / "llama", task="text-generation", adapter_path=str(checkpoints / "adapter"))
    assert capture(model).returncode == 0
    (tmp_path / "out").rename(tmp_path / "adapted")
    assert capture(hf(checkpoints / "merged", task="text-generation")).returncode == 0
    done = olivine("compare", tmp_path / "adapted/model.onnx", tmp_path / "out/model.onnx", "--dim", "batch_size=2", "--dim", "sequence_length=5")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_task_that_is_not_known(capture, checkpoints):
    done = capture(hf(checkpoints / "bert", task="time-travel"))
    assert done.returncode == 2 and "there is no task 'time-travel'" in done.stderr


def test_a_name_of_a_hub(capture):
    done = capture(hf("some-organisation/some-model"))
    assert done.returncode == 5 and "nothing is fetched from a model hub" in done.stderr


def test_random_weights_are_told(capture, checkpoints):
    done = capture(hf(checkpoints / "bert", task="fill-mask"))
    assert done.returncode == 0 and "the checkpoint lacks weights of BertForMaskedLM, which are random now: cls.predictions" in done.stderr


def test_the_command(olivine, torch_python, checkpoints, tmp_path):
    done = olivine(
        "capture-onnx-graph", "-m", checkpoints / "bert", "-t", "text-classification", "-o", tmp_path / "out", "--target_opset", "18",
        "--fixed_param_dict", "batch_size=1,sequence_length=8", "--save_config_file", "--verify",
        env={**os.environ, "OLIVINE_PYTHON": torch_python}, timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    model = onnx.load(tmp_path / "out/model.onnx")
    assert ports(model.graph.input)["input_ids"] == [1, 8] and model.opset_import[0].version == 18
    assert json.loads((tmp_path / "out/config.json").read_text())["passes"]["c"]["target_opset"] == 18


def test_torch_onnx_instead(capture, checkpoints, tmp_path):
    done = capture(hf(checkpoints / "bert"), {"convert": {"type": "OnnxConversion", "exporter": "torch.onnx", "target_opset": 18}}, verify=True)
    assert done.returncode == 0, done.stderr
    model, report = written(tmp_path)
    assert report["verify"]["passed"] and model.opset_import[0].version == 18


def test_what_neither_can_is_told(capture, script):
    text = AFFINE.replace('return {"sum"', 'first = torch.linalg.eigh(first.T @ first)[1][:1]\n        return {"sum"')
    done = capture(scripted(script(text), io_config="io"), {"convert": {"type": "OnnxConversion", "exporter": "auto"}})
    assert done.returncode == 3 and "linalg_eigh" in done.stderr


# --- a real model ------------------------------------------------------------------------------------------------


def test_sentence_similarities_stay(capture, torch_python, tmp_path):
    """all-MiniLM-L6-v2 to ONNX and on to float16: similarities of sentences as PyTorch has them."""
    folder = DEPS / "models/minilm"
    passes = {"convert": {"type": "OnnxConversion"}, "half": {"type": "OnnxFloatToFloat16", "keep_io_types": True}}
    assert capture(hf(folder, task="feature-extraction"), verify=True).returncode == 0
    (tmp_path / "out").rename(tmp_path / "full")
    done = capture(hf(folder, task="feature-extraction"), passes, verify=True)
    assert done.returncode == 0, done.stderr
    program = [torch_python, str(ROOT / "tests/e2e/similarities.py"), str(folder), str(tmp_path / "full/model.onnx"), str(tmp_path / "out/model.onnx")]
    errors = json.loads(subprocess.run(program, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout)
    assert errors[0] < 1e-4 and errors[1] < 5e-3
