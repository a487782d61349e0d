"""Hand-written torch.nn models, and models of transformers that no task describes: what a workflow's model_script looks like.

For each NAME there are make_NAME (the module), inputs_NAME (example inputs) and AXES[NAME] (names of the open axes).
"""

import torch
import transformers as tf
from torch import nn


def generator():
    return torch.Generator().manual_seed(0)


def floats(*shape):
    return torch.randn(shape, generator=generator())


def tokens(*shape, low=3, high=99):
    return torch.randint(low, high, shape, generator=generator())


AXES = {}


def model(axes):
    """Registers make_NAME's open axes: input -> {axis: name}."""

    def register(make):
        AXES[make.__name__.removeprefix("make_")] = axes
        torch.manual_seed(0)
        return make

    return register


# --- torch.nn ----------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
        self.conv2, self.norm2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = torch.relu_(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


@model({"image": {0: "batch", 2: "height", 3: "width"}})
def make_resnet(_=None):
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1), Residual(8, 16, 2), Residual(16, 32, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )


def inputs_resnet(_=None):
    return floats(2, 3, 64, 96)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([self.block(3, 8), self.block(8, 16), self.block(16, 32)])
        self.grow = nn.ModuleList([nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)])
        self.up = nn.ModuleList([self.block(32, 16), self.block(16, 8)])
        self.last = nn.Conv2d(8, 2, 1)

    @staticmethod
    def block(inside, outside):
        return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(4, outside), nn.SiLU())

    def forward(self, image):
        kept = []
        x = image
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for grow, block, side in zip(self.grow, self.up, reversed(kept[:-1])):
            x = grow(x)
            # Odd sizes lose a row on their way down.
            x = nn.functional.interpolate(x, size=side.shape[2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([side, x], dim=1))
        return {"mask": self.last(x).softmax(1), "bottom": kept[-1].mean((2, 3))}


@model({"image": {0: "batch", 2: "height", 3: "width"}})
def make_unet(_=None):
    return UNet()


def inputs_unet(_=None):
    return {"image": floats(2, 3, 32, 96)}


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(99, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 12, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(24, 10, batch_first=True)
        self.head = nn.Linear(10, 7)

    def forward(self, words):
        x, (hidden, _) = self.lstm(self.embed(words))
        x, _ = self.gru(x)
        return self.head(x).argmax(-1), self.head(x).log_softmax(-1), hidden


@model({"words": {0: "batch", 1: "length"}})
def make_tagger(_=None):
    return Tagger()


def inputs_tagger(_=None):
    return (tokens(2, 9),)


class GraphNet(nn.Module):
    """Messages along edges, summed, averaged and maximized at their targets."""

    def __init__(self):
        super().__init__()
        self.message = nn.Linear(2 * 8, 16)
        self.update = nn.GRUCell(48, 8)
        self.read = nn.Linear(8, 3)

    def forward(self, nodes, edges):
        source, target = edges[0], edges[1]
        for _ in range(2):
            message = torch.relu(self.message(torch.cat([nodes[source], nodes[target]], -1)))
            index = target[:, None].expand_as(message)
            zeros = message.new_zeros(nodes.shape[0], 16)
            summed = zeros.index_add(0, target, message)
            mean = zeros.scatter_reduce(0, index, message, "mean", include_self=False)
            largest = zeros.scatter_reduce(0, index, message, "amax")
            nodes = self.update(torch.cat([summed, mean, largest], -1), nodes)
        return self.read(nodes), nodes.sum(0)


@model({"nodes": {0: "nodes"}, "edges": {1: "edges"}})
def make_gnn(_=None):
    return GraphNet()


def inputs_gnn(_=None):
    return {"nodes": floats(6, 8), "edges": tokens(2, 11, low=0, high=6)}


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda y: torch.tanh(self.left(y)), lambda y: self.right(y) - 1, (x,))


@model({"x": {0: "rows"}})
def make_cond(_=None):
    return Branches()


def inputs_cond(_=None):
    return (floats(3, 8),)


class Iterations(nn.Module):
    """x <- tanh(W x) / 2 until the norm falls below a limit, at most ten times."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(8, 8)

    def forward(self, x):
        from torch._higher_order_ops.while_loop import while_loop

        def go_on(count, value):
            return (count < 10) & (value.norm() > 0.05)

        def body(count, value):
            return count + 1, torch.tanh(self.step(value)) / 2

        return while_loop(go_on, body, (torch.tensor(0), x))


@model({"x": {0: "rows"}})
def make_while_loop(_=None):
    return Iterations()


def inputs_while_loop(_=None):
    return (floats(3, 8),)


class Transformer(nn.Module):
    """torch.nn's own encoder-decoder, with its causal mask and padding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(99, 16)
        self.core = nn.Transformer(16, 4, 2, 2, 32, batch_first=True, norm_first=True)

    def forward(self, source, target):
        size = target.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool, device=target.device).triu(1)
        return self.core(self.embed(source), self.embed(target), tgt_mask=causal, src_key_padding_mask=source == 0)


@model({"source": {0: "batch", 1: "source_length"}, "target": {0: "batch", 1: "target_length"}})
def make_transformer(_=None):
    return Transformer()


def inputs_transformer(_=None):
    return {"source": tokens(2, 9), "target": tokens(2, 6)}


class Detector(nn.Module):
    """Boxes above a score, sorted: as many as there are."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 16, 3, 4, 1)
        self.score, self.box = nn.Conv2d(16, 1, 1), nn.Conv2d(16, 4, 1)

    def forward(self, image):
        x = torch.relu(self.body(image))
        scores = self.score(x).flatten(1).sigmoid()
        boxes = self.box(x).flatten(2).transpose(1, 2)
        best, index = scores.topk(5)
        chosen = boxes.gather(1, index[..., None].expand(-1, -1, 4))
        corners = torch.cat([chosen[..., :2] - chosen[..., 2:].exp() / 2, chosen[..., :2] + chosen[..., 2:].exp() / 2], -1)
        return best, corners, torch.nonzero(scores > 0.5)


@model({"image": {0: "batch", 2: "height", 3: "width"}})
def make_detector(_=None):
    return Detector()


def inputs_detector(_=None):
    return (floats(2, 3, 32, 96),)


class Autoencoder(nn.Module):
    """1-D: strided and dilated convolutions, transposed ones, instance norm, weight norm."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Conv1d(1, 8, 4, 2, 1)), nn.InstanceNorm1d(8, affine=True), nn.LeakyReLU(0.2),
            nn.Conv1d(8, 16, 3, padding=2, dilation=2, groups=4), nn.PReLU(16),
        )
        self.decode = nn.Sequential(nn.ConvTranspose1d(16, 8, 4, 2, 1), nn.GELU("tanh"), nn.Conv1d(8, 1, 3, padding="same", padding_mode="reflect"), nn.Tanh())

    def forward(self, sound):
        return self.decode(self.encode(sound))


@model({"sound": {0: "batch", 2: "samples"}})
def make_autoencoder(_=None):
    return Autoencoder()


def inputs_autoencoder(_=None):
    return (floats(2, 1, 64),)


# --- transformers, by hand ---------------------------------------------------------------------------------------


class Chosen(nn.Module):
    """A model of transformers with fixed keywords, whose chosen outputs come out."""

    def __init__(self, inner, outputs, **fixed):
        super().__init__()
        self.inner, self.outputs, self.fixed = inner, outputs, fixed

    def forward(self, **inputs):
        found = self.inner(**inputs, **self.fixed)
        return {name: getattr(found, name) for name in self.outputs}


VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "mlp_dim": 64, "image_size": 32, "patch_size": 8}


@model({"pixel_values": {0: "batch"}, "input_points": {0: "batch", 2: "points"}})
def make_sam(_=None):
    config = tf.SamConfig(
        vision_config={**VISION, "output_channels": 16, "global_attn_indexes": [1], "window_size": 2, "num_pos_feats": 8},
        prompt_encoder_config={"hidden_size": 16, "image_size": 32, "patch_size": 8, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    return Chosen(tf.SamModel(config), ["iou_scores", "pred_masks"])


def inputs_sam(_=None):
    return {"pixel_values": floats(2, 3, 32, 32), "input_points": floats(2, 1, 3, 2).abs() * 16}


@model({"input_ids": {0: "texts", 1: "length"}, "pixel_values": {0: "batch"}, "attention_mask": {0: "texts", 1: "length"}})
def make_owlvit(_=None):
    text = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 16}
    return Chosen(tf.OwlViTForObjectDetection(tf.OwlViTConfig(text_config=text, vision_config=VISION, projection_dim=32)), ["logits", "pred_boxes"])


def inputs_owlvit(_=None):
    return {"input_ids": tokens(4, 7), "pixel_values": floats(2, 3, 32, 32), "attention_mask": torch.ones(4, 7, dtype=torch.long)}


@model({"past_values": {0: "batch"}})
def make_patchtst(_=None):
    config = tf.PatchTSTConfig(num_input_channels=2, context_length=32, patch_length=8, patch_stride=8, d_model=16, num_attention_heads=2, ffn_dim=32, num_hidden_layers=2, prediction_length=6)
    return Chosen(tf.PatchTSTForPrediction(config), ["prediction_outputs"])


def inputs_patchtst(_=None):
    return {"past_values": floats(2, 32, 2)}


@model({"past_values": {0: "batch"}})
def make_patchtsmixer(_=None):
    config = tf.PatchTSMixerConfig(context_length=32, patch_length=8, patch_stride=8, num_input_channels=2, d_model=8, num_layers=2, prediction_length=6)
    return Chosen(tf.PatchTSMixerForPrediction(config), ["prediction_outputs"])


def inputs_patchtsmixer(_=None):
    return {"past_values": floats(2, 32, 2)}


@model({"input_ids": {0: "batch", 1: "length"}, "bbox": {0: "batch", 1: "length"}, "pixel_values": {0: "batch"}})
def make_layoutlmv3(_=None):
    config = tf.LayoutLMv3Config(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, input_size=32, patch_size=8, coordinate_size=6, shape_size=4,
        rel_pos_bins=8, rel_2d_pos_bins=8, max_position_embeddings=64, num_labels=3,
    )
    return Chosen(tf.LayoutLMv3ForTokenClassification(config), ["logits"])


def inputs_layoutlmv3(_=None):
    box = tokens(2, 9, 4, low=0, high=400)
    box[..., 2:] += 400
    return {"input_ids": tokens(2, 9), "bbox": box, "pixel_values": floats(2, 3, 32, 32)}


@model({"input_ids": {0: "batch", 1: "length"}, "pixel_values": {0: "batch"}})
def make_vilt(_=None):
    config = tf.ViltConfig(vocab_size=99, **{**VISION, "max_position_embeddings": 16, "num_labels": 3})
    return Chosen(tf.ViltForQuestionAnswering(config), ["logits"])


def inputs_vilt(_=None):
    return {"input_ids": tokens(2, 7), "pixel_values": floats(2, 3, 32, 32)}


@model({"input_ids": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "length"}, "pixel_values": {0: "batch"}})
def make_llava(_=None):
    text = {"model_type": "llama", "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64}
    vision = {"model_type": "clip_vision_model", **VISION, "image_size": 16, "projection_dim": 32}
    config = tf.LlavaConfig(text_config=text, vision_config=vision, image_token_index=98, image_token_id=98, vision_feature_layer=-1)
    return Chosen(tf.LlavaForConditionalGeneration(config), ["logits"], use_cache=False)


def inputs_llava(_=None):
    ids = tokens(2, 7, high=97)
    ids[:, 1:5] = 98
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": floats(2, 3, 16, 16)}
