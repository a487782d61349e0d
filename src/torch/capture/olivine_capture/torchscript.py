"""TorchScript to a module that torch.export takes, by torch's own converter."""

import torch

from .errors import CaptureError, one_line


def as_module(subject, talk):
    """A module of plain operators that computes the same."""
    from torch._export.converter import TS2EPConverter

    talk.progress("reading the TorchScript")
    try:
        return TS2EPConverter(subject.module, (*subject.args, *subject.kwargs.values()), {}).convert().module()
    except Exception as error:  # noqa: BLE001  the converter raises many kinds
        raise CaptureError(
            "export",
            f"torch.export cannot take over this TorchScript: {one_line(error)}",
            "give the model's Python code with model_script and model_loader instead",
            cause=error,
        ) from error


def is_script(module):
    return isinstance(module, (torch.jit.ScriptModule, torch.jit.ScriptFunction))
