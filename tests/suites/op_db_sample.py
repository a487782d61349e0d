"""A sample of an operator as a module, run, compared and saved; needs torch."""

import os

import numpy as np
import torch
from torch.utils import _pytree as pytree

BITS = {torch.bfloat16: torch.uint16, **{dtype: torch.uint8 for name, dtype in vars(torch).items() if name.startswith("float8_")}}


class Sample(torch.nn.Module):
    """A call of an operator: tensors are inputs wherever they stand, everything else is fixed; outputs are a flat tuple."""

    def __init__(self, operator, arguments):
        super().__init__()
        leaves, self.structure = pytree.tree_flatten(arguments)
        self.operator = operator
        self.places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        self.inputs = [leaves[place].detach() for place in self.places]
        self.fixed = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]

    def forward(self, *tensors):
        leaves = list(self.fixed)
        for place, tensor in zip(self.places, tensors):
            leaves[place] = tensor
        args, kwargs = pytree.tree_unflatten(leaves, self.structure)
        return tuple(pytree.tree_leaves(self.operator(*args, **kwargs)))


def short(error):
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def copies(tensors):
    """Copies with the same strides, so that a sample that writes into its inputs starts anew."""
    return [torch.empty_strided(t.shape, t.stride(), dtype=t.dtype).copy_(t) if t.numel() and not overlaps(t) else t.clone() for t in tensors]


def overlaps(tensor):
    return any(stride == 0 and size > 1 for size, stride in zip(tensor.shape, tensor.stride()))


def eager(module, inputs, seed=0):
    torch.manual_seed(seed)
    with torch.no_grad():
        return module(*copies(inputs))


def same(one, other):
    """Bit by bit, so that NaNs are equal."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return one == other or (one != one and other != other)
    return one.shape == other.shape and one.dtype == other.dtype and as_array(one).tobytes() == as_array(other).tobytes()


def close(one, other):
    if not isinstance(one, torch.Tensor):
        return same(one, other)
    try:
        torch.testing.assert_close(one, other, equal_nan=True)
    except Exception:  # noqa: BLE001  whatever differs
        return same(one, other)
    return True


def alike(ones, others, test):
    return len(ones) == len(others) and all(test(*pair) for pair in zip(ones, others))


def describe(value):
    if isinstance(value, torch.Tensor):
        return {"kind": "tensor", "dtype": str(value.dtype)[6:], "shape": list(value.shape)}
    return {"kind": "none" if value is None else type(value).__name__}


def as_array(value):
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    value = value.detach().resolve_conj().resolve_neg()
    if value.is_complex():
        value = torch.view_as_real(value)
    value = value.clone(memory_format=torch.contiguous_format)  # unlike contiguous(), it gives axes of one element their usual strides
    return (value.view(BITS[value.dtype]) if value.dtype in BITS else value).numpy()


def save_arrays(path, inputs, outputs):
    arrays = {f"input_{number}": as_array(value) for number, value in enumerate(inputs)}
    present = [value for value in outputs if value is not None]
    arrays |= {f"output_{number}": as_array(value) for number, value in enumerate(present)}
    np.savez(path, **arrays)


def save_program(program, path):
    new = path.with_name(f".{path.stem}.{os.getpid()}.pt2")
    torch.export.save(program, str(new))
    new.replace(path)


def targets(program):
    found = set()
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            found |= {target_name(node.target) for node in module.graph.nodes if node.op == "call_function"}
    return sorted(found)


def target_name(target):
    if isinstance(target, (torch._ops.OpOverload, torch._ops.HigherOrderOperator)):
        return str(target)
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__name__', target)}"


def inaccuracy(module, inputs, outputs):
    """How far PyTorch's own outputs lie from those of the same call in double precision, output by output."""
    wider = {torch.float16: torch.float64, torch.bfloat16: torch.float64, torch.float32: torch.float64, torch.complex64: torch.complex128}
    nothing = [0.0] * len(outputs)
    try:
        exact = eager(module, [t.to(wider.get(t.dtype, t.dtype)) for t in inputs])
    except Exception:  # noqa: BLE001  it has no kernel for doubles, or a dtype among its arguments
        return nothing
    if len(exact) != len(outputs):
        return nothing
    return [distance(*pair) for pair in zip(outputs, exact)]


def distance(one, other):
    tensors = isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
    if not tensors or one.shape != other.shape or not one.dtype.is_floating_point or not other.dtype.is_floating_point:
        return 0.0
    difference = (one.double() - other.double()).abs()
    difference = difference[difference.isfinite()]
    return float(difference.max()) if difference.numel() else 0.0
