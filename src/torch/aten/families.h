#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();        ///< add, mul, pow … with PyTorch's promotion
Ops view_ops();              ///< view, slice, transpose …
Ops symbol_ops();            ///< sizes and Python's arithmetic on them
Ops control_flow_ops();      ///< cond, while_loop, map, scan, regions
Ops linear_layer_ops();      ///< linear
Ops convolution_ops();       ///< convolutions, transposed ones too
Ops pooling_ops();           ///< pools with a kernel
Ops adaptive_pooling_ops();  ///< pools with a number of windows
Ops upsample_ops();          ///< resizing
Ops normalization_ops();     ///< batch and instance norm
Ops layer_norm_ops();        ///< layer, group and root-mean-square norm
Ops attention_ops();         ///< scaled dot-product attention
Ops recurrent_ops();         ///< LSTM, GRU, plain recurrent layers
Ops sampling_ops();          ///< grid sampling
Ops unpooling_ops();         ///< elements back at their places, fractional pools
Ops embedding_bag_ops();     ///< embeddings by bags
Ops gradient_ops();          ///< gradients that programs contain as calls

}  // namespace olivine::torch
