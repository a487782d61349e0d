"""A loaded model with example inputs: what every kind of input model comes to before it is exported."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.utils import _pytree as pytree

from .io_config import IoConfig, axes_of, flat_shapes
from .leaves import input_leaves


@dataclass
class Subject:
    module: torch.nn.Module
    args: tuple
    kwargs: dict
    io: IoConfig
    # (args, kwargs) for other sizes; None: the example's rows are taken over.
    remake: Callable | None = None
    task: str = ""
    judge: object = None  # whose results are the reference: the module, or the script that it was made of
    program: object = None  # once exported
    fixed: dict = field(default_factory=dict)  # sizes that the export could not leave open

    def __post_init__(self):
        """Keywords stand in the signature's order, as torch.export will have them, and no tensor stands twice."""
        self.judge = self.judge or self.module
        try:
            order = list(inspect.signature(self.module.forward).parameters)
        except (TypeError, ValueError):
            order = []
        place = {name: index for index, name in enumerate(order)}
        self.kwargs = dict(sorted(self.kwargs.items(), key=lambda item: place.get(item[0], len(order))))
        seen = set()

        def once(tensor):
            tensor = tensor.clone() if id(tensor) in seen else tensor
            seen.add(id(tensor))
            return tensor

        self.args, self.kwargs = pytree.tree_map_only(torch.Tensor, once, (self.args, self.kwargs))

    def leaves(self):
        try:
            names = [name for name in inspect.signature(self.module.forward).parameters if name != "self"]
        except (TypeError, ValueError):
            names = []
        return with_axes(input_leaves(self.args, self.kwargs, names, self.io.input_names), self.io)


def with_axes(leaves, io):
    """Puts dynamic_axes (by name) and dynamic_shapes (by name or in order) onto the leaves."""
    by_name = dict(io.dynamic_axes)
    shapes = io.dynamic_shapes
    if isinstance(shapes, dict):
        by_argument = {name: flat_shapes(shape) for name, shape in shapes.items()}
        for argument, flat in by_argument.items():
            inside = [leaf for leaf in leaves if leaf.name == argument or leaf.name.startswith(argument + ".")]
            if len(inside) == len(flat):
                by_name.update({leaf.name: axes for leaf, axes in zip(inside, flat)})
    if shapes and not all(leaf.name in by_name for leaf in leaves):
        flat = flat_shapes(shapes)
        if len(flat) == len(leaves):
            by_name.update({leaf.name: axes for leaf, axes in zip(leaves, flat) if leaf.name not in by_name})
    for leaf in leaves:
        axes = axes_of(by_name.get(leaf.name))
        rank = leaf.value.dim()
        leaf.axes = {axis % rank: name for axis, name in axes.items() if -rank <= axis < rank and name not in io.numbers}
    return leaves
