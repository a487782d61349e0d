"""Programs with dynamic sizes, and inputs of another size than the traced one; needs torch."""

import torch
from op_db_sample import Sample, alike, close, copies, eager, same, save_arrays, save_program, short, targets


def symbols_of(program, count):
    """The sizes of the program's inputs, each an integer or a SymInt, and its symbols' traced values."""
    nodes = [node for node in program.graph.nodes if node.op == "placeholder"]
    shapes = [list(node.meta["val"].shape) for node in nodes[len(nodes) - count:]]
    symbols = {}
    for size in (size for shape in shapes for size in shape if isinstance(size, torch.SymInt)):
        for symbol in size.node.expr.free_symbols:
            symbols[symbol] = int(size.node.shape_env.backed_var_to_val[symbol])
    return shapes, symbols


def grown(inputs, shapes, values):
    """The inputs at the sizes that `values` gives the symbols: their contents, repeated, so that what is an index stays one."""
    results = []
    for tensor, shape in zip(inputs, shapes):
        for axis, size in enumerate(shape):
            if isinstance(size, torch.SymInt):
                wanted = int(size.node.expr.subs(values))
                tensor = tensor.index_select(axis, torch.arange(wanted) % tensor.shape[axis])
        results.append(tensor)
    return [ascending(*pair) for pair in zip(inputs, results)]


def ascending(before, after):
    """Integers that ascended (where rows begin, say) still do."""
    is_list = before.dim() == 1 and not before.is_floating_point() and not before.is_complex() and before.dtype != torch.bool
    return after.sort().values if is_list and before.numel() > 1 and bool((before.diff() >= 0).all()) else after


def is_noise(module, inputs, outputs):
    """Whether PyTorch computes something else in double precision: of a singular matrix, which repetition makes of a regular one."""
    wide = [value.double() if value.dtype == torch.float32 else value for value in inputs]
    try:
        exact = eager(module, wide)
    except Exception:  # noqa: BLE001  it has no kernel for doubles, or a dtype among its arguments
        return False
    exact = [value.to(like.dtype) if isinstance(like, torch.Tensor) else value for value, like in zip(exact, outputs)]
    return not alike(exact, outputs, roughly)


def roughly(one, other):
    if not isinstance(other, torch.Tensor) or not other.is_floating_point():
        return same(one, other)
    size = float(other.abs().double().nan_to_num(posinf=0).mean()) if other.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-2, atol=1e-3 * size, equal_nan=True)



def at_another_size(program, module, folder, record):
    """Saves inputs and outputs at a size that the program allows too; without success the record says so."""
    shapes, symbols = symbols_of(program, len(module.inputs))
    reason = ""
    for change in (lambda value: value + 1, lambda value: value * 2):
        try:
            inputs = grown(module.inputs, shapes, {symbol: change(value) for symbol, value in symbols.items()})
            outputs = eager(module, inputs)
            exported = eager(program.module(), inputs)
        except Exception as error:  # noqa: BLE001
            reason = reason or short(error)
            continue
        if is_noise(module, inputs, outputs):
            reason = reason or "what PyTorch computes of these inputs is rounding noise"
            continue
        if alike(exported, outputs, close):
            save_arrays(folder / f"{record['id']}.grown.npz", inputs, outputs)
            record["dynamic"]["grown"] = [list(value.shape) for value in inputs]
            return
        reason = reason or "the exported program's outputs differ from the operator's"
    record["dynamic"]["no_other_size"] = reason


def capture_dynamic(operator, sample, record, folder):
    """Whether the sample has a program with symbols in its inputs' sizes."""
    module = Sample(operator, ((sample.input, *sample.args), dict(sample.kwargs)))
    if not any(value.dim() for value in module.inputs):
        record["dynamic"] = {"status": "no sizes"}
        return False
    auto = tuple({axis: torch.export.Dim.AUTO for axis in range(value.dim())} or None for value in module.inputs)
    try:
        program = torch.export.export(module, tuple(copies(module.inputs)), strict=False, dynamic_shapes=(auto,))
        _, symbols = symbols_of(program, len(module.inputs))
        if not symbols:
            record["dynamic"] = {"status": "fixed"}
            return False
        save_program(program, folder / f"{record['id']}.dynamic.pt2")
    except Exception as error:  # noqa: BLE001
        record["dynamic"] = {"status": "not exportable", "reason": short(error)}
        return False
    record["dynamic"] = {"status": "ok", "targets": targets(program), "symbols": len(symbols)}
    at_another_size(program, module, folder, record)
    return True
