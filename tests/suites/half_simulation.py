"""What a device computes that holds some values in fp16, from ONNX Runtime's fp32 kernels on the CPU.

The rule: what a node in fp16 reads is rounded to fp16, its weights too, its sums are accumulated in fp32, and its
results are rounded. Weights beyond fp16's range are set to its ends, as every converter does. ONNX Runtime's CPU provider doesn't do that to an fp16 model: it computes whole chains in fp32 and
rounds where it pleases. So each rounding is written into an fp32 model as a pair of Casts, to fp16 and back, and that
model runs without graph optimizations, which leave such pairs alone (`test_casts_stay` holds that).

Two ways to such a model, by different roads, so that they check each other:

- `of_mixed`: from a model in mixed precision, by the types that onnx's inference finds in it;
- `of_float32`: from an fp32 model and the names of the nodes that stay fp32.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, inliner, numpy_helper

LARGEST, LEAST = np.float32(65504), np.float32(1e-7)
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
ORIGIN = "name before inlining: "
# They hand on what they are given: what was rounded stays so.
MOVES = {
    "Compress", "Concat", "ConcatFromSequence", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "Identity", "If", "Loop", "Optional", "OptionalGetElement", "Reshape", "Scan", "SequenceAt", "SequenceConstruct",
    "SequenceEmpty", "SequenceErase", "SequenceInsert", "Slice", "SpaceToDepth", "Split", "SplitToSequence", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
}


def rounded(array):
    """fp32 values as fp16 holds them: too large ones become infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32).astype(np.float16).astype(np.float32)


def stored(array):
    """fp32 constants as the converter stores them in fp16: what is too large stands for as much as there is, what is tiny for as little."""
    array = np.asarray(array, np.float32)
    clamped = np.where(np.isfinite(array), np.clip(array, -LARGEST, LARGEST), array)
    return rounded(np.where((array != 0) & (np.abs(array) < LEAST), np.copysign(LEAST, array), clamped))


def subgraphs(node):
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def all_graphs(graph):
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from all_graphs(inner)


def without_types(model):
    """The same model, inner values untyped."""
    for graph in all_graphs(model.graph):
        del graph.value_info[:]
    return model


def opsets(model):
    return {entry.domain if entry.domain != "ai.onnx" else "": entry.version for entry in model.opset_import}


def inlined(model):
    """A copy without functions; a node that was in one notes the name that it had there."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if not model.functions:
        return copy
    for function in copy.functions:
        for node in function.node:
            node.doc_string = ORIGIN + node.name
    return inliner.inline_local_functions(copy)


def name_of(node):
    return node.doc_string[len(ORIGIN):] if node.doc_string.startswith(ORIGIN) else node.name


def typed(model):
    """A copy in which every value has a type by onnx's inference and by nothing else."""
    copy = inlined(model)
    return onnx.shape_inference.infer_shapes(without_types(copy))


def element_type(type_proto):
    """Of a tensor, or of the tensors in a sequence or an optional; 0 where it is unknown."""
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        return type_proto.tensor_type.elem_type
    return element_type(getattr(type_proto, kind).elem_type) if kind in ("sequence_type", "optional_type") else 0


def set_element_type(type_proto, dtype):
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        type_proto.tensor_type.elem_type = dtype
    else:
        set_element_type(getattr(type_proto, kind).elem_type, dtype)


def is_tensor(type_proto):
    return type_proto.WhichOneof("value") == "tensor_type"


def types_in(graph):
    """Name → type of every value that `graph` itself defines."""
    found = {value.name: value.type for value in [*graph.value_info, *graph.output, *graph.input] if value.HasField("type")}
    for tensor in graph.initializer:
        found[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
    return found


def cast_pair(source, target):
    """`target` is `source` as fp16 holds it."""
    middle = f"{target}//fp16"
    return [
        helper.make_node("Cast", [source], [middle], name=f"{middle}/down", to=HALF),
        helper.make_node("Cast", [middle], [target], name=f"{middle}/up", to=FLOAT),
    ]


def replace_nodes(graph, nodes):
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]  # what belongs to the graph goes with its list
    del graph.node[:]
    graph.node.extend(nodes)


# --- from a mixed model ------------------------------------------------------------------------------------------------


def of_mixed(model):
    """The fp32 model that computes what `model` would on a device. Inputs and outputs in fp16 become fp32, with fp16's values."""
    copy = typed(model)
    first = _round_inputs(copy.graph)
    _widen_graph(copy.graph, {})
    replace_nodes(copy.graph, [*first, *copy.graph.node])
    return without_types(copy)


def _widen_graph(graph, outer):
    types = {**outer, **types_in(graph)}
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    nodes = []
    for node in graph.node:
        for body in subgraphs(node):
            _widen_graph(body, types)
        for attribute in node.attribute:
            _widen_attribute(node, attribute)
        nodes += _rounding_outputs(node, types)
    for value in [*graph.input, *graph.output]:
        if value.HasField("type") and element_type(value.type) == HALF:
            set_element_type(value.type, FLOAT)
    replace_nodes(graph, nodes)


def _round_inputs(graph):
    """The model's own fp16 inputs are fed in fp32: rounded first, and read under another name."""
    constants = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constants and element_type(value.type) == HALF and is_tensor(value.type)]
    renamed = {name: f"{name}//rounded" for name in names}
    if renamed:
        for one in all_graphs(graph):
            for node in one.node:
                for index, name in enumerate(node.input):
                    node.input[index] = renamed.get(name, name)
    return [node for name in names for node in cast_pair(name, renamed[name])]


def _rounding_outputs(node, types):
    """The node, and a pair of Casts for each fp16 result that is not merely handed on."""
    after = []
    exact = node.op_type in MOVES or node.op_type in ("Constant", "ConstantOfShape", "SequenceMap")
    for index, name in enumerate(node.output):
        if not name:
            continue
        if name not in types or not element_type(types[name]):
            raise ValueError(f"no type for '{name}', output {index} of {node.op_type} '{node.name}'")
        if element_type(types[name]) == HALF and is_tensor(types[name]) and not exact:
            raw = f"{name}//raw"
            node.output[index] = raw
            after += cast_pair(raw, name)
    return [node, *after]


def _widen_tensor(tensor):
    if tensor.data_type == HALF:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def _widen_attribute(node, attribute):
    if attribute.type == onnx.AttributeProto.TENSOR:
        _widen_tensor(attribute.t)
    elif attribute.name in ("to", "dtype", "output_dtype", "precision") and attribute.i == HALF:
        attribute.i = FLOAT
    elif node.op_type == "Optional" and attribute.name == "type" and element_type(attribute.tp) == HALF:
        set_element_type(attribute.tp, FLOAT)


# --- from an fp32 model and what stays fp32 ------------------------------------------------------------------------------


@dataclass
class Ports:
    """Which inputs and outputs of a node are fp32 and could be fp16, by onnx's schema."""

    inputs: list
    outputs: list


def ports_of(node, types, versions):
    """Nothing for a node that cannot be fp16, or has nothing that could."""
    if node.op_type in ("Constant", "Shape", "Size") or next(subgraphs(node), None) is not None:
        return None
    schema = onnx.defs.get_schema(node.op_type, versions[node.domain if node.domain != "ai.onnx" else ""], node.domain)

    def admitted(formals, names):
        ports, fixed = [], False
        for index, name in enumerate(names):
            if not name or element_type(types[name]) != FLOAT:
                continue
            formal = formals[min(index, len(formals) - 1)]
            if any("float16" in re.split(r"[()]", kind) for kind in formal.types):
                ports.append(index)
            else:
                fixed = True
        return ports, fixed

    inputs, _ = admitted(schema.inputs, node.input)
    outputs, stays = admitted(schema.outputs, node.output)
    return None if stays or not (inputs or outputs) else Ports(inputs, outputs)


def half_constant(node, target):
    """A Constant of fp32 as the converter stores it; nothing for another node."""
    if node.op_type != "Constant" or node.attribute[0].name != "value":
        return None
    tensor = numpy_helper.from_array(stored(numpy_helper.to_array(node.attribute[0].t)), target)
    return [helper.make_node("Constant", [], [target], name=f"{target}/constant", value=tensor)]


@dataclass
class _Scope:
    """The values of one graph: their types, which are held in fp16, and of which a rounded copy is wanted."""

    types: dict
    outer: "_Scope | None"
    held: set = field(default_factory=set)
    wanted: dict = field(default_factory=dict)
    own: dict = field(default_factory=dict)

    def half(self, name):
        """The name under which `name` is read in fp16."""
        scope = self
        while name not in scope.own and scope.outer:
            scope = scope.outer
        return name if name in scope.held else scope.wanted.setdefault(name, f"{name}//half")

    def is_half(self, name):
        scope = self
        while name not in scope.own and scope.outer:
            scope = scope.outer
        return name in scope.held


class Float32Model:
    """An fp32 model, ready to be simulated with ever other nodes in fp16."""

    def __init__(self, model):
        self.model = typed(model)
        self.versions = opsets(self.model)
        self.half_constants = {}

    def convertible(self):
        """Name → operator of every node that could be fp16, in the order of the graphs."""
        found = {}

        def walk(graph, outer):
            types = {**outer, **types_in(graph)}
            for node in graph.node:
                if ports_of(node, types, self.versions):
                    found[name_of(node)] = node.op_type
                for body in subgraphs(node):
                    walk(body, types)

        walk(self.model.graph, {})
        return found

    def simulated(self, kept):
        """With all in fp16 but the nodes named in `kept`. Inputs and outputs stay fp32."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        self._round_graph(copy.graph, None, set(kept))
        return without_types(copy)

    def _round_graph(self, graph, outer, kept):
        own = types_in(graph)
        scope = _Scope({**(outer.types if outer else {}), **own}, outer, own=own)
        groups = [self._round_node(node, scope, kept) for node in graph.node]
        constants = {tensor.name: tensor for tensor in graph.initializer}
        nodes = []
        for name, target in scope.wanted.items():
            if name in constants:
                graph.initializer.append(self._half_constant(constants[name], target))
            elif any(name == value.name for value in graph.input):
                nodes += cast_pair(name, target)
        for node in (node for group in groups for node in group):
            nodes.append(node)
            for name in node.output:
                if name in scope.wanted:
                    nodes += half_constant(node, scope.wanted[name]) or cast_pair(name, scope.wanted[name])
        replace_nodes(graph, nodes)

    def _half_constant(self, tensor, target):
        if target not in self.half_constants:
            self.half_constants[target] = numpy_helper.from_array(stored(numpy_helper.to_array(tensor)), target)
        return self.half_constants[target]

    def _round_node(self, node, scope, kept):
        for body in subgraphs(node):
            self._round_graph(body, scope, kept)
        ports = None if name_of(node) in kept else ports_of(node, scope.types, self.versions)
        if ports is None:
            return [node]
        for index in ports.inputs:
            if is_tensor(scope.types[node.input[index]]):
                node.input[index] = scope.half(node.input[index])
        after = []
        for index in ports.outputs:
            name = node.output[index]
            scope.held.add(name)
            if node.op_type not in MOVES and is_tensor(scope.types[name]):
                node.output[index] = f"{name}//raw"
                after += cast_pair(f"{name}//raw", name)
        return [node, *after]


def of_float32(model, kept):
    return Float32Model(model).simulated(kept)


# --- running and comparing -----------------------------------------------------------------------------------------------


class Runner:
    """A model in ONNX Runtime as it is written: no graph optimizations."""

    def __init__(self, model, threads=1):
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        source = model if isinstance(model, (str, bytes)) else model.SerializeToString()
        self.session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.names = [value.name for value in self.session.get_outputs()]

    def __call__(self, feeds):
        wanted = {value.name for value in self.session.get_inputs()}
        values = self.session.run(None, {name: value for name, value in feeds.items() if name in wanted})
        return dict(zip(self.names, values))


@dataclass
class Error:
    """How far one output is from what it should be. Not-a-number where a number should be is infinitely far."""

    largest: float
    cosine: float
    beyond: float  # the part of the elements that fp16's usual tolerance doesn't cover

    def worst(self, other):
        return Error(max(self.largest, other.largest), min(self.cosine, other.cosine), max(self.beyond, other.beyond))


def error(expected, got):
    expected, got = np.asarray(expected), np.asarray(got)
    if expected.dtype.kind != "f":
        return Error(float(np.count_nonzero(expected != got)), 1.0, float(np.mean(expected != got)) if expected.size else 0.0)
    expected, got = expected.astype(np.float64), got.astype(np.float64)
    same = (expected == got) | (np.isnan(expected) & np.isnan(got))
    with np.errstate(all="ignore"):
        far = np.where(same, 0.0, np.abs(expected - got))
    largest = float(np.nan_to_num(far, nan=np.inf, posinf=np.inf).max(initial=0.0))
    return Error(largest, _cosine(expected, got), _beyond(expected, far))


def _cosine(a, b):
    if not np.isfinite(b).all():
        return -1.0 if np.isfinite(a).all() else 1.0
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.vdot(a, b) / lengths) if lengths else float(np.array_equal(a, b))


def _beyond(expected, far):
    """1e-2 of the value and 1e-2 of the output's size: its peak if that is below 1, else its root mean square."""
    finite = expected[np.isfinite(expected)]
    peak = np.abs(finite).max(initial=0.0)
    size = max(peak, 0.01) if peak < 1 else max(float(np.sqrt(np.mean(finite * finite))), 1.0)
    with np.errstate(invalid="ignore"):
        return float(np.mean(~(far <= 1e-2 * size + 1e-2 * np.abs(expected)))) if far.size else 0.0


def errors(expected, got):
    return {name: error(value, got[name]) for name, value in expected.items()}


def worst_errors(reference, candidate, feeds):
    """Per output, the worst over all `feeds` of `candidate` against `reference`, both called with feeds."""
    total = {}
    for one in feeds:
        for name, found in errors(reference(one), candidate(one)).items():
            total[name] = total[name].worst(found) if name in total else found
    return total
