"""Models that use what the published test models don't: one with every message of onnx.proto, and payloads of every kind."""

import ml_dtypes
import numpy as np
import onnx
from cases import Case
from onnx import TensorProto, helper, numpy_helper


def annotate(message, text):
    message.doc_string = f"about {text}"
    message.metadata_props.add(key="key", value=text)


def everything():
    """Functions with overloads and attribute references, sparse initializers, quantization annotations, training
    info, metadata on every message, a subgraph that uses outer values, and fields from a later onnx.proto."""
    inner = helper.make_graph(
        [helper.make_node("Add", ["x", "bias"], ["inner_y"], name="inner_add")],
        "then", [], [helper.make_tensor_value_info("inner_y", TensorProto.FLOAT, ["N", 4])],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["other_y"])],
        "else", [], [helper.make_tensor_value_info("other_y", TensorProto.FLOAT, ["N", 4])],
    )
    chosen = helper.make_node("If", ["flag"], ["chosen"], name="choose", then_branch=inner, else_branch=other)
    scaled = helper.make_node("Scaled", ["chosen"], ["scaled"], name="call", domain="local", overload="float", factor=2.0)
    sparse = helper.make_node("MatMul", ["scaled", "sparse"], ["y"], name="product")
    for node in (chosen, scaled, sparse):
        annotate(node, node.name)
    chosen.attribute[0].doc_string = "the branch"

    bias = numpy_helper.from_array(np.arange(4, dtype=np.float32), "bias")
    annotate(bias, "bias")
    values = helper.make_tensor("sparse", TensorProto.FLOAT, [2], [1.0, 2.0])
    indices = helper.make_tensor("", TensorProto.INT64, [2, 2], [0, 1, 3, 0])
    graph = helper.make_graph(
        [chosen, scaled, sparse], "everything",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4]), helper.make_tensor_value_info("flag", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        initializer=[bias],
        sparse_initializer=[helper.make_sparse_tensor(values, indices, [4, 4])],
        value_info=[helper.make_tensor_value_info("chosen", TensorProto.FLOAT, ["N", 4])],
    )
    annotate(graph, "graph")
    annotate(graph.input[0], "input")
    graph.input[0].type.denotation = "TENSOR"
    graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    graph.quantization_annotation.add(
        tensor_name="chosen",
        quant_parameter_tensor_names=[onnx.StringStringEntryProto(key="SCALE_TENSOR", value="bias")],
    )
    function = helper.make_function(
        "local", "Scaled", ["a"], ["b"],
        [
            helper.make_node("Constant", [], ["factor_value"]),
            helper.make_node("Mul", ["a", "factor_value"], ["b"]),
        ],
        [helper.make_opsetid("", 21)], attributes=[], attribute_protos=[helper.make_attribute("factor", 1.0)],
        overload="float",
    )
    reference = function.node[0].attribute.add(name="value_float", ref_attr_name="factor", type=onnx.AttributeProto.FLOAT)
    reference.doc_string = "taken from the caller"
    annotate(function, "function")
    model = helper.make_model(
        graph, functions=[function], opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("local", 1)],
        producer_name="made", producer_version="1", domain="example", model_version=7, doc_string="all of it", ir_version=10,
    )
    model.metadata_props.add(key="author", value="made")
    training = model.training_info.add()
    training.algorithm.name = "step"
    training.update_binding.add(key="bias", value="bias")
    # Field 1000 as a later onnx.proto might have it: at the model and at a node.
    later = b"\xc2\x3e\x05later"
    model.graph.node[0].MergeFromString(later)
    return onnx.ModelProto.FromString(model.SerializeToString() + later)


def payloads(raw):
    """An initializer of every dtype, in typed data or raw, used by nobody but the graph's outputs."""
    kinds = [
        np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
        np.bool_, np.complex64, np.complex128, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz,
        ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz, ml_dtypes.int4, ml_dtypes.uint4,
    ]
    initializers, nodes, outputs = [], [], []
    for kind in kinds:
        array = np.array([0, 1, 3, 1, 2]).astype(kind)  # an odd count: half a byte stays empty at 4 bits
        name = np.dtype(kind).name
        dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
        if raw:
            tensor = numpy_helper.from_array(array, name)
        else:
            tensor = helper.make_tensor(name, dtype, array.shape, array.tolist() if array.dtype.kind == "c" else array.astype(np.float64).tolist())
        initializers.append(tensor)
        nodes.append(helper.make_node("Identity", [name], [f"{name}_out"]))
        outputs.append(helper.make_tensor_value_info(f"{name}_out", dtype, [5]))
    initializers.append(helper.make_tensor("text", TensorProto.STRING, [3], [b"a", b"", "ä".encode()]))
    initializers.append(numpy_helper.from_array(np.zeros((0, 4), np.float32), "empty"))
    initializers.append(numpy_helper.from_array(np.array(2.5, np.float32), "scalar"))
    graph = helper.make_graph(nodes, "payloads", [], outputs, initializer=initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def cases():
    return [
        Case("made", "everything", everything(), []),
        Case("made", "payloads_raw", payloads(raw=True), []),
        Case("made", "payloads_typed", payloads(raw=False), []),
    ]
