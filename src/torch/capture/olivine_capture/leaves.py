"""The tensors of nested inputs and outputs, each with a name."""

from dataclasses import dataclass, field

import torch
from torch.utils import _pytree as pytree


@dataclass
class Leaf:
    name: str
    value: object
    position: int  # among all leaves, those that are no tensors included
    axes: dict = field(default_factory=dict)


def path_name(path, separator="."):
    parts = []
    for key in path:
        part = getattr(key, "key", getattr(key, "name", getattr(key, "idx", None)))
        parts.append(str(part))
    return separator.join(parts)


def unique(names):
    """Each name once: a second "logits" is "logits_1"."""
    taken, result = set(), []
    for name in names:
        free, count = name, 0
        while free in taken:
            count += 1
            free = f"{name}_{count}"
        taken.add(free)
        result.append(free)
    return result


def input_leaves(args, kwargs, argument_names, given_names):
    """Tensors of the inputs; io_config's names where they are as many, else argument names and paths."""
    leaves = []
    flat, _ = pytree.tree_flatten_with_path((args, kwargs))
    for position, (path, value) in enumerate(flat):
        if not isinstance(value, torch.Tensor):
            continue
        if path[0].idx == 0:
            index, inner = path[1].idx, path[2:]
            name = argument_names[index] if index < len(argument_names) else f"input_{index}"
        else:
            name, inner = str(path[1].key), path[2:]
        leaves.append(Leaf(name + ("." + path_name(inner) if inner else ""), value, position))
    names = [leaf.name for leaf in leaves]
    if len(given_names) == len(names) and not kwargs:
        names = given_names
    elif len(given_names) == len(names) and set(given_names) != set(names):
        names = given_names
    for leaf, name in zip(leaves, unique(list(names)), strict=True):
        leaf.name = name
    return leaves


def output_leaves(outputs, given_names):
    """Tensors (and numbers that may vary) of what the model returns; names as given, then keys and paths."""
    flat, _ = pytree.tree_flatten_with_path(outputs)
    leaves = [Leaf(path_name(path), value, position) for position, (path, value) in enumerate(flat) if value is not None]
    if len(leaves) == 1 and not leaves[0].name:
        leaves[0].name = "output"
    for leaf in leaves:
        if leaf.name.isdigit() or not leaf.name:
            leaf.name = f"output_{leaf.name}"
    names = [given_names[i] if i < len(given_names) else leaf.name for i, leaf in enumerate(leaves)]
    for leaf, name in zip(leaves, unique(names), strict=True):
        leaf.name = name
    return leaves
