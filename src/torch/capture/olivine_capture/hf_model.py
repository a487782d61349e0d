"""HfModel: a folder of transformers' and a task."""

import inspect
import os
from pathlib import Path

import torch

from . import caches, tasks
from .dtypes import dtype_of
from .environment import need
from .errors import CaptureError, one_line
from .exporting import same_name
from .io_config import IoConfig, read_io_config
from .pytorch_model import by_shapes, with_nested_past
from .script import as_script_error
from .sizes import evaluate
from .subject import Subject

# Of load_kwargs: what is not simply handed on to from_pretrained.
HANDLED = {"device_map", "max_memory", "quantization_method", "quantization_config", "extra_args", "torch_dtype", "dtype", "trust_remote_code"}


def load(model, options, talk):
    path = model.get("model_path")
    if not path or not os.path.isdir(path):
        raise CaptureError("config", f"there is no folder '{path}'", "give the path of a local folder: nothing is fetched from a model hub")
    if not (Path(path) / "config.json").exists():
        raise CaptureError("config", f"the folder '{path}' has no config.json, so it is no model of transformers")
    talk.progress("importing transformers")
    transformers = need("transformers")
    transformers.logging.set_verbosity_error()
    keywords = load_keywords(model.get("load_kwargs") or {}, talk)
    config = load_config(transformers, path, keywords)
    given = model.get("task")
    task, with_past = tasks.canonical(given or tasks.task_of(config))
    talk.progress("loading the model")
    module = load_module(transformers, path, config, task, given, keywords, talk)
    if model.get("adapter_path"):
        from .adapters import merge

        module = merge(module, model["adapter_path"], talk)
    module.eval()
    if model.get("io_config"):
        return by_io_config(module, read_io_config(model["io_config"], options.get("dynamic") is not False), model, options, with_past)
    plan = tasks.Plan(module, config, task)
    if not plan.shapes:
        raise CaptureError("config", f"what inputs {type(module).__name__} has for the task {task} is not known", "give io_config with input_names, input_shapes and output_names")
    return by_task(module, config, task, with_past, plan, talk)


def load_keywords(given, talk):
    keywords = {key: value for key, value in given.items() if key not in HANDLED and value is not None}
    keywords.update(given.get("extra_args") or {})
    dtype = given.get("torch_dtype") or given.get("dtype")
    if dtype:
        keywords["dtype"] = dtype if dtype == "auto" else dtype_of(dtype, "load_kwargs' torch_dtype")
    if given.get("trust_remote_code"):
        keywords["trust_remote_code"] = True
    if given.get("quantization_method") or given.get("quantization_config"):
        raise CaptureError("config", "load_kwargs asks for a quantized model, whose operators ONNX does not have", "convert the unquantized model, then quantize it")
    for key in ("device_map", "max_memory"):
        if given.get(key):
            talk.notice(f"load_kwargs: {key} is without effect, the pass's option device says where the model runs")
    return keywords


def load_config(transformers, path, keywords):
    chosen = {key: value for key, value in keywords.items() if key in ("trust_remote_code", "revision")}
    try:
        return transformers.AutoConfig.from_pretrained(path, **chosen)
    except ImportError as error:
        raise CaptureError("import", f"transformers needs a package for this model: {one_line(error)}", cause=error) from error
    except Exception as error:  # noqa: BLE001
        raise CaptureError("config", f"transformers does not read the configuration in '{path}': {one_line(error)}") from error


def classes_of(transformers, config, task, given):
    """The checkpoint's own class when no task is given, else the task's auto classes."""
    own = getattr(transformers, (getattr(config, "architectures", None) or [""])[0], None)
    if not given and own is not None:
        return [own]
    names = tasks.TASKS.get(task, ((), None))[0]
    if not names:
        known = ", ".join(sorted(tasks.TASKS))
        raise CaptureError("config", f"there is no task '{task}'", f"the tasks are {known}, some of them with -with-past")
    found = [getattr(transformers, name) for name in names if hasattr(transformers, name)]
    return found or [transformers.AutoModel]


def load_module(transformers, path, config, task, given, keywords, talk):
    failures = []
    for cls in classes_of(transformers, config, task, given):
        try:
            module, info = cls.from_pretrained(path, output_loading_info=True, **keywords)
        except ImportError as error:
            raise CaptureError("import", f"transformers needs a package for this model: {one_line(error)}", cause=error) from error
        except Exception as error:  # noqa: BLE001  the next class may take it
            failures.append((cls, error))
            continue
        missing = sorted(info.get("missing_keys") or ())
        if missing:
            shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            talk.notice(f"the checkpoint lacks weights of {type(module).__name__}, which are random now: {shown}")
        return module
    cls, error = failures[0]
    raise CaptureError("config", f"{cls.__name__} does not load '{path}' for the task {task}: {one_line(error)}", cause=error)


def by_task(module, config, task, with_past, plan, talk):
    """Inputs, outputs and open axes by the task, as Olive names them."""
    caching = task in ("text-generation", "text2text-generation") or with_past
    module = in_task_form(module, caching)
    past = Past(module, config, plan, talk) if with_past else None
    io = IoConfig(dynamic_axes=plan.axes())

    def make(sizes, pad=False):
        values = plan.make(sizes, evaluate, pad)
        return (), past.add(values, sizes) if past else values

    args, kwargs = make(dict(tasks.TRACED))
    subject = Subject(module, args, kwargs, io, remake=lambda sizes: make({**tasks.TRACED, **sizes}, pad=True), task=task + ("-with-past" if with_past else ""))
    name_past(subject)
    return subject


class Past:
    """What the model remembers of earlier tokens, as inputs: made by running it over as many tokens as the past is long."""

    def __init__(self, module, config, plan, talk):
        self.module, self.plan = module, plan
        self.beside_encoder = getattr(config, "is_encoder_decoder", False)
        if self.beside_encoder:
            self._take_encoder_states()
            return
        parts = {part.partition(".")[0] for state in self._remembered({}, tasks.TRACED).values() for part in state}
        if parts - {"key", "value", "indexer_key"}:
            # Such states are for the next token; code for several at once starts over.
            talk.notice("this model's past is a state that takes one token a step: sequence_length is 1")
            plan.shapes = {name: tuple(1 if dim == "sequence_length" else dim for dim in shape) for name, shape in plan.shapes.items()}
        if "key" in parts and "attention_mask" in plan.shapes:
            new = plan.shapes["attention_mask"][1]
            plan.shapes["attention_mask"] = ("batch_size", f"past_sequence_length + {new}")

    def _take_encoder_states(self):
        """A decoder beside an encoder takes the encoder's result instead of its input."""
        shapes = {"attention_mask": ("batch_size", "encoder_sequence_length")} if "attention_mask" in self.plan.parameters else {}
        self.plan.shapes = {
            **shapes,
            "decoder_input_ids": self.plan.shapes["decoder_input_ids"],
            "encoder_hidden_states": ("batch_size", "encoder_sequence_length", self.plan.fixed["hidden"]),
        }

    def _remembered(self, values, sizes):
        batch, past = sizes["batch_size"], sizes["past_sequence_length"]
        tokens = (torch.arange(batch * past).reshape(batch, past) * 7 + 3) % self.plan.vocabulary
        first = {"input_ids": tokens}
        if self.beside_encoder:
            first = {**values, "decoder_input_ids": tokens}
        else:
            if "attention_mask" in self.plan.shapes:
                first["attention_mask"] = torch.ones_like(tokens)
            if "position_ids" in self.plan.shapes:
                first["position_ids"] = torch.arange(past).expand(tokens.shape).contiguous()
        try:
            with torch.no_grad():
                present = self.module(**first).get("present")
        except Exception as error:  # noqa: BLE001
            raise as_script_error(error, "the model raises when it is run over past tokens") from error
        if not present:
            raise CaptureError("config", f"{type(self.module).__name__} remembers nothing, so it has no -with-past", "drop -with-past from the task")
        return present

    def add(self, values, sizes):
        if "position_ids" in values:
            values["position_ids"] = values["position_ids"] + sizes["past_sequence_length"]
        present = self._remembered(values, sizes)
        values["past_key_values"] = {name: {part: tensor.clone() for part, tensor in state.items()} for name, state in present.items()}
        return values


def name_past(subject):
    """Olive's axes for past and present."""
    for leaf in subject.leaves():
        if leaf.name.startswith("past_key_values."):
            growing = leaf.name.rpartition(".")[2] in ("key", "value")
            length = "encoder_sequence_length" if ".encoder." in leaf.name else "past_sequence_length"
            subject.io.dynamic_axes[leaf.name] = {0: "batch_size", 2: length} if growing else {0: "batch_size"}


def in_task_form(module, caching):
    """The same module, whose forward takes and returns plain tensors under the names that the ONNX model will have.

    Its class changes, not its place in a wrapper: parameters keep the names that they have in the checkpoint."""
    plain = type(module)
    parameters = inspect.signature(plain.forward).parameters
    # Mamba and its kin call it otherwise.
    cache_argument = next((name for name in ("past_key_values", "cache_params") if name in parameters), None)
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def forward(self, **inputs):
        past = inputs.pop("past_key_values", None)
        states = inputs.pop("encoder_hidden_states", None)
        if states is not None:
            inputs["encoder_outputs"] = encoder_outputs(states)
        if past is not None:
            inputs[cache_argument] = caches.rebuilt(past, self.config)
        elif caching and cache_argument == "past_key_values":
            inputs[cache_argument] = caches.empty(self.config)
        # Where the configuration says the same it goes unsaid: some models hand it to parts that take no cache.
        wanted = "use_cache" in parameters or (open_ended and cache_argument)
        if wanted and caching != getattr(self.config, "use_cache", None):
            inputs["use_cache"] = caching
        if "return_dict" in parameters or open_ended:
            inputs["return_dict"] = True
        return plain_outputs(plain.forward(self, **inputs))

    module.__class__ = same_name(plain, {"forward": forward})
    return module


def encoder_outputs(states):
    from transformers.modeling_outputs import BaseModelOutput

    return BaseModelOutput(last_hidden_state=states)


def plain_outputs(outputs):
    """Tensors and tuples of them by name; a cache is `present`, and outputs of parts of the model go."""
    if not hasattr(outputs, "items"):
        return outputs
    found = {}
    for name, value in outputs.items():
        if caches.is_cache(value):
            state = caches.flattened(value)
            if state:
                found["present"] = state
        elif isinstance(value, torch.Tensor):
            found[name] = value
        elif isinstance(value, (tuple, list)) and value and all(isinstance(entry, torch.Tensor) for entry in value):
            found[name] = list(value)
    return found or {f"part_{index}": value for index, value in enumerate(torch.utils._pytree.tree_leaves(dict(outputs))) if isinstance(value, torch.Tensor)}


def by_io_config(module, io, model, options, with_past):
    """Names, shapes and axes as the user wrote them."""
    config = module.config
    if with_past and not io.kv_cache:
        io.kv_cache = True
    if io.kv_cache:
        caches.add_flat_cache(io, config.to_dict())
    if not io.input_shapes:
        plan = tasks.Plan(module, config, model.get("task") and tasks.canonical(model["task"])[0] or tasks.canonical(tasks.task_of(config))[0])
        values = {name: value for name, value in plan.make(tasks.TRACED, evaluate).items() if name in io.input_names}
        unknown = [name for name in io.input_names if name not in values]
        if unknown:
            raise CaptureError("config", f"io_config names the inputs {', '.join(unknown)} without shapes", "give input_shapes and input_types")
        io.input_shapes = [list(values[name].shape) for name in io.input_names]
        io.input_types = [values[name].dtype for name in io.input_names]
    caching = any(name.startswith("present") for name in io.output_names) or io.kv_cache
    module = in_task_form(module, caching)
    argument = options.get("past_key_value_name") or "past_key_values"
    remake = by_shapes(io, lambda values: ((), with_layers(with_nested_past(values, argument), argument)))
    return Subject(module, *remake({}), io, remake=remake)


def with_layers(values, argument):
    """A list of (key, value) as caches.rebuilt takes it."""
    past = values.pop(argument, None)
    if past is not None:
        values["past_key_values"] = {str(index): dict(zip(("key", "value"), layer)) for index, layer in enumerate(past)}
    return values
