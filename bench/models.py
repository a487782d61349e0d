"""The models that are measured. Each is generated once and kept."""

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from wire import Weights, make_model, write_external, write_inline

TINY_BYTES = 274
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
info = helper.make_tensor_value_info


def tiny(path):
    """A linear layer of 274 bytes."""
    weight = numpy_helper.from_array(np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2), "w")
    bias = numpy_helper.from_array(np.array([0.5, -0.5], np.float32), "b")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["xw"]), helper.make_node("Add", ["xw", "b"], ["y"])]
    model = make_model(nodes, "tiny", [info("x", FLOAT, ["batch", 4])], [info("y", FLOAT, ["batch", 2])], [weight, bias])
    model.doc_string = "x"
    model.doc_string = "x" * (TINY_BYTES - model.ByteSize() + 1)
    assert model.ByteSize() == TINY_BYTES
    path.write_bytes(model.SerializeToString())


class Builder:
    """Appends nodes; each call returns the name of the node's output."""

    def __init__(self):
        self.nodes, self.constants, self.weights = [], {}, Weights()
        self.counter = itertools.count()

    def __call__(self, op, *inputs, name=None, **attributes):
        output = name or f"{op.lower()}_{next(self.counter)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=f"{output}_node", **attributes))
        return output

    def constant(self, name, values, dtype):
        self.constants.setdefault(name, numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def linear(self, name, value, inputs, outputs):
        product = self("MatMul", value, self.weights.add(f"{name}.weight", (inputs, outputs)))
        return self("Add", product, self.weights.add(f"{name}.bias", (outputs,)))

    def norm(self, name, value, hidden):
        scale = self.weights.add(f"{name}.weight", (hidden,), offset=1.0)
        return self("LayerNormalization", value, scale, self.weights.add(f"{name}.bias", (hidden,)), axis=-1, epsilon=1e-12)


def encoder(layers, hidden, heads, vocabulary=30522, positions=512):
    """A BERT encoder with pooler, as exporters write it: shapes computed in the graph, masks as large negative numbers."""
    build = Builder()
    width = hidden // heads
    axis0, axis1 = build.constant("axis0", [0], np.int64), build.constant("axis1", [1], np.int64)
    split = build.constant("split", [0, 0, heads, width], np.int64)
    joined = build.constant("joined", [0, 0, hidden], np.int64)

    length = build("Gather", build("Shape", "input_ids"), axis1, axis=0)
    ids = build("Slice", build.constant("position_ids", [range(positions)], np.int64), axis0, length, axis1)
    words = build("Gather", build.weights.add("embeddings.word", (vocabulary, hidden)), "input_ids")
    types = build("Gather", build.weights.add("embeddings.type", (2, hidden)), "token_type_ids")
    places = build("Gather", build.weights.add("embeddings.position", (positions, hidden)), ids)
    state = build.norm("embeddings.norm", build("Add", build("Add", words, types), places), hidden)

    mask = build("Cast", build("Unsqueeze", "attention_mask", build.constant("axes12", [1, 2], np.int64)), to=FLOAT)
    mask = build("Sub", build.constant("one", 1.0, np.float32), mask)
    mask = build("Mul", mask, build.constant("lowest", -10000.0, np.float32))

    def attention_head(layer, kind, permutation):
        value = build.linear(f"layer.{layer}.attention.{kind}", state, hidden, hidden)
        return build("Transpose", build("Reshape", value, split), perm=permutation)

    for layer in range(layers):
        query, key, value = (
            attention_head(layer, kind, permutation)
            for kind, permutation in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scores = build("Div", build("MatMul", query, key), build.constant("sqrt_width", np.sqrt(width), np.float32))
        mixed = build("MatMul", build("Softmax", build("Add", scores, mask), axis=-1), value)
        mixed = build("Reshape", build("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        mixed = build.linear(f"layer.{layer}.attention.output", mixed, hidden, hidden)
        state = build.norm(f"layer.{layer}.attention.norm", build("Add", mixed, state), hidden)

        wide = build.linear(f"layer.{layer}.intermediate", state, hidden, 4 * hidden)
        erf = build("Erf", build("Div", wide, build.constant("sqrt2", np.sqrt(2), np.float32)))
        gelu = build("Mul", build("Mul", wide, build("Add", erf, "one")), build.constant("half", 0.5, np.float32))
        narrow = build.linear(f"layer.{layer}.output", gelu, 4 * hidden, hidden)
        state = build.norm(f"layer.{layer}.norm", build("Add", narrow, state), hidden)

    build("Identity", state, name="last_hidden_state")
    first = build("Gather", state, build.constant("zero", 0, np.int64), axis=1)
    build("Tanh", build.linear("pooler", first, hidden, hidden), name="pooler_output")
    inputs = [info(name, INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [info("last_hidden_state", FLOAT, ["batch", "sequence", hidden]), info("pooler_output", FLOAT, ["batch", hidden])]
    return make_model(build.nodes, "encoder", inputs, outputs, build.constants.values()), build.weights


def bert_base(path):
    """109 million weights, 439 MB inline."""
    write_inline(*encoder(layers=12, hidden=768, heads=12), path)


def large(path):
    """The same architecture with 1.5 billion weights, 6 GB as external data."""
    write_external(*encoder(layers=29, hidden=2048, heads=32), path)


def many_nodes(path, count):
    """`count` elementwise nodes: stretches that part in two and join again, a weight at every fifth node."""
    nodes, initializers = [], []
    left = right = "x"
    unary = ("Relu", "Neg", "Abs", "Sigmoid", "Tanh", "Exp", "Softplus")
    kinds = itertools.cycle(("Add", *unary[:4], "Mul", *unary[4:], "Sub", "Relu"))
    for number in range(count - 1):
        op = "Add" if number % 1000 == 999 else next(kinds)
        output = f"v{number}"
        if number % 1000 == 999:  # the branches join
            nodes.append(helper.make_node(op, [left, right], [output], name=f"n{number}"))
            left = right = output
            continue
        inputs = [left if number % 2 else right]
        if op in ("Add", "Mul", "Sub"):
            weight = numpy_helper.from_array(np.full(16, 0.5 + number % 7 / 16, np.float32), f"w{number}")
            initializers.append(weight)
            inputs.append(weight.name)
        nodes.append(helper.make_node(op, inputs, [output], name=f"n{number}"))
        left, right = (output, right) if number % 2 else (left, output)
    nodes.append(helper.make_node("Add", [left, right], ["y"], name="last"))
    shape = ["batch", 16]
    model = make_model(nodes, "many", [info("x", FLOAT, shape)], [info("y", FLOAT, shape)], initializers)
    path.write_bytes(model.SerializeToString())


MAKERS = {
    "tiny": tiny,
    "bert-base": bert_base,
    "nodes-100k": lambda path: many_nodes(path, 100_000),
    "nodes-1m": lambda path: many_nodes(path, 1_000_000),
    "large": large,
}


def model(name, folder):
    """The path of a model, generated when it is not there yet."""
    path = folder / name / "model.onnx"
    if not path.exists():
        unfinished = folder / f".{name}.unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        MAKERS[name](unfinished / "model.onnx")
        unfinished.rename(path.parent)
    return path
