"""Models that are damaged or hostile, and places that cannot be written: a clear error, its exit code, nothing left."""

import random
import resource

import numpy as np

import pytest
from onnx import TensorProto, helper, numpy_helper

MODEL, IO = 3, 5

def relu_graph(nodes, initializers=()):
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 512]) for name in ("x", "y")]
    return helper.make_graph(nodes, "g", value[:1], value[1:], list(initializers))

def save(path, nodes, initializers=()):
    model = helper.make_model(relu_graph(nodes, initializers), opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path

def external(name, **entries):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[512, 512], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor

MATMUL = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")

@pytest.fixture
def convert(olivine, tmp_path):
    """Converts into out/, which stood there before, and looks at what is left when that fails."""

    def call(model, code, text, **options):
        out = tmp_path / "out"
        out.mkdir()
        (out / "mine.txt").write_text("kept")
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", model, "-o", out, **options)
        assert done.returncode == code, done.stderr
        assert done.stderr.count("error[") == 1 and text in done.stderr
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    return call

def test_a_truncated_model(convert, tmp_path):
    whole = save(tmp_path / "whole.onnx", [MATMUL], [numpy_helper.from_array(np.ones((512, 512), np.float32), "w")])
    (tmp_path / "half.onnx").write_bytes(whole.read_bytes()[:300000])
    convert(tmp_path / "half.onnx", MODEL, "half.onnx: is not a valid ONNX file")

def test_flipped_bits_never_crash(olivine, tmp_path):
    data = save(tmp_path / "whole.onnx", [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["y"])]).read_bytes()
    draw = random.Random(7)
    for number in range(60):
        damaged = bytearray(data)
        damaged[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (tmp_path / "damaged.onnx").write_bytes(damaged)
        done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", tmp_path / "damaged.onnx", "-o", tmp_path / f"{number}.onnx")
        assert done.returncode in (0, MODEL), done.stderr
        assert (tmp_path / f"{number}.onnx").exists() == (done.returncode == 0)

def test_a_cycle(convert, tmp_path):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"], name="first"), helper.make_node("Neg", ["a"], ["b"], name="second"),
             helper.make_node("Relu", ["b"], ["y"])]
    convert(save(tmp_path / "cycle.onnx", nodes), MODEL, "the graph has a cycle")

def test_a_name_given_twice(convert, tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"], name="one"), helper.make_node("Neg", ["x"], ["y"], name="two")]
    convert(save(tmp_path / "twice.onnx", nodes), MODEL, "the name 'y' is given to two values")

def test_a_missing_weight(convert, tmp_path):
    convert(save(tmp_path / "model.onnx", [MATMUL]), MODEL, "its input 'w' is no input, initializer or output")

@pytest.mark.parametrize(
    "entries,text",
    [
        ({"location": "../w.bin"}, "leaves the model's folder"),
        ({"location": "/etc/passwd"}, "is an absolute path"),
        ({"location": "link.bin"}, "is a link that leaves the model's folder"),
        ({"location": "missing.bin"}, "which is not there"),
        ({"location": "w.bin", "offset": 1000000}, "wants bytes 1000000 to"),
        ({"location": "w.bin", "length": 12}, "has 12 bytes of external data"),
        ({"location": "w.bin", "offset": -1}, "which is not a number"),
    ],
)
def test_external_data(convert, tmp_path, entries, text):
    (tmp_path / "w.bin").write_bytes(bytes(512 * 512 * 4))
    models = tmp_path / "models"
    models.mkdir()
    (models / "w.bin").write_bytes(bytes(512 * 512 * 4))
    (models / "link.bin").symlink_to("../w.bin")
    convert(save(models / "model.onnx", [MATMUL], [external("w", **entries)]), MODEL, text)

def test_an_output_that_cannot_be_a_folder(olivine, tmp_path):
    model = save(tmp_path / "model.onnx", [helper.make_node("Relu", ["x"], ["y"])])
    (tmp_path / "file").write_text("in the way")
    done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "-m", model, "-o", tmp_path / "file" / "out")
    assert done.returncode == IO and "error[io]" in done.stderr
    assert (tmp_path / "file").read_text() == "in the way"

def test_a_full_disk(convert, tmp_path):
    weight = numpy_helper.from_array(np.ones((512, 512), np.float32), "w")
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))}
    convert(save(tmp_path / "model.onnx", [MATMUL], [weight]), IO, "cannot write", **limited)
