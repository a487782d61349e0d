"""A few of the models that need OrtMixedPrecision, of each kind; and that what judges them judges right. `make suites` runs the whole."""

import json

import mixed_models
import numpy as np
import pytest
from half_simulation import Float32Model, Runner, of_mixed, rounded
from mixed_models import KINDS, variant
from mixed_precision import MARGIN, check_variant
from onnx import TensorProto, helper

PARTS = [(kind, number) for kind, parts in KINDS.items() for number in range(len(parts))]


def simple(nodes, inputs, output, **options):
    values = [helper.make_tensor_value_info(name, dtype, [None]) for name, dtype in inputs.items()]
    graph = helper.make_graph(nodes, "simple", values, [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None])], **options)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("local", 1)], ir_version=10)


def test_casts_stay():
    """ONNX Runtime rounds where a pair of Casts says so, also between others and behind a view."""
    names = ["x", "a", "b", "c", "d", "e", "y"]
    ops = [("Exp", {}), ("Cast", {"to": 10}), ("Cast", {"to": 1}), ("Exp", {}), ("Cast", {"to": 10}), ("Cast", {"to": 1})]
    nodes = [helper.make_node(op, [names[i]], [names[i + 1]], **attributes) for i, (op, attributes) in enumerate(ops)]
    x = np.linspace(0, 3, 50, dtype=np.float32)
    found = Runner(simple(nodes, {"x": TensorProto.FLOAT}, "y"))({"x": x})["y"]
    first = Runner(simple(nodes[:1], {"x": TensorProto.FLOAT}, "a"))({"x": x})["a"]
    second = Runner(simple(nodes[:1], {"x": TensorProto.FLOAT}, "a"))({"x": rounded(first)})["a"]
    np.testing.assert_array_equal(found, rounded(second))
    assert np.isinf(found).any()


def test_every_node_kept_is_the_original():
    one = variant("attention", 0)
    base = Float32Model(one.model)
    feeds = one.feeds(0)
    found, expected = Runner(base.simulated(base.convertible()))(feeds), Runner(one.model)(feeds)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_function_is_simulated_by_its_nodes_names():
    function = helper.make_function(
        "local", "Grow", ["a"], ["b"], [helper.make_node("Exp", ["a"], ["e"], name="grow"), helper.make_node("Log", ["e"], ["b"], name="shrink")],
        [helper.make_opsetid("", 20)],
    )
    model = simple([helper.make_node("Grow", ["x"], ["y"], name="call", domain="local")], {"x": TensorProto.FLOAT}, "y")
    model.functions.append(function)
    base, feeds = Float32Model(model), {"x": np.array([20], np.float32)}
    assert set(base.convertible()) == {"grow", "shrink"}
    assert np.isinf(Runner(base.simulated(set()))(feeds)["y"]).all()
    assert np.isinf(Runner(base.simulated({"grow"}))(feeds)["y"]).all()
    np.testing.assert_allclose(Runner(base.simulated({"grow", "shrink"}))(feeds)["y"], [20], rtol=1e-6)


def test_fp16_inputs_of_a_mixed_model_are_rounded():
    nodes = [helper.make_node("Mul", ["x", "x"], ["h"]), helper.make_node("Cast", ["h"], ["y"], to=TensorProto.FLOAT)]
    model = simple(nodes, {"x": TensorProto.FLOAT16}, "y")
    x = np.array([0.1, 3.3, 300], np.float32)
    np.testing.assert_array_equal(Runner(of_mixed(model))({"x": x})["y"], rounded(rounded(x) * rounded(x)))


@pytest.mark.parametrize("kind, number", PARTS)
def test_the_answer_is_proved(kind, number):
    assert mixed_models.proof(variant(kind, number)).margin >= MARGIN


class Impostor:
    """Stands in for the command: keeps the nodes that it was told to, by OnnxFloatToFloat16, and reports like OrtMixedPrecision."""

    def __init__(self, olivine, kept):
        self.olivine, self.kept = olivine, kept

    def __call__(self, command, path):
        flow = json.loads(path.read_text())
        flow["passes"] = {
            "half": {"type": "OnnxFloatToFloat16", "keep_io_types": True, "node_block_list": sorted(self.kept), "max_finite_val": 65504, "min_positive_val": 1e-7}
        }
        path.write_text(json.dumps(flow))
        done = self.olivine(command, path)
        record = path.parent / "out/run.json"
        told = json.loads(record.read_text())
        told["passes"][0]["report"] = {"kept_nodes": [{"node": name} for name in self.kept], "groups": [[name] for name in self.kept], "inferences": 3.0, "met": True}
        record.write_text(json.dumps(told))
        return done


@pytest.mark.parametrize("kind, number", [("attention", 3), ("long sum", 0), ("loop", 1), ("powers", 0)])
def test_wrong_answers_are_found(olivine, kind, number):
    one = variant(kind, number)
    assert one.id.find("function") < 0
    assert check_variant(one, Impostor(olivine, one.guilty))["faults"] == []
    fewer = sorted(one.guilty)[1:]
    assert any("given up" in fault for fault in check_variant(one, Impostor(olivine, fewer))["faults"])
    others = set(Float32Model(one.model).convertible()) - one.guilty
    heavy = next(node.name for node in one.model.graph.node if node.op_type == "MatMul" and node.name in others)
    faults = check_variant(one, Impostor(olivine, one.guilty | {heavy}))["faults"]
    assert any("needless" in fault for fault in faults) and any("kept for nothing" in fault for fault in faults)


@pytest.mark.parametrize("kind, number", PARTS)
def test_known_answers(olivine, kind, number):
    assert check_variant(variant(kind, number), olivine)["faults"] == []
