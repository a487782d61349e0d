"""Writes large models without holding their weights: protobuf's wire format, an initializer at a time."""

import numpy as np
import onnx
from onnx import helper

MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA = 7, 5, 9


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, length):
    """The head of a length-delimited field."""
    return varint(number << 3 | 2) + varint(length)


class Weights:
    """Names and shapes of fp32 initializers, and their values when they are asked for."""

    def __init__(self, seed=0):
        self.tensors = []  # (name, shape, scale, offset)
        self.random = np.random.default_rng(seed)

    def add(self, name, shape, scale=0.02, offset=0.0):
        self.tensors.append((name, shape, scale, offset))
        return name

    def values(self):
        for name, shape, scale, offset in self.tensors:
            yield name, shape, self.random.standard_normal(shape, np.float32) * np.float32(scale) + np.float32(offset)


def head(name, shape):
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT)
    tensor.dims.extend(shape)
    return tensor


def write_inline(model, weights, path):
    """`model` with the weights as raw_data."""
    size = lambda shape: int(np.prod(shape)) * 4  # noqa: E731
    heads = []
    for name, shape, *_ in weights.tensors:
        begin = head(name, shape).SerializeToString() + field(TENSOR_RAW_DATA, size(shape))
        heads.append((field(GRAPH_INITIALIZER, len(begin) + size(shape)) + begin, size(shape)))
    graph = model.graph.SerializeToString()
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    with open(path, "wb") as file:
        file.write(rest.SerializeToString())
        file.write(field(MODEL_GRAPH, len(graph) + sum(len(begin) + bytes_ for begin, bytes_ in heads)) + graph)
        for (begin, _), (_, _, values) in zip(heads, weights.values()):
            file.write(begin)
            file.write(values)


def write_external(model, weights, path):
    """`model` with the weights in one file beside it, aligned to pages."""
    data_path = path.with_name(path.name + ".data")
    with open(data_path, "wb") as data:
        for name, shape, values in weights.values():
            data.seek(-data.tell() % 4096, 1)
            tensor = head(name, shape)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", data_path.name), ("offset", data.tell()), ("length", values.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            data.write(values)
            model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())


def make_model(nodes, name, inputs, outputs, initializers=(), opset=20):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9, producer_name="bench")
