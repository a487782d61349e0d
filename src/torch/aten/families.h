#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();           ///< add, mul, pow … with PyTorch's promotion
Ops minmax_ops();               ///< maximum, clamp, where
Ops unary_ops();                ///< abs, exp, sin, round …
Ops activation_ops();           ///< relu, gelu, softmax …
Ops comparison_ops();           ///< eq, logical_and, isnan …
Ops bitwise_ops();              ///< bitwise_and, shifts, gcd
Ops conversion_ops();           ///< to, clone, fill
Ops creation_ops();             ///< zeros, arange, eye, tril …
Ops random_ops();               ///< rand, dropout
Ops view_ops();                 ///< view, slice, transpose …
Ops symbol_ops();               ///< sizes and Python's arithmetic on them
Ops control_flow_ops();         ///< cond, while_loop, map, scan, regions
Ops slice_ops();                ///< slice, select, split …
Ops joining_ops();              ///< cat, stack …
Ops indexing_ops();             ///< index, gather, index_put …
Ops mask_ops();                 ///< masked_fill, nonzero …
Ops padding_ops();              ///< pad of all modes
Ops product_ops();              ///< matmul, bmm, dot, outer, cross, chains of matrices
Ops added_product_ops();        ///< addmm, baddbmm, addr …
Ops contraction_ops();          ///< einsum, tensordot
Ops complex_arithmetic_ops();   ///< add, mul, exp, abs, sum …
Ops linear_layer_ops();         ///< linear
Ops convolution_ops();          ///< convolutions, transposed ones too
Ops pooling_ops();              ///< pools with a kernel
Ops adaptive_pooling_ops();     ///< pools with a number of windows
Ops upsample_ops();             ///< resizing
Ops normalization_ops();        ///< batch and instance norm
Ops layer_norm_ops();           ///< layer, group and root-mean-square norm
Ops attention_ops();            ///< scaled dot-product attention
Ops transformer_ops();          ///< whole layers as one operator
Ops recurrent_ops();            ///< LSTM, GRU, plain recurrent layers
Ops sampling_ops();             ///< grid sampling
Ops unpooling_ops();            ///< elements back at their places, fractional pools
Ops embedding_bag_ops();        ///< embeddings by bags
Ops gradient_ops();             ///< gradients that programs contain as calls
Ops quantization_ops();         ///< quantize, dequantize, products of scaled numbers
Ops vision_ops();               ///< torchvision's
Ops reduction_ops();            ///< sums, means, extremes, conditions
Ops norm_ops();                 ///< norms and distances
Ops statistics_ops();           ///< variances, quantiles
Ops cumulative_ops();           ///< what is accumulated along an axis
Ops sorting_ops();              ///< sorting, medians, modes
Ops fft_ops();                  ///< torch.fft
Ops spectrogram_ops();          ///< stft, istft
Ops complex_function_ops();     ///< exp, log, sin, sum, cat …
Ops scatter_ops();              ///< scatter, index_add …
Ops strided_ops();              ///< diagonal, unfold, as_strided …
Ops rearranging_ops();          ///< repeat, roll, pixel_shuffle …
Ops pair_ops();                 ///< real, imag, complex …
Ops normal_distribution_ops();  ///< erf, ndtr and their inverses
Ops gamma_ops();                ///< lgamma, polygamma, zeta, igamma
Ops bessel_ops();               ///< Bessel functions, Airy's
Ops modified_bessel_ops();
Ops polynomial_ops();       ///< orthogonal polynomials
Ops set_ops();              ///< unique, isin, searchsorted …
Ops histogram_ops();        ///< counting into bins
Ops difference_ops();       ///< diff, gradient, trapezoid
Ops segment_ops();          ///< segment_reduce
Ops loss_ops();             ///< losses by element and by distance
Ops class_loss_ops();       ///< losses over classes
Ops solver_ops();           ///< solve, inv, det, lu, cholesky, qr …
Ops spectrum_ops();         ///< singular values, rank, pinv …
Ops matrix_function_ops();  ///< matrix_power, matrix_exp …
Ops grouped_product_ops();  ///< products by groups of rows
Ops window_ops();           ///< hann_window …

}  // namespace olivine::torch
