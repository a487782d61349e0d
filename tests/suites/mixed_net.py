"""Writes small networks for `mixed_models.py`: a part that needs fp32 within layers that don't."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
STYLES = ("{op}_{number}", "/layer.{number}/{op}", "n{number}", "model/block/{op}.{number}", "node_{op}_{number}")


class Net:
    """Appends nodes; each call returns the name of the node's output. Nodes named in `guilty` are those that must stay
    fp32, those in `beside` may go with them."""

    def __init__(self, rng):
        self.rng = rng
        self.opset = int(rng.integers(13, 23))
        self.batch, self.tokens = int(rng.integers(1, 4)), int(rng.integers(4, 9))
        self.width = int(rng.choice([8, 16, 24]))
        self.style = rng.choice(STYLES)
        self.symbolic = bool(rng.integers(0, 2))
        self.nodes, self.initializers, self.functions = [], [], []
        self.inputs = {}  # name → (type, shape, maker of values)
        self.guilty, self.beside = set(), set()
        self.number = int(rng.integers(0, 50))

    def next_number(self):
        self.number += int(self.rng.integers(1, 4))
        return self.number

    def __call__(self, op, *inputs, guilty=False, beside=False, outputs=1, **attributes):
        number = self.next_number()
        name = self.style.format(op=op, number=number)
        results = [f"{op.lower()}_{number}_out{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), results, name=name, **attributes))
        if guilty:
            self.guilty.add(name)
        if beside:
            self.beside.add(name)
        return results[0] if outputs == 1 else results

    def choice(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def constant(self, value, dtype=np.float32):
        """An initializer or a Constant, as it happens."""
        tensor = numpy_helper.from_array(np.array(value, dtype), f"constant_{self.next_number()}")
        if self.rng.integers(0, 2):
            self.initializers.append(tensor)
        else:
            self.nodes.append(helper.make_node("Constant", [], [tensor.name], name=f"{tensor.name}_node", value=tensor))
        return tensor.name

    def weight(self, *shape, scale=1.0):
        tensor = numpy_helper.from_array((scale * self.rng.standard_normal(shape)).astype(np.float32), f"weight_{self.next_number()}")
        self.initializers.append(tensor)
        return tensor.name

    def input(self, name, shape, values):
        """A model input of fp32; `values(rng, shape)` makes what it is fed."""
        self.inputs[name] = (FLOAT, shape, values)
        return name

    # --- operators whose form depends on the opset ---

    def reduce(self, op, value, axis, keep=True, **options):
        keep = int(keep)
        as_input = self.opset >= (13 if op == "ReduceSum" else 18)
        if as_input:
            return self(op, value, self.constant([axis], np.int64), keepdims=keep, **options)
        return self(op, value, axes=[axis], keepdims=keep, **options)

    def square(self, value, **options):
        return self.choice(lambda: self("Mul", value, value, **options), lambda: self("Pow", value, self.constant(2.0), **options))()

    # --- what fp16 does well ---

    def linear(self, value, inputs, outputs, scale=1.0, bias=True):
        product = self("MatMul", value, self.weight(inputs, outputs, scale=scale / np.sqrt(inputs)))
        return self("Add", product, self.weight(outputs, scale=0.1 * scale)) if bias else product

    def layer(self, value):
        """[batch, tokens, width] → the same, within ±1."""
        width = self.width
        kind = self.choice("dense", "norm", "gate", "views", "residual")
        if kind == "norm":
            if self.opset >= 17:
                value = self("LayerNormalization", value, self.weight(width), self.weight(width, scale=0.1), axis=-1, epsilon=1e-3)
        elif kind == "gate":
            value = self("Mul", self("Sigmoid", self.linear(value, width, width)), value)
        elif kind == "views":
            value = self("Transpose", self("Transpose", value, perm=[0, 2, 1]), perm=[0, 2, 1])
            value = self("Concat", *self("Split", value, self.constant([width // 2, width // 2], np.int64), outputs=2, axis=-1), axis=-1)
        elif kind == "residual":
            value = self("Add", value, self("Relu", self.linear(value, width, width)))
        return self("Tanh", self.linear(value, width, width))

    def layers(self, value, most=4):
        """Some layers, and a last one that makes full use of the range."""
        for _ in range(int(self.rng.integers(0, most))):
            value = self.layer(value)
        size = self("Div", value, self("Sqrt", self("Add", self.reduce("ReduceMean", self("Mul", value, value), -1), self.constant(1e-2))))
        return self("Tanh", self.linear(size, self.width, self.width, scale=1.5))

    # --- where the part stands ---

    def inside(self, place, first, value, otherwise):
        """Moves the nodes from number `first` on, which make `value`, into a function, or into the branch that isn't `otherwise`."""
        if place == "main":
            return value
        nodes = self.nodes[first:]
        del self.nodes[first:]
        return self._branch(nodes, value, otherwise) if place == "branch" else self._function(nodes, value)

    def _branch(self, nodes, value, otherwise):
        number = self.next_number()
        self.inputs[f"flag_{number}"] = (TensorProto.BOOL, [], lambda rng, shape: np.array(True))
        out = f"other_{number}"
        other = helper.make_node("Identity", [otherwise], [out], name=f"Identity_{number}")
        then = helper.make_graph(nodes, "then", [], [typed(value)])
        rest = helper.make_graph([other], "else", [], [typed(out)])
        name = self.style.format(op="If", number=number)
        self.beside |= {name, other.name}
        self.nodes.append(helper.make_node("If", [f"flag_{number}"], [f"if_{number}"], name=name, then_branch=then, else_branch=rest))
        return f"if_{number}"

    def _function(self, nodes, value):
        number = self.next_number()
        made = {name for node in nodes for name in node.output}
        outer = list(dict.fromkeys(name for node in nodes for name in node.input if name and name not in made))
        opsets = [helper.make_opsetid("", self.opset)]
        self.functions.append(helper.make_function("local", f"Part{number}", outer, [value], nodes, opsets))
        name = self.style.format(op="Part", number=number)
        self.beside.add(name)
        self.nodes.append(helper.make_node(f"Part{number}", outer, [f"part_{number}"], name=name, domain="local"))
        return f"part_{number}"

    def loop(self, state, trips, body):
        """A Loop that carries `state`; `body(state)` appends the nodes and returns its next value."""
        number, first = self.next_number(), len(self.nodes)
        names = [f"{what}_{number}" for what in ("step", "on", "state")]
        following = body(names[2])
        on = self("Identity", names[1])
        graph = helper.make_graph(
            self.nodes[first:], f"body_{number}",
            [helper.make_tensor_value_info(names[0], TensorProto.INT64, []), helper.make_tensor_value_info(names[1], TensorProto.BOOL, []), typed(names[2])],
            [helper.make_tensor_value_info(on, TensorProto.BOOL, []), typed(following)],
        )
        del self.nodes[first:]
        count = self.constant(trips, np.int64)
        name = self.style.format(op="Loop", number=number)
        self.beside.add(name)
        self.nodes.append(helper.make_node("Loop", [count, "", state], [f"loop_{number}"], name=name, body=graph))
        return f"loop_{number}"

    def model(self, output, width):
        """The model whose only output is [batch, tokens, `width`]."""
        def info(name, dtype, shape):
            shape = ["batch", *shape[1:]] if self.symbolic and shape and shape[0] == self.batch and dtype == FLOAT else shape
            return helper.make_tensor_value_info(name, dtype, shape)

        inputs = [info(name, dtype, list(shape)) for name, (dtype, shape, _) in self.inputs.items()]
        graph = helper.make_graph(self.nodes, "net", inputs, [info(output, FLOAT, [self.batch, self.tokens, width])], self.initializers)
        opsets = [helper.make_opsetid("", self.opset)] + ([helper.make_opsetid("local", 1)] if self.functions else [])
        return helper.make_model(graph, opset_imports=opsets, functions=self.functions, ir_version=10)


def typed(name):
    return helper.make_tensor_value_info(name, FLOAT, None)

