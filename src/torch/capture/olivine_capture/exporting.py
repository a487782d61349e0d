"""torch.export with open axes, from the plain mode to those that give up more."""

import contextlib
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.export import Dim
from torch.utils import _pytree as pytree

from .errors import CaptureError, one_line
from .recurrent import any_length


@dataclass
class Attempt:
    how: str  # ends "torch.export takes the model only …"
    run: Callable
    context: Callable = contextlib.nullcontext


def export(subject, leaves, talk):
    """The exported program. Axes that torch.export cannot keep open become fixed in it."""
    arguments = (subject.module, subject.args, subject.kwargs)
    shapes = dynamic_shapes(subject, leaves)
    failures = []
    with quiet(), named_keywords(subject), any_length():
        for attempt in attempts(subject):
            talk.progress(f"exporting {attempt.how}" if failures else "exporting")
            try:
                with attempt.context():
                    program = attempt.run(*arguments, shapes)
            except Exception as error:  # noqa: BLE001  torch.export raises what the model's code raises, too
                failures.append(error)
                continue
            if failures:
                talk.notice(f"torch.export takes the model only {attempt.how}; otherwise it says: {one_line(failures[0])}")
                return program
            return more_open(program, leaves, arguments, shapes, talk)
    raise CaptureError("export", f"torch.export cannot capture the model: {one_line(failures[0])}", cause=failures[0])


def more_open(program, leaves, arguments, shapes, talk):
    """The strict mode reads the code instead of running it, and keeps open what `len(tensor)` makes a number."""
    fixed = fixed_axes(program, leaves)
    if not fixed:
        return program
    talk.progress("exporting once more, in strict mode")
    try:
        strict = torch.export.export(*arguments, dynamic_shapes=shapes, strict=True)
        return strict if fixed_axes(strict, leaves) < fixed else program
    except Exception:  # noqa: BLE001  it takes fewer models, and the other program is good
        return program


def fixed_axes(program, leaves):
    """How many of the axes that were to stay open did not."""
    nodes = [node for node in user_inputs(program) if node is not None and isinstance(node.meta.get("val"), torch.Tensor)]
    shapes = [node.meta["val"].shape for node in nodes]
    return sum(not is_open(shape[axis]) for leaf, shape in zip(in_order(program, leaves), shapes, strict=True) for axis in leaf.axes)


def is_open(size):
    return isinstance(size, torch.SymInt) and bool(size.node.expr.free_symbols)


def attempts(subject):
    def run(strict):
        return lambda module, args, kwargs, shapes: torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=strict)

    def draft(module, args, kwargs, shapes):
        return torch.export.draft_export(module, args, kwargs, dynamic_shapes=shapes)

    yield Attempt("", run(False))
    patches = transformers_patches(subject.module)
    if patches is not None:
        yield Attempt("with the changes to its code that transformers has for exporting", run(False), patches)
    yield Attempt("in strict mode", run(True))
    yield Attempt("as a draft, where what depends on values was guessed", draft)


def transformers_patches(module):
    """transformers' own replacements for code that cannot be traced; only releases since 5.10 have them."""
    if not type(module).__mro__[0].__module__.startswith("transformers") and not any(
        base.__module__.startswith("transformers") for base in type(module).__mro__
    ):
        return None
    try:
        from transformers.exporters import exporter_dynamo  # noqa: F401  registers them
        from transformers.exporters.utils import apply_patches
    except Exception:  # noqa: BLE001  another release
        return None
    return lambda: apply_patches("dynamo")


def dynamic_shapes(subject, leaves):
    """By argument, nested like the inputs; None when every axis is fixed."""
    if not any(leaf.axes for leaf in leaves):
        return None
    flat, spec = pytree.tree_flatten((subject.args, subject.kwargs))
    entries = [None] * len(flat)
    for leaf in leaves:
        entries[leaf.position] = {axis: Dim.AUTO for axis in leaf.axes} or None
    args, kwargs = pytree.tree_unflatten(entries, spec)
    parameters = list(inspect.signature(subject.module.forward).parameters.values())
    shapes, rest = {}, list(args)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            shapes[parameter.name], rest = tuple(rest), []
        elif rest:
            shapes[parameter.name] = rest.pop(0)
        elif parameter.name in kwargs:
            shapes[parameter.name] = kwargs[parameter.name]
    shapes.update({name: shape for name, shape in kwargs.items() if name not in shapes})
    return shapes


@contextlib.contextmanager
def named_keywords(subject):
    """torch.export wants to see keyword arguments in the signature; behind `**kwargs` it does not find them."""
    signature = inspect.signature(subject.module.forward)
    known = signature.parameters.values()
    extra = [name for name in subject.kwargs if name not in signature.parameters]
    if not extra or not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        yield
        return

    plain = type(subject.module)

    def named(self, *args, **kwargs):
        return plain.forward(self, *args, **kwargs)

    fixed = [parameter for parameter in known if parameter.kind is not parameter.VAR_KEYWORD]
    named.__signature__ = inspect.Signature(
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
            *fixed,
            *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in extra),
        ]
    )
    subject.module.__class__ = same_name(plain, {"forward": named})
    try:
        yield
    finally:
        subject.module.__class__ = plain


def same_name(cls, members):
    """A subclass that calls itself as its base does."""
    return type(cls.__name__, (cls,), {**members, "__module__": cls.__module__, "__qualname__": cls.__qualname__})


@contextlib.contextmanager
def quiet():
    """Failed attempts are told in one line each; torch's own pages about them are not for the user."""
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch._export", "torch.fx", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def in_order(program, leaves):
    """The leaves in the order of the program's inputs."""
    flat = [value for value in pytree.tree_leaves(program.example_inputs) if isinstance(value, torch.Tensor)]
    by_identity = {id(leaf.value): leaf for leaf in leaves}
    found = [by_identity.get(id(value)) for value in flat]
    return found if len(found) == len(leaves) and all(found) else leaves


def user_inputs(program):
    """The placeholders of the inputs in order, None in the place of what is no tensor."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    return [nodes.get(name) if isinstance(name, str) else None for name in program.graph_signature.user_inputs]


def symbols(program, leaves, outputs, talk):
    """torch's symbols by the names that the user gave to axes, and the sizes of those names that turned out fixed. Axes
    without a name get torch's, so that those of one size have one; fixed ones leave the axes, wherever their name stands."""
    names, fixed = {}, {}
    values = [node.meta["val"] for node in user_inputs(program) if node is not None and isinstance(node.meta.get("val"), torch.Tensor)]
    for leaf, value in zip(leaves, values, strict=True):
        for axis, name in list(leaf.axes.items()):
            size = value.shape[axis]
            if not is_open(size):
                fixed.setdefault(name or f"axis {axis} of {leaf.name}", int(size))
                del leaf.axes[axis]
            elif size.node.expr.is_Symbol:
                names.setdefault(str(size.node.expr), name)
                if not name:
                    leaf.axes[axis] = str(size.node.expr)
    for name, size in fixed.items():
        talk.notice(f"the model's code fixes {name} at {size}, though it was to stay open")
    for leaf in leaves:
        leaf.axes = {axis: name for axis, name in leaf.axes.items() if name not in fixed}
    name_results(program, outputs, names)
    return {symbol: name for symbol, name in names.items() if name and name not in fixed}, fixed


def kept_outputs(program, outputs):
    """Without the numbers that the export took as they were: they are no outputs of the program."""
    specs = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    flat = [spec for spec in specs if not (type(spec).__name__ == "ConstantArgument" and spec.value is None)]
    if len(flat) != len(outputs):
        return outputs
    return [leaf for leaf, spec in zip(outputs, flat) if type(spec).__name__ != "ConstantArgument"]


def name_results(program, outputs, names):
    """Sizes that only the outputs have, since they depend on values."""
    results = next(node for node in program.graph.nodes if node.op == "output").args[0]
    wanted = {spec.arg.name for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT" and hasattr(spec.arg, "name")}
    nodes = [node for node in results if node is not None and getattr(node, "name", None) in wanted]
    for leaf, node in zip(outputs, nodes, strict=False):
        shape = getattr(node.meta.get("val"), "shape", ())
        for axis, name in leaf.axes.items():
            if axis < len(shape) and isinstance(shape[axis], torch.SymInt) and shape[axis].node.expr.is_Symbol:
                names.setdefault(str(shape[axis].node.expr), name)
