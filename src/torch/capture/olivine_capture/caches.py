"""Key-value caches of transformers as flat tensors: into a model as past, out of it as present."""

import functools

import torch

from .errors import CaptureError
from .io_config import IoConfig, axes_of


def is_cache(value):
    return hasattr(value, "layers") or hasattr(value, "self_attention_cache")


def flattened(cache):
    """{"0": {"key": …, "value": …}} of a cache, with decoder.key and encoder.key where it has both sides; layers without
    state are left out."""
    if hasattr(cache, "self_attention_cache"):
        own, cross = flattened(cache.self_attention_cache), flattened(cache.cross_attention_cache)
        names = list(dict.fromkeys([*own, *cross]))
        return {
            name: {f"{side}.{part}": tensor for side, layers in (("decoder", own), ("encoder", cross)) for part, tensor in layers.get(name, {}).items()}
            for name in names
        }
    layers = {str(index): layer_state(layer) for index, layer in enumerate(cache.layers)}
    return {index: state for index, state in layers.items() if state}


def layer_state(layer):
    state = {}
    for part, attribute in (("key", "keys"), ("value", "values"), ("indexer_key", "indexer_keys")):
        tensor = getattr(layer, attribute, None)
        if isinstance(tensor, torch.Tensor):
            state[part] = tensor
    for part, attribute in (("conv_state", "conv_states"), ("recurrent_state", "recurrent_states")):
        states = getattr(layer, attribute, None)
        if isinstance(states, torch.Tensor):
            states = {0: states}
        found = {index: tensor for index, tensor in (states or {}).items() if isinstance(tensor, torch.Tensor)}
        for index, tensor in found.items():
            state[part if len(found) == 1 else f"{part}.{index}"] = tensor
    return state


def empty(config):
    """A cache for a model to begin with, whose layers keep all that they are given: the attention mask sees to windows, and
    a layer that cuts itself would fix its length in the program."""
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    if getattr(config, "is_encoder_decoder", False):
        return EncoderDecoderCache(unlimited(DynamicCache()), unlimited(DynamicCache()))
    try:
        return unlimited(DynamicCache(config=config))
    except (AttributeError, KeyError, TypeError):  # no layers in the configuration, or of a kind that only the model knows
        return None


def unlimited(cache):
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    cache.layers = [growing_layer()() if type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) else layer for layer in cache.layers]
    if not cache.layers:
        cache.layer_class_to_replicate = growing_layer()
    return cache


@functools.cache
def growing_layer():
    from transformers.cache_utils import DynamicLayer

    class GrowingLayer(DynamicLayer):
        """Begins with what it is given first, where transformers' own appends that to an empty tensor of rank one."""

        def update(self, key_states, value_states, *args, **kwargs):
            if self.is_initialized:
                return super().update(key_states, value_states, *args, **kwargs)
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self.keys, self.values = key_states, value_states
            return self.keys, self.values

    return GrowingLayer


def rebuilt(past, config):
    """A cache of transformers that holds these tensors, laid out as `flattened` gives them."""
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    if any(part.startswith("encoder.") for state in past.values() for part in state):
        own = {name: side(state, "decoder.") for name, state in past.items()}
        cross = {name: side(state, "encoder.") for name, state in past.items()}
        # Cross-attention layers that hold something tell the model that the encoder's keys are there already.
        return EncoderDecoderCache(attention_only(own), attention_only(cross))
    if all(set(state) <= {"key", "value"} for state in past.values()) and [int(name) for name in past] == list(range(len(past))):
        return attention_only(past)
    cache = unlimited(DynamicCache(config=config))
    for name, state in past.items():
        fill(cache.layers[int(name)], state)
    return cache


def attention_only(past):
    from transformers.cache_utils import DynamicCache

    cache = unlimited(DynamicCache())
    for index, state in enumerate(past.values()):
        cache.update(state["key"], state["value"], index)
    return cache


def side(state, prefix):
    return {part.removeprefix(prefix): tensor for part, tensor in state.items() if part.startswith(prefix)}


def fill(layer, state):
    if "key" in state:
        # Not through update(), which a layer of two kinds reads as its other kind.
        layer.keys, layer.values, layer.is_initialized = state["key"], state["value"], True
        layer.dtype, layer.device = state["key"].dtype, state["key"].device
    for part, states, ready in (
        ("conv_state", "conv_states", "is_conv_states_initialized"),
        ("recurrent_state", "recurrent_states", "is_recurrent_states_initialized"),
    ):
        for name, tensor in state.items():
            if not name.startswith(part):
                continue
            index = int(name.rpartition(".")[2]) if "." in name else 0
            # The layer writes into it, and an input stays as it is.
            getattr(layer, states)[index] = tensor.clone()
            getattr(layer, ready)[index] = True
            layer.has_previous_state[index] = True
            layer.dtype, layer.device = tensor.dtype, tensor.device
            if part == "conv_state":
                layer.conv_kernel_size[index] = tensor.shape[-1]


def add_flat_cache(io: IoConfig, attributes):
    """io_config's kv_cache: past_key_values.N.key and .value in, present.N.key and .value out."""
    given = io.kv_cache if isinstance(io.kv_cache, dict) else {}

    def of(*names, default=None):
        for place in (given, attributes):
            for name in names:
                if place.get(name):
                    return place[name]
        return default

    layers = of("num_hidden_layers", "n_layer", "num_layers")
    heads = of("num_attention_heads", "n_head", "num_heads")
    width = of("hidden_size", "n_embd", "d_model")
    if not layers or not heads or not width:
        raise CaptureError("config", "io_config's kv_cache needs num_hidden_layers, num_attention_heads and hidden_size", "give them in kv_cache or model_attributes")
    lengths = {name: shape for name, shape in zip(io.input_names, io.input_shapes)}
    batch = given.get("batch_size") or (lengths["input_ids"][0] if "input_ids" in lengths else 1)
    past = given.get("past_sequence_length") or (
        lengths["attention_mask"][1] - lengths["input_ids"][1] if {"input_ids", "attention_mask"} <= set(lengths) else 0)
    kv_heads = given.get("num_key_value_heads") or attributes.get("num_key_value_heads") or heads
    shape = [batch, kv_heads // given.get("world_size", 1), past, width // heads]
    sequence = str(given.get("sequence_length_idx", 2))
    past_axes = given.get("past_kv_dynamic_axis") or {"0": "batch_size", sequence: "past_sequence_length"}
    present_axes = given.get("present_kv_dynamic_axis") or {"0": "batch_size", sequence: "past_sequence_length + sequence_length"}
    for index in range(layers):
        for part in ("key", "value"):
            into = given.get(f"ort_past_{part}_name", f"past_key_values.<id>.{part}").replace("<id>", str(index))
            out = given.get(f"ort_present_{part}_name", f"present.<id>.{part}").replace("<id>", str(index))
            if into not in io.input_names:
                io.input_names.append(into)
                io.input_shapes.append(list(shape))
                if io.input_types:
                    io.input_types.append(given.get("dtype", "float32"))
            if out not in io.output_names:
                io.output_names.append(out)
            io.dynamic_axes.setdefault(into, axes_of(past_axes))
            io.dynamic_axes.setdefault(out, axes_of(present_axes))
