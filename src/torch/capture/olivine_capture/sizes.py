"""Sizes of open axes: their names, which may be sums, and other values for them than the traced ones."""

import ast
import operator

import torch
from torch.utils import _pytree as pytree

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}


def evaluate(name, sizes):
    """The size that "past_sequence_length + sequence_length" comes to, or None where a part isn't known."""

    def value(node):
        if isinstance(node, ast.Expression):
            return value(node.body)
        if isinstance(node, ast.Name):
            return sizes.get(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, right = value(node.left), value(node.right)
            return None if left is None or right is None else OPERATORS[type(node.op)](left, right)
        return None

    if not name or name in sizes:
        return sizes.get(name)
    try:
        return value(ast.parse(name, mode="eval"))
    except SyntaxError:
        return None


def is_plain(name):
    return name.isidentifier()


def traced_sizes(leaves):
    """The size of every name that isn't an expression, as the example inputs have it."""
    sizes = {}
    for leaf in leaves:
        for axis, name in leaf.axes.items():
            if is_plain(name):
                sizes.setdefault(name, leaf.value.shape[axis])
    return sizes


def another(size):
    """Nearby, and still a multiple of 32 where pictures want that."""
    if size >= 1000:
        return size * 3 // 4
    if size >= 32 and size % 32 == 0:
        return size - 32 if size > 64 else size + 32
    return size + 1 if size < 8 else size - size // 3


def proposals(sizes):
    """Other sizes, the boldest first: a model may not take each of them."""
    if not sizes:
        return []
    first = next(iter(sizes))
    return [
        {name: another(size) for name, size in sizes.items()},
        {name: 2 * size for name, size in sizes.items()},
        {name: another(size) if name == first else size for name, size in sizes.items()},
    ]


def resized(tensor, axis, size):
    """The same rows, over again where there are too few."""
    if tensor.shape[axis] == size:
        return tensor
    if tensor.shape[axis] == 0:
        shape = list(tensor.shape)
        shape[axis] = size
        return tensor.new_zeros(shape)
    index = torch.arange(size, device=tensor.device) % tensor.shape[axis]
    return tensor.index_select(axis, index)


def at_sizes(leaves, values, sizes):
    """The leaves' values at these sizes."""
    result = []
    for leaf, value in zip(leaves, values, strict=True):
        for axis, name in leaf.axes.items():
            size = evaluate(name, sizes)
            if size is not None:
                value = resized(value, axis, size)
        result.append(value)
    return result


def rebuilt(structure, leaves, values):
    """(args, kwargs) again, with other tensors in the place of the leaves'."""
    flat, spec = pytree.tree_flatten(structure)
    for leaf, value in zip(leaves, values, strict=True):
        flat[leaf.position] = value
    return pytree.tree_unflatten(flat, spec)
