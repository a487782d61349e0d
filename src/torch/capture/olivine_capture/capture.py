"""From a request to the files that stand for the model."""

import json
import random
import sys

import torch
from torch.utils import _pytree as pytree

from . import exporting, reference, torchscript
from .dtypes import dtype_of, name_of
from .environment import need
from .errors import CaptureError
from .io_config import axes_of
from .leaves import output_leaves
from .script import as_script_error
from .sizes import at_sizes, proposals, rebuilt, resized, traced_sizes

SMALLEST = 2  # torch.export takes sizes of zero and one for special


def capture(request, folder, talk):
    model, options = request["model"], request.get("options") or {}
    seed()
    subject = load(model, options, talk)
    prepare(subject, options)
    if torchscript.is_script(subject.module):
        subject.judge = subject.module
        subject.module, subject.args, subject.kwargs = torchscript.as_module(subject, talk), (*subject.args, *subject.kwargs.values()), {}
    leaves = subject.leaves()
    if options.get("dynamic") is False:
        for leaf in leaves:
            leaf.axes = {}
    talk.progress("running the model")
    outputs = run_widened(subject, leaves)
    results = output_leaves(outputs, subject.io.output_names)
    for leaf in results:
        leaf.axes = axes_of(subject.io.dynamic_axes.get(leaf.name))
    record = describe(subject, leaves, results, options)
    if options.get("exporter") == "torch.onnx":
        from .onnx_export import export

        export(subject, leaves, results, options, folder / "model.onnx", talk)
        record["onnx"] = "model.onnx"
    else:
        write_program(subject, leaves, results, outputs, folder, record, talk)
    record["cases"] = cases(subject, leaves, results, outputs, folder, record, talk)
    record["notices"] = talk.notices
    (folder / "capture.json").write_text(json.dumps(record, indent=2))


def seed():
    random.seed(0)
    torch.manual_seed(0)


def load(model, options, talk):
    kind = str(model.get("type", "")).lower()
    config = {**{key: value for key, value in model.items() if key not in ("type", "config")}, **(model.get("config") or {})}
    if kind == "hfmodel":
        from .hf_model import load as load_hf

        return load_hf(config, options, talk)
    if kind == "pytorchmodel":
        from .pytorch_model import load as load_pytorch

        return load_pytorch(config, options, talk)
    raise CaptureError("config", f"an input_model of type {model.get('type')} is not captured")


def prepare(subject, options):
    """Evaluation mode, the type and the device asked for."""
    subject.module.eval()
    if not torchscript.is_script(subject.module):
        subject.module.requires_grad_(False)
    dtype = dtype_of(options["torch_dtype"], "torch_dtype") if options.get("torch_dtype") else None
    device = device_of(options.get("device"))
    if dtype is not None:
        subject.module.to(dtype)
    if device.type != "cpu":
        subject.module.to(device)

    def fit(tensor):
        return tensor.to(device=device, dtype=dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype)

    fit_to_module(subject, fit)


def fit_to_module(subject, fit):
    remake = subject.remake
    subject.args, subject.kwargs = pytree.tree_map_only(torch.Tensor, fit, (subject.args, subject.kwargs))
    if remake is not None:
        subject.remake = lambda sizes: pytree.tree_map_only(torch.Tensor, fit, remake(sizes))


def device_of(name):
    device = {"gpu": "cuda", None: "cpu", "": "cpu"}.get(name, name)
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except Exception as error:  # noqa: BLE001  how an absent device shows depends on the device
        raise CaptureError("config", f"device: torch cannot use '{name}' here") from error
    return found


def run_widened(subject, leaves):
    """The outputs, with open axes of size one grown where the model takes that."""
    before = [leaf.value for leaf in leaves]
    if not widen(subject, leaves):
        return run(subject)
    try:
        return run(subject)
    except CaptureError:
        # The axes may belong to others in a way that their names don't tell.
        put(subject, leaves, before)
        return run(subject)


def widen(subject, leaves):
    """Open axes of size one grow: all of one name together, where each of them is that small. Whether any did."""
    named = {}
    for leaf in leaves:
        for axis, name in leaf.axes.items():
            named.setdefault(name or (leaf.name, axis), []).append((leaf, axis))
    small = {name: places for name, places in named.items() if all(leaf.value.shape[axis] == 1 for leaf, axis in places)}
    if not small:
        return False
    inputs = arguments_at(subject, leaves, {**traced_sizes(leaves), **{name: SMALLEST for name in small if isinstance(name, str)}})
    values = dict(zip(map(id, leaves), chosen(leaves, inputs), strict=True))
    for places in small.values():
        for leaf, axis in places:
            values[id(leaf)] = resized(values[id(leaf)], axis, SMALLEST)
    put(subject, leaves, [values[id(leaf)] for leaf in leaves])
    return True


def put(subject, leaves, values):
    for leaf, value in zip(leaves, values, strict=True):
        leaf.value = value
    subject.args, subject.kwargs = rebuilt((subject.args, subject.kwargs), leaves, values)


def run(subject):
    try:
        return reference.run(subject.judge, subject.args, subject.kwargs)
    except Exception as error:  # noqa: BLE001
        raise as_script_error(error, "the model raises when it is run on its example inputs") from error


def describe(subject, leaves, results, options):
    types = {parameter.dtype for parameter in subject.module.parameters() if parameter.is_floating_point()}
    record = {
        "input_names": [leaf.name for leaf in leaves],
        "output_names": [leaf.name for leaf in results],
        "torch": torch.__version__,
        "torch_dtype": name_of(next(iter(types))) if len(types) == 1 else None,
        "model_class": type(subject.module).__name__,
        "task": subject.task or None,
    }
    if "transformers" in sys.modules:
        record["transformers"] = need("transformers").__version__
    return record


def write_program(subject, leaves, results, outputs, folder, record, talk):
    program = exporting.export(subject, leaves, talk)
    leaves[:] = exporting.in_order(program, leaves)
    record["input_names"] = [leaf.name for leaf in leaves]
    results[:] = exporting.kept_outputs(program, results)
    record["output_names"] = [leaf.name for leaf in results]
    record["symbols"], subject.fixed = exporting.symbols(program, leaves, results, talk)
    subject.program = program
    talk.progress("saving the program")
    torch.export.save(program, folder / "model.pt2")


def cases(subject, leaves, results, outputs, folder, record, talk):
    talk.progress("recording reference outputs")
    sizes = traced_sizes(leaves)
    found = [reference.save_case(folder, 0, leaves, [leaf.value for leaf in leaves], results, chosen(results, outputs), sizes)]
    reason = ""
    for other in proposals(sizes):
        inputs = arguments_at(subject, leaves, {**subject.fixed, **other})
        try:
            again = reference.run(subject.judge, *inputs)
        except Exception as error:  # noqa: BLE001
            reason = reason or str(error).strip().partition("\n")[0]
            continue
        found.append(reference.save_case(folder, 1, leaves, chosen(leaves, inputs), results, chosen(results, again), other))
        check(subject, inputs, again, other, talk)
        return found
    if sizes:
        talk.notice(f"the model itself takes no other sizes than {told(sizes)} ({reason}); only these are compared")
    return found


def arguments_at(subject, leaves, sizes):
    """The example inputs at other sizes: made anew where that can be, else from the example's rows."""
    inputs = subject.remake(sizes) if subject.remake is not None else (subject.args, subject.kwargs)
    return rebuilt(inputs, leaves, at_sizes(leaves, chosen(leaves, inputs), sizes))


def chosen(leaves, nest):
    flat = pytree.tree_leaves(nest)
    return [flat[leaf.position] for leaf in leaves]


def told(sizes):
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def check(subject, inputs, outputs, sizes, talk):
    program = getattr(subject, "program", None)
    if program is None:
        return
    wrong = reference.differs(program, *inputs, outputs)
    if wrong:
        talk.notice(f"the exported program does not stay true to the model at {told(sizes)}: {wrong}")
