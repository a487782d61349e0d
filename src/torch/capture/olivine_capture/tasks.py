"""Which class a task means, and what inputs it has: names of tasks and sizes as Olive and optimum call them."""

import inspect

import torch

TEXT = ("input_ids", "attention_mask", "token_type_ids?")
CHOICES = ("input_ids:choices", "attention_mask:choices", "token_type_ids:choices?")
AUDIO = ("input_values?", "input_features?")

# task -> (transformers' auto classes, inputs; one with ? only where the model's forward has it)
TASKS = {
    "feature-extraction": (("AutoModel",), None),
    "fill-mask": (("AutoModelForMaskedLM",), TEXT),
    "text-classification": (("AutoModelForSequenceClassification",), TEXT),
    "zero-shot-classification": (("AutoModelForSequenceClassification",), TEXT),
    "token-classification": (("AutoModelForTokenClassification",), TEXT),
    "question-answering": (("AutoModelForQuestionAnswering",), TEXT),
    "multiple-choice": (("AutoModelForMultipleChoice",), CHOICES),
    "next-sentence-prediction": (("AutoModelForNextSentencePrediction",), TEXT),
    "text-generation": (("AutoModelForCausalLM",), ("input_ids", "attention_mask", "position_ids?")),
    "text2text-generation": (("AutoModelForSeq2SeqLM",), None),
    "table-question-answering": (("AutoModelForTableQuestionAnswering",), None),
    "document-question-answering": (("AutoModelForDocumentQuestionAnswering",), None),
    "visual-question-answering": (("AutoModelForVisualQuestionAnswering",), None),
    "image-classification": (("AutoModelForImageClassification",), ("pixel_values",)),
    "image-feature-extraction": (("AutoModel",), ("pixel_values",)),
    "image-segmentation": (("AutoModelForImageSegmentation", "AutoModelForSemanticSegmentation", "AutoModelForInstanceSegmentation", "AutoModelForUniversalSegmentation"), ("pixel_values",)),
    "semantic-segmentation": (("AutoModelForSemanticSegmentation",), ("pixel_values",)),
    "instance-segmentation": (("AutoModelForInstanceSegmentation",), ("pixel_values",)),
    "universal-segmentation": (("AutoModelForUniversalSegmentation",), ("pixel_values",)),
    "object-detection": (("AutoModelForObjectDetection",), ("pixel_values",)),
    "zero-shot-object-detection": (("AutoModelForZeroShotObjectDetection",), None),
    "zero-shot-image-classification": (("AutoModelForZeroShotImageClassification",), None),
    "depth-estimation": (("AutoModelForDepthEstimation",), ("pixel_values",)),
    "mask-generation": (("AutoModelForMaskGeneration",), None),
    "keypoint-detection": (("AutoModelForKeypointDetection",), ("pixel_values",)),
    "image-to-image": (("AutoModelForImageToImage",), ("pixel_values",)),
    "masked-im": (("AutoModelForMaskedImageModeling",), ("pixel_values",)),
    "video-classification": (("AutoModelForVideoClassification",), None),
    "image-to-text": (("AutoModelForImageTextToText",), None),
    "image-text-to-text": (("AutoModelForImageTextToText",), None),
    "audio-classification": (("AutoModelForAudioClassification",), AUDIO),
    "audio-frame-classification": (("AutoModelForAudioFrameClassification",), AUDIO),
    "audio-xvector": (("AutoModelForAudioXVector",), AUDIO),
    "zero-shot-audio-classification": (("AutoModel",), None),
    "automatic-speech-recognition": (("AutoModelForSpeechSeq2Seq", "AutoModelForCTC"), None),
    "text-to-audio": (("AutoModelForTextToWaveform", "AutoModelForTextToSpectrogram"), None),
    "time-series-forecasting": (("AutoModelForTimeSeriesPrediction",), None),
}

SYNONYMS = {
    "default": "feature-extraction", "masked-lm": "fill-mask", "causal-lm": "text-generation", "seq2seq-lm": "text2text-generation",
    "sequence-classification": "text-classification", "sentiment-analysis": "text-classification", "ner": "token-classification",
    "speech2seq-lm": "automatic-speech-recognition", "text-to-speech": "text-to-audio", "translation": "text2text-generation",
    "summarization": "text2text-generation", "sentence-similarity": "feature-extraction", "vqa": "visual-question-answering",
}

# The end of an architecture's name -> its task.
ARCHITECTURES = [
    ("ForCausalLM", "text-generation-with-past"), ("LMHeadModel", "text-generation-with-past"), ("ForMaskedLM", "fill-mask"),
    ("ForPreTraining", "fill-mask"), ("ForSequenceClassification", "text-classification"), ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"), ("ForMultipleChoice", "multiple-choice"), ("ForImageClassification", "image-classification"),
    ("ForImageClassificationWithTeacher", "image-classification"), ("ForSemanticSegmentation", "semantic-segmentation"),
    ("ForUniversalSegmentation", "universal-segmentation"), ("ForInstanceSegmentation", "instance-segmentation"),
    ("ForObjectDetection", "object-detection"), ("ForDepthEstimation", "depth-estimation"), ("ForAudioClassification", "audio-classification"),
    ("ForAudioFrameClassification", "audio-frame-classification"), ("ForXVector", "audio-xvector"), ("ForCTC", "automatic-speech-recognition"),
    ("ForVideoClassification", "video-classification"), ("ForImageToImage", "image-to-image"), ("ForImageSuperResolution", "image-to-image"),
    ("ForMaskedImageModeling", "masked-im"),
]

# input -> (names of its sizes, how its values are made)
INPUTS = {
    "input_ids": (("batch_size", "sequence_length"), "token"),
    "attention_mask": (("batch_size", "sequence_length"), "mask"),
    "token_type_ids": (("batch_size", "sequence_length"), "type"),
    "position_ids": (("batch_size", "sequence_length"), "position"),
    "bbox": (("batch_size", "sequence_length", 4), "box"),
    "decoder_input_ids": (("batch_size", "decoder_sequence_length"), "token"),
    "encoder_hidden_states": (("batch_size", "encoder_sequence_length", "#hidden"), "float"),
    "pixel_values": (("batch_size", "#channels", "#height", "#width"), "float"),
    "pixel_values_videos": (("batch_size", "#frames", "#channels", "#height", "#width"), "float"),
    "input_values": (("batch_size", "audio_sequence_length"), "float"),
    "input_features": (("batch_size", "#mel", "#mel_frames"), "float"),
    "input_features:frames": (("batch_size", "feature_frames", "#mel"), "float"),
    "input_values:frames": (("batch_size", "#mel_frames", "#mel"), "float"),
}

# Sizes that keep their names apart in the traced example, so that no two are taken for one.
TRACED = {
    "batch_size": 2, "sequence_length": 16, "past_sequence_length": 12, "encoder_sequence_length": 16, "decoder_sequence_length": 10,
    "num_choices": 4, "audio_sequence_length": 16000, "feature_frames": 100, "text_batch_size": 2, "image_batch_size": 3,
}


def canonical(task):
    """(task, with past?)"""
    past = task.endswith("-with-past")
    base = task.removesuffix("-with-past")
    return SYNONYMS.get(base, base), past


def task_of(config):
    """By the checkpoint's own class."""
    architecture = (getattr(config, "architectures", None) or [""])[0]
    for ending, task in ARCHITECTURES:
        if architecture.endswith(ending):
            return task
    if architecture.endswith("ForConditionalGeneration"):
        return "text2text-generation" if getattr(config, "vocab_size", None) and not hasattr(config, "num_mel_bins") else "automatic-speech-recognition"
    return "feature-extraction"


def attribute(config, *names):
    """The first of these that the configuration, or one inside it, has."""
    places = [config, *(getattr(config, inner, None) for inner in ("vision_config", "text_config", "audio_config", "encoder", "decoder", "backbone_config", "encoder_config"))]
    for place in places:
        for name in names:
            value = getattr(place, name, None)
            if value is not None:
                return value
    return None


def number(value, index=0):
    if isinstance(value, dict):
        value = list(value.values())
    return value[index % len(value)] if isinstance(value, (list, tuple)) else value


def fixed_sizes(config):
    image = attribute(config, "image_size", "sample_size")
    if isinstance(image, dict):
        image = [image.get("height", image.get("longest_edge", 224)), image.get("width", image.get("longest_edge", 224))]
    positions = attribute(config, "max_source_positions")
    return {
        "channels": number(attribute(config, "num_channels", "in_channels", "in_chans")) or 3,
        "height": number(image, 0) or 64,
        "width": number(image, 1) or 64,
        "frames": number(attribute(config, "num_frames", "frames_per_clip")) or 8,
        "mel": attribute(config, "num_mel_bins", "feature_size", "input_feat_per_channel", "feature_projection_input_dim", "num_freq") or 80,
        "mel_frames": 2 * positions if positions and hasattr(config, "num_mel_bins") and getattr(config, "model_type", "") == "whisper" else attribute(config, "max_length", "spec_size") or 100,
        "hidden": attribute(config, "d_model", "hidden_size"),
    }


class Plan:
    """The inputs of one model and task: names, sizes, values at any sizes."""

    def __init__(self, model, config, task):
        self.config, self.task = config, task
        self.parameters = set(inspect.signature(type(model).forward).parameters)
        self.vocabulary = attribute(config, "vocab_size") or 100
        self.fixed = fixed_sizes(config)
        self.shapes = {name: self._shape(name) for name in self._names(model)}

    def _names(self, model):
        declared = TASKS.get(self.task, ((), None))[1]
        if declared is None:
            declared = self._by_signature(model)
        names = []
        for entry in declared:
            name = entry.removesuffix("?")
            if entry == name or name.partition(":")[0] in self.parameters:
                names.append(name)
        return names

    def _by_signature(self, model):
        """The main input, what belongs to it, and the other kinds that a model of several takes."""
        main = getattr(model, "main_input_name", "input_ids")
        names = [main] if main in INPUTS else []
        for name in ("input_ids", "pixel_values", "input_features", "input_values", "bbox"):
            wanted = name in self.parameters and name not in names
            if wanted and not (name == "input_ids" and main in ("pixel_values", "input_features", "input_values") and getattr(self.config, "is_encoder_decoder", False)):
                names.append(name)
        if "input_ids" in names:
            names[names.index("input_ids") + 1 : names.index("input_ids") + 1] = ["attention_mask", "token_type_ids?"]
        if getattr(self.config, "is_encoder_decoder", False) and "decoder_input_ids" in self.parameters:
            names.append("decoder_input_ids")
        return [name if name.endswith("?") else name + "?" for name in names]

    def _shape(self, entry):
        name, _, variant = entry.partition(":")
        dims = INPUTS[name][0]
        if name == "input_features" and attribute(self.config, "input_feat_per_channel", "feature_projection_input_dim"):
            dims = INPUTS["input_features:frames"][0]
        if name == "input_values" and attribute(self.config, "num_mel_bins"):
            dims = INPUTS["input_values:frames"][0]
        if variant == "choices":
            dims = (dims[0], "num_choices", *dims[1:])
        if self.task in ("zero-shot-image-classification", "zero-shot-audio-classification"):
            own = "image_batch_size" if name in ("pixel_values", "input_features", "input_values") else "text_batch_size"
            dims = (own, *dims[1:])
        if getattr(self.config, "is_encoder_decoder", False) and not name.startswith("decoder"):
            dims = tuple("encoder_sequence_length" if dim == "sequence_length" else dim for dim in dims)
        if name == "pixel_values" and self.task == "video-classification":
            dims = INPUTS["pixel_values_videos"][0]
        return tuple(self.fixed[dim[1:]] if isinstance(dim, str) and dim.startswith("#") else dim for dim in dims)

    def axes(self):
        return {entry.partition(":")[0]: {axis: dim for axis, dim in enumerate(shape) if isinstance(dim, str)} for entry, shape in self.shapes.items()}

    def make(self, sizes, evaluate, pad=False):
        """Values for all inputs. `pad`: the last tokens of the last row are masked out."""
        generator = torch.Generator().manual_seed(len(sizes) + sum(sizes.values()))
        values = {}
        for entry, shape in self.shapes.items():
            name = entry.partition(":")[0]
            dims = [evaluate(dim, sizes) if isinstance(dim, str) else dim for dim in shape]
            values[name] = self._values(INPUTS[name][1], dims, generator, pad)
        return values

    def _values(self, kind, dims, generator, pad):
        if kind == "float":
            return torch.randn(dims, generator=generator)
        if kind == "mask":
            mask = torch.ones(dims, dtype=torch.long)
            if pad and dims[0] > 1 and dims[-1] > 3:
                mask[-1, ..., -2:] = 0
            return mask
        if kind == "type":
            return torch.zeros(dims, dtype=torch.long)
        if kind == "position":
            return torch.arange(dims[-1]).expand(dims).contiguous()
        if kind == "box":
            corners = torch.randint(0, 400, dims, generator=generator)
            corners[..., 2:] += 400
            return corners
        low = min(3, self.vocabulary - 1)
        return torch.randint(low, self.vocabulary, dims, generator=generator)
