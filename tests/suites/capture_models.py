#!/usr/bin/env python3
"""Captures small models with random weights by the worker's own code: capture_models.py [--torch-onnx] FOLDER [NAME…].

Needs torch and transformers (`scripts/setup torch`). FOLDER/NAME gets what the worker leaves; a NAME that is there is left alone,
FOLDER/failures.json tells which ones could not be captured. With --torch-onnx it is torch.onnx that converts them, for comparison;
its failures are FOLDER/NAME/error.txt.
"""

import gc
import json
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src/torch/capture")]

import torch  # noqa: E402
import transformers as tf  # noqa: E402
from families import FAMILIES  # noqa: E402
from olivine_capture.capture import capture  # noqa: E402
from olivine_capture.environment import go_offline  # noqa: E402
from olivine_capture.errors import CaptureError  # noqa: E402


class Notes:
    """The worker's talk, kept."""

    def __init__(self):
        self.notices = []

    def progress(self, what):
        pass

    def notice(self, text):
        if text not in self.notices:
            self.notices.append(text)


def save_family(name, folder):
    """A checkpoint with random weights, as a user would have it."""
    cls, settings, task = FAMILIES[name]
    cls = getattr(tf, cls)
    torch.manual_seed(0)
    model = cls(cls.config_class(**settings)).eval()
    shake(model, LOUD.get(name, 0.05))
    model.save_pretrained(folder)
    return {"type": "HfModel", "model_path": str(folder), "task": task}


# Whose choices among queries would hang on the last bit otherwise.
LOUD = {"rt_detr": 0.15}


def shake(model, size):
    """Fresh weights are so small, or all zeros or ones, that much of what a model computes would not show in its outputs."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point() and parameter.numel() > 1 and parameter.std() < size:
                parameter.add_(size * torch.randn(parameter.shape, generator=generator))


def hand_written():
    import torch_models

    return torch_models.AXES


def script_request(name):
    import torch_models

    return {
        "type": "PyTorchModel",
        "model_script": str(HERE / "torch_models.py"),
        "model_loader": f"make_{name}",
        "dummy_inputs_func": f"inputs_{name}",
        "io_config": {"input_names": list(torch_models.AXES[name]), "output_names": [], "dynamic_axes": torch_models.AXES[name]},
    }


def run(name, target, options=None):
    """The message of the failure, or nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "out"
        work.mkdir()
        try:
            model = script_request(name.removeprefix("nn_")) if name.startswith("nn_") else save_family(name, Path(scratch) / "checkpoint")
            capture({"model": model, "options": options or {}}, work, Notes())
        except CaptureError as error:
            return error.message + ("\n" + error.to_json().get("traceback", "") if error.cause else "")
        except Exception:  # noqa: BLE001  a family that cannot even be made is told, too
            return traceback.format_exc()
        finally:
            torch._dynamo.reset()
            gc.collect()
        shutil.move(work, target)
    return None


def names():
    return [*FAMILIES, *(f"nn_{name}" for name in hand_written())]


def main():
    arguments = sys.argv[1:]
    peer = "--torch-onnx" in arguments
    folder, *chosen = [argument for argument in arguments if argument != "--torch-onnx"]
    folder = Path(folder)
    options = {"exporter": "torch.onnx", "target_opset": 20} if peer else {}
    folder.mkdir(parents=True, exist_ok=True)
    go_offline()
    warnings.simplefilter("ignore")
    tf.logging.set_verbosity_error()
    tf.utils.logging.disable_progress_bar()
    record = folder / "failures.json"
    failures = json.loads(record.read_text()) if record.exists() else {}
    for name in chosen or names():
        target = folder / name
        if target.exists():
            continue
        message = run(name, target, options)
        if message and peer:
            target.mkdir()
            (target / "error.txt").write_text(message)
        failures.pop(name, None)
        if message:
            failures[name] = message
        print(f"{name}: {(message or 'captured').splitlines()[0]}", flush=True)
        record.write_text(json.dumps(failures, indent=2))


if __name__ == "__main__":
    main()
