"""PyTorch's own results, as files beside the program."""

import numpy as np
import torch
from torch.utils import _pytree as pytree

from .dtypes import name_of
from .errors import one_line


def run(module, args, kwargs):
    """The model's outputs; neither its buffers nor the inputs are changed by it."""
    args, kwargs = pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.clone(), (args, kwargs))
    with torch.no_grad(), kept_buffers(module):
        return module(*args, **kwargs)


class kept_buffers:
    """A model that counts its calls in a buffer starts every time from the same count."""

    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.before = {name: buffer.clone() for name, buffer in self.module.named_buffers()}

    def __exit__(self, *_):
        for name, buffer in self.module.named_buffers():
            before = self.before.get(name)
            if before is not None and buffer.shape == before.shape and not torch.equal(buffer, before):
                buffer.copy_(before)


# What NumPy has no type for is kept in one that holds all its values.
WIDER = {torch.bfloat16: torch.float32}


def save(tensor, path):
    """The file's name relative to the folder and the tensor's type."""
    if not isinstance(tensor, torch.Tensor):
        tensor = torch.tensor(tensor)
    array = tensor.detach().cpu()
    if array.is_quantized:
        array = array.dequantize()
    if array.is_sparse:
        array = array.to_dense()
    wide = WIDER.get(array.dtype, torch.float32 if array.dtype.itemsize == 1 and array.dtype.is_floating_point else array.dtype)
    np.save(path, array.to(wide).resolve_conj().resolve_neg().contiguous().numpy(), allow_pickle=False)
    return name_of(tensor.dtype)


def save_case(folder, number, leaves, inputs, results, outputs, sizes):
    """One case's entry in capture.json."""
    place = folder / "reference" / f"case_{number}"
    place.mkdir(parents=True)
    case = {"inputs": [], "outputs": [], "input_types": [], "output_types": [], "sizes": sizes}
    for kind, places, values in (("input", leaves, inputs), ("output", results, outputs)):
        for index, (_, value) in enumerate(zip(places, values, strict=True)):
            path = place / f"{kind}_{index}.npy"
            case[f"{kind}_types"].append(save(value, path))
            case[f"{kind}s"].append(str(path.relative_to(folder)))
    return case


def differs(program, args, kwargs, outputs):
    """Whether the exported program computes something else than the model, and what; empty when it agrees."""
    args, kwargs = pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.clone(), (args, kwargs))
    try:
        with torch.no_grad():
            found = program.module()(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  whatever stops it is what the user wants to know
        return one_line(error)
    for index, (expected, value) in enumerate(zip(pytree.tree_leaves(outputs), pytree.tree_leaves(found), strict=False)):
        if not isinstance(expected, torch.Tensor) or not isinstance(value, torch.Tensor):
            continue
        if expected.shape != value.shape:
            return f"output {index} is {list(value.shape)} instead of {list(expected.shape)}"
        if expected.is_floating_point() and not torch.allclose(expected.double(), value.double(), rtol=1e-2, atol=1e-2, equal_nan=True):
            return f"output {index} differs by {(expected.double() - value.double()).abs().max().item():.3g}"
    return ""
