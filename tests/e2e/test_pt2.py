"""Exported programs, made without torch: what they become, and what is said of damaged and hostile ones."""

import random
import struct
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest

from programs import add_weight, call, meta, save

MODEL, IO = 3, 5


@pytest.fixture
def refused(olivine, tmp_path):
    """Converts something that cannot be: the exit code, one error that says `text`, nothing left."""

    def check(path, text, code=MODEL):
        done = olivine("convert", path, "-o", tmp_path / "out.onnx")
        assert done.returncode == code, done.stderr
        assert done.stderr.count("error[") == 1 and text in done.stderr, done.stderr
        assert not (tmp_path / "out.onnx").exists()

    return check


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_program_becomes_a_model(olivine, tmp_path, compression):
    save(tmp_path / "add.pt2", add_weight(), compression)
    olivine("convert", tmp_path / "add.pt2", "-o", tmp_path / "add.onnx", check=True)
    model = onnx.load(tmp_path / "add.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == ["s0", 3]
    assert [value.name for value in model.graph.initializer] == ["w"]
    session = onnxruntime.InferenceSession(tmp_path / "add.onnx")
    for rows in (1, 4):
        x = np.random.rand(rows, 3).astype(np.float32)
        np.testing.assert_allclose(session.run(None, {"x": x})[0], x + [1, 2, 3], rtol=1e-6)


@pytest.mark.parametrize("layout, expected", [
    ({"sizes": [2, 3], "strides": [1, 2]}, [[0, 2, 4], [1, 3, 5]]),        # transposed
    ({"sizes": [2, 3], "strides": [0, 1], "offset": 3}, [[3, 4, 5]] * 2),  # expanded, with an offset
    ({"sizes": [3], "strides": [2], "offset": 1}, [1, 3, 5]),              # every second one
])
def test_strided_weights(olivine, tmp_path, layout, expected):
    parts = add_weight()
    layout = meta(**layout)
    parts["weights"]["w"]["tensor_meta"] = layout
    graph = parts["program"]["graph_module"]["graph"]
    for name in ("p_w", "x", "add"):
        graph["tensor_values"][name] = meta(list(np.shape(expected)))
    parts["payloads"]["weight_0"] = struct.pack("<6f", *range(6))
    save(tmp_path / "add.pt2", parts)
    olivine("convert", tmp_path / "add.pt2", "-o", tmp_path / "add.onnx", check=True)
    x = np.zeros(np.shape(expected), np.float32)
    assert (onnxruntime.InferenceSession(tmp_path / "add.onnx").run(None, {"x": x})[0] == np.array(expected)).all()


def test_what_is_no_program(refused, tmp_path):
    refused(tmp_path / "none.pt2", "none.pt2", IO)
    (tmp_path / "text.pt2").write_text("x" * 5000)
    refused(tmp_path / "text.pt2", "not a .pt2 archive")
    with zipfile.ZipFile(tmp_path / "other.pt2", "w") as archive:
        archive.writestr("other/data.pkl", b"\x80\x02.")
    refused(tmp_path / "other.pt2", "not an exported program")
    with zipfile.ZipFile(tmp_path / "old.pt2", "w") as archive:
        archive.writestr("serialized_exported_program.json", "{}")
    refused(tmp_path / "old.pt2", "torch 2.6 or older")


def test_truncated_archives(refused, tmp_path):
    whole = save(tmp_path / "whole.pt2", add_weight()).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "half.pt2").write_bytes(whole[:length])
        refused(tmp_path / "half.pt2", "half.pt2")


def test_a_zip_bomb(refused, tmp_path):
    """A small entry that claims to hold gigabytes, and one that does hold many zeros."""
    parts = add_weight()
    parts["payloads"]["weight_0"] = b"\0" * (64 << 20)
    bomb = bytearray(save(tmp_path / "zeros.pt2", parts, zipfile.ZIP_DEFLATED).read_bytes())
    # The size in the central directory: 24 bytes into the record of the first entry.
    at = bomb.index(b"PK\x01\x02") + 24
    bomb[at:at + 4] = struct.pack("<I", 0xF0000000)
    (tmp_path / "bomb.pt2").write_bytes(bomb)
    refused(tmp_path / "bomb.pt2", "bomb.pt2")


@pytest.mark.parametrize("change, text", [
    (lambda p: p["program"]["schema_version"].update(major=9), "version 9 of torch.export's schema"),
    (lambda p: p.update(byteorder="big"), "big-endian"),
    (lambda p: p["payloads"].clear(), "no entry 'data/weights/weight_0'"),
    (lambda p: p["weights"]["w"].update(use_pickle=True), "no payload for 'w'"),
    (lambda p: p["weights"]["w"].update(tensor_meta=meta([4])), "w: it goes beyond the end of its storage"),
    (lambda p: p["weights"]["w"].update(tensor_meta=meta([1 << 40, 1 << 40], strides=[0, 0])), "w: "),
    (lambda p: p["weights"]["w"].update(tensor_meta=meta([1 << 62], strides=[1 << 62])), "w: "),
    (lambda p: p["weights"]["w"].update(tensor_meta=meta([3], offset=-4)), "w: "),
    (lambda p: p["weights"]["w"].update(tensor_meta=meta([3], dtype=77)), "unknown type (77)"),
    (lambda p: p["program"]["graph_module"].pop("signature"), "lacks 'signature'"),
    (lambda p: p["program"]["graph_module"]["graph"]["inputs"].pop(), "signature does not fit"),
    (lambda p: p["program"]["graph_module"]["graph"].update(nodes=3), "lacks 'target'"),
])
def test_a_program_that_is_wrong(refused, tmp_path, change, text):
    parts = add_weight()
    change(parts)
    refused(save(tmp_path / "wrong.pt2", parts), text)


def test_all_unknown_operators_are_told(refused, tmp_path):
    parts = add_weight()
    nodes = parts["program"]["graph_module"]["graph"]["nodes"]
    nodes[:] = [call("mine.first.default", "a", x="x"), call("mine.second.default", "b", x="a"), call("mine.second.default", "add", x="b")]
    path = save(tmp_path / "mine.pt2", parts)
    refused(path, "mine.first.default (1 call), mine.second.default (2 calls)")


def test_flipped_bits_never_crash(olivine, tmp_path):
    data = save(tmp_path / "whole.pt2", add_weight()).read_bytes()
    draw = random.Random(7)
    for number in range(80):
        damaged = bytearray(data)
        damaged[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (tmp_path / "damaged.pt2").write_bytes(damaged)
        done = olivine("convert", tmp_path / "damaged.pt2", "-o", tmp_path / f"{number}.onnx")
        assert done.returncode in (0, MODEL), done.stderr
        assert (tmp_path / f"{number}.onnx").exists() == (done.returncode == 0)
