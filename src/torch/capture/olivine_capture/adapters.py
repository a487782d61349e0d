"""LoRA adapters, merged into the weights that they change: by peft where it is installed, else here."""

import json
import math
from pathlib import Path

import torch

from .environment import has, need
from .errors import CaptureError, one_line

PREFIX = "base_model.model."


def merge(module, folder, talk):
    place = Path(folder)
    if not (place / "adapter_config.json").exists():
        raise CaptureError("config", f"adapter_path: there is no adapter_config.json in '{folder}'")
    talk.progress("merging the adapter")
    if has("peft"):
        try:
            return need("peft").PeftModel.from_pretrained(module, str(place)).merge_and_unload()
        except CaptureError:
            raise
        except Exception as error:  # noqa: BLE001
            raise CaptureError("config", f"peft does not load the adapter in '{folder}': {one_line(error)}", cause=error) from error
    config = json.loads((place / "adapter_config.json").read_text())
    check(config)
    with torch.no_grad():
        apply(module, weights(place), config)
    return module


def check(config):
    kind = config.get("peft_type", "LORA")
    odd = [name for name in ("use_dora", "use_qalora", "lora_bias") if config.get(name)]
    if kind == "LORA" and not odd:
        return
    what = f"an adapter with {', '.join(odd)}" if odd else f"an adapter of type {kind}"
    raise CaptureError("config", f"{what} is merged by peft only", "install it with: python -m pip install peft")


def weights(place):
    if (place / "adapter_model.safetensors").exists():
        return need("safetensors.torch", "safetensors").load_file(place / "adapter_model.safetensors")
    if (place / "adapter_model.bin").exists():
        return torch.load(place / "adapter_model.bin", map_location="cpu", weights_only=True)
    raise CaptureError("config", f"there is neither adapter_model.safetensors nor adapter_model.bin in '{place}'")


def apply(module, tensors, config):
    used = set()
    for name, down in tensors.items():
        for kind, other in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
            if not name.endswith("." + kind):
                continue
            target = name.removeprefix(PREFIX).removesuffix("." + kind)
            up = tensors.get(name.removesuffix(kind) + other)
            if up is None:
                raise CaptureError("config", f"the adapter has {name}, but not its {other}")
            add(layer(module, target), target, down, up, config, embedding=kind != "lora_A.weight")
            used |= {name, name.removesuffix(kind) + other}
    own = dict(module.named_parameters())
    for name in set(tensors) - used:
        # Layers that were trained whole (modules_to_save) replace the model's.
        target = name.removeprefix(PREFIX).replace(".modules_to_save.default", "").replace(".original_module", "")
        if target not in own or own[target].shape != tensors[name].shape:
            raise CaptureError("config", f"the adapter has {name}, for which the model has no place")
        own[target].copy_(tensors[name])
    if not used:
        raise CaptureError("config", "the adapter has no LoRA weights")


def layer(module, target):
    try:
        return module.get_submodule(target)
    except AttributeError as error:
        raise CaptureError("config", f"the adapter changes {target}, which the model does not have", "is it an adapter of this model?") from error


def scale(config, target, rank):
    alpha = by_pattern(config.get("alpha_pattern"), target, config.get("lora_alpha", rank))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def by_pattern(patterns, target, default):
    for pattern, value in (patterns or {}).items():
        if target == pattern or target.endswith("." + pattern):
            return value
    return default


def add(place, target, down, up, config, embedding):
    """W += B·A·scale, in the precision of the adapter."""
    factor = scale(config, target, down.shape[0])
    if down.dim() > 2:
        change = torch.einsum("or,ri...->oi...", up.flatten(1).double(), down.double())
    else:
        change = up.double() @ down.double()
    if embedding or config.get("fan_in_fan_out"):
        change = change.T
    if change.shape != place.weight.shape and change.T.shape == place.weight.shape:
        change = change.T
    if change.shape != place.weight.shape:
        raise CaptureError("config", f"the adapter's change of {target} is {list(change.shape)}, the weight {list(place.weight.shape)}")
    place.weight.copy_(place.weight.double() + factor * change)
