"""TorchScript to an exported program, by torch's own converter."""

import torch

from .errors import CaptureError, one_line


def export(subject, talk):
    """The program, fixed at the example's sizes: a trace has no notion of open axes."""
    from torch._export.converter import TS2EPConverter

    talk.progress("exporting from TorchScript")
    args = (*subject.args, *subject.kwargs.values())
    try:
        program = TS2EPConverter(subject.module, args, {}).convert()
    except Exception as error:  # noqa: BLE001  the converter raises many kinds
        raise CaptureError(
            "export",
            f"torch.export cannot take over this TorchScript: {one_line(error)}",
            "give the model's Python code with model_script and model_loader instead",
            cause=error,
        ) from error
    if any(leaf.axes for leaf in subject.leaves()):
        talk.notice("the TorchScript was taken over with all sizes fixed as in the example inputs; open axes need the model's Python code")
    return program


def is_script(module):
    return isinstance(module, (torch.jit.ScriptModule, torch.jit.ScriptFunction))
