"""torch.onnx in the place of the native conversion, for operators that it lacks."""

import contextlib
import io

import torch
from torch.utils import _pytree as pytree

from .environment import need
from .errors import CaptureError, one_line
from .exporting import dynamic_shapes, named_keywords, quiet

OLDEST = 18  # what its dynamo exporter writes


def export(subject, leaves, results, options, path, talk):
    need("onnxscript", "onnx onnxscript")
    if not hasattr(torch.onnx, "ONNXProgram"):
        raise CaptureError("config", f"torch.onnx of torch {torch.__version__} cannot export programs", "use a newer torch, or exporter: native")
    talk.progress("exporting with torch.onnx")
    shapes = dynamic_shapes(subject, leaves)
    named = with_names(shapes, leaves, subject)
    # It prints a page a failure; the error says it in a line.
    with quiet(), named_keywords(subject), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        try:
            program = attempt(subject, leaves, results, options, named)
        except Exception as first:  # noqa: BLE001  its errors are of many kinds
            try:
                # A named axis must stay open there; without their names axes may become fixed.
                program = attempt(subject, leaves, results, options, shapes)
            except Exception:  # noqa: BLE001
                cause = first.__cause__ or first
                raise CaptureError("export", f"torch.onnx cannot export the model: {one_line(cause)}", cause=cause) from first
            talk.notice("torch.onnx takes the model only where axes may become fixed, and without their names")
    talk.progress("saving the model")
    program.save(str(path), external_data=True)


def attempt(subject, leaves, results, options, shapes):
    return torch.onnx.export(
        subject.module,
        subject.args,
        kwargs=subject.kwargs,
        dynamic_shapes=shapes,
        opset_version=max(OLDEST, int(options.get("target_opset") or OLDEST)),
        input_names=[leaf.name for leaf in leaves],
        output_names=[leaf.name for leaf in results],
        dynamo=True,
        optimize=options.get("optimize", True),
        verbose=False,
    )


def with_names(shapes, leaves, subject):
    """The same with the user's names, which torch.onnx writes into the model."""
    if shapes is None:
        return None
    names = {}
    for leaf in leaves:
        for axis, name in leaf.axes.items():
            if name:
                names[(leaf.position, axis)] = name
    flat, spec = pytree.tree_flatten((subject.args, subject.kwargs))
    entries = [None] * len(flat)
    for leaf in leaves:
        entries[leaf.position] = {axis: names.get((leaf.position, axis), torch.export.Dim.DYNAMIC) for axis in leaf.axes} or None
    args, kwargs = pytree.tree_unflatten(entries, spec)
    replaced = dict(shapes)
    positional = [name for name in shapes if name not in kwargs]
    replaced.update(zip(positional, args))
    replaced.update(kwargs)
    return replaced
