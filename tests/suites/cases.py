"""The models and data that the onnx package carries: node tests, and the older kinds from files."""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

FILE_KINDS = ("simple", "light", "pytorch-operator", "pytorch-converted")


@dataclass
class Case:
    kind: str
    name: str
    model: onnx.ModelProto
    data_sets: list  # of (inputs, expected outputs), arrays, lists of arrays for sequences, or None
    rtol: float = 1e-3
    atol: float = 1e-7

    @property
    def id(self):
        return f"{self.kind}/{self.name}"


def data_folder():
    import onnx.backend.test

    return Path(onnx.backend.test.__file__).parent / "data"


def load_value(path, value_info):
    """A test_data_set's input_N.pb or output_N.pb as NumPy arrays."""
    kind = value_info.type.WhichOneof("value") if value_info is not None else "tensor_type"
    message = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(kind, onnx.TensorProto)()
    message.ParseFromString(path.read_bytes())
    if kind == "sequence_type":
        return numpy_helper.to_list(message)
    if kind == "optional_type":
        return numpy_helper.to_optional(message)
    return numpy_helper.to_array(message)


def load_data_set(folder, model):
    def values(prefix, infos):
        paths = sorted(folder.glob(f"{prefix}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
        return [load_value(path, infos[number] if number < len(infos) else None) for number, path in enumerate(paths)]

    return values("input", model.graph.input), values("output", model.graph.output)


@cache
def node_cases():
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, from onnx's own generators of edge values
        np.seterr(all="ignore")
        return [
            Case("node", test.name, test.model, [tuple(map(list, data)) for data in test.data_sets], test.rtol, test.atol)
            for test in load_model_tests(kind="node")
        ]


@cache
def file_cases(kind):
    folder = data_folder() / kind
    cases = []
    for path in sorted(folder.glob("*.onnx")):
        # The light models take a deterministic ramp; see onnx.backend.test.runner. Here only their structure is wanted.
        cases.append(Case(kind, path.stem, onnx.load(path), []))
    for path in sorted(folder.glob("*/model.onnx")):
        model = onnx.load(path)
        data = [load_data_set(one, model) for one in sorted(path.parent.glob("test_data_set_*"))]
        cases.append(Case(kind, path.parent.name, model, data))
    return cases


def all_cases():
    return [*node_cases(), *(case for kind in FILE_KINDS for case in file_cases(kind))]
