"""Captures a PyTorch model as an exported program: `python -m olivine_capture REQUEST.json`.

The request names a model as a workflow's `input_model` does. What is left in its folder:

    model.pt2            the program, as torch.export.save writes it (or model.onnx, when torch.onnx was asked for)
    capture.json         names of inputs and outputs, names of symbolic sizes, notices, the cases below
    reference/case_N/    inputs and PyTorch's own outputs as .npy: at the traced size and at another one
    error.json           instead of these, when it failed

The standard output has one JSON object a line: {"progress": "…"}. Whatever a model or script prints goes to the standard error.
"""
