"""`olivine inspect` of checkpoints: safetensors, folders, GGUF; written here byte by byte."""

import json
import struct

import numpy as np
import pytest

DTYPES = {"float32": "F32", "float16": "F16", "int32": "I32"}


def safetensors(path, **tensors):
    header, payloads = {}, b""
    for name, array in tensors.items():
        end = len(payloads) + array.nbytes
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": array.shape, "data_offsets": [len(payloads), end]}
        payloads += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + payloads)


def gguf(path, architecture, name, row, bytes_of_row, kind):
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    head += text(name) + struct.pack("<IQIQ", 1, row, kind, 0)
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(bytes_of_row))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "hidden_size": 4}))
    safetensors(tmp_path / "a.safetensors", embed=np.ones((3, 4), np.float32))
    safetensors(tmp_path / "b.safetensors", norm=np.ones(4, np.float16))
    index = {"weight_map": {"embed": "a.safetensors", "norm": "b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def test_a_folder_of_shards(olivine, folder):
    shown = json.loads(olivine("inspect", folder, "--json", check=True).stdout)
    assert shown["architecture"] == "LlamaForCausalLM"
    assert shown["parameters"] == 16 and shown["weight_bytes"] == 56
    assert shown["files"] == ["a.safetensors", "b.safetensors"]
    assert shown["weights"]["float16"] == {"tensors": 1, "elements": 4, "bytes": 8}
    assert "LlamaForCausalLM" in olivine("inspect", folder, check=True).stdout


def test_a_missing_shard(olivine, folder):
    (folder / "b.safetensors").unlink()
    done = olivine("inspect", folder)
    assert done.returncode == 5
    assert "model.safetensors.index.json: names the file 'b.safetensors', which is missing" in done.stderr


def test_a_damaged_file(olivine, folder):
    path = folder / "a.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    done = olivine("inspect", path)
    assert done.returncode == 3
    assert "its tensors take 48 bytes, but 47 follow the header" in done.stderr


def test_gguf(olivine, tmp_path):
    gguf(tmp_path / "x.gguf", "llama", "token_embd.weight", 64, 36, kind=2)
    shown = json.loads(olivine("inspect", tmp_path / "x.gguf", "--json", check=True).stdout)
    assert (shown["format"], shown["architecture"], shown["quantization"]) == ("GGUF", "llama", "Q4_0")
    assert shown["parameters"] == 64 and shown["weights"]["Q4_0"]["bytes"] == 36


def test_a_pickle_is_not_executed(olivine, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(b"\x80\x02cos\nsystem\n.")
    done = olivine("inspect", path)
    assert done.returncode == 3
    assert "it is no file that torch.save wrote" in done.stderr
