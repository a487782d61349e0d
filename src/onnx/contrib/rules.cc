#include "onnx/contrib/functions.h"
#include "onnx/contrib/rule.h"

namespace olivine::onnx::contrib {
namespace {

// Shapes that many operators have; see pattern.h for the language.
constexpr std::string_view kSame = "(...) -> (...)";
constexpr std::string_view kAllSame = "(...) -> (...) | (...) | (...) | (...)";
constexpr std::string_view kNormalized = "(... H) -> (... H) | (... 1) | (... 1) | (... H)";
constexpr std::string_view kProjected = "(... _) -> (... N)";
constexpr std::string_view kGemm =
    "transA=0 transB=0 (M _) (_ N) -> (M N);"
    "transA=0 transB=1 (M _) (N _) -> (M N);"
    "transA=1 transB=0 (_ M) (_ N) -> (M N);"
    "transA=1 transB=1 (_ M) (N _) -> (M N)";
constexpr std::string_view kQuantizedGemm =
    "transA=0 transB=0 (M _) 3:(_ N) -> (M N);"
    "transA=0 transB=1 (M _) 3:(N _) -> (M N);"
    "transA=1 transB=0 (_ M) 3:(_ N) -> (M N);"
    "transA=1 transB=1 (_ M) 3:(N _) -> (M N)";
/// Query, key and value in one, or each by itself; the cache keeps its length where it is long enough.
constexpr std::string_view kGroupedQuery =
    "(B S H) 2:(_ _ _) -> (B S H);"
    "!2 (B S P) -> (B S P/(num_heads+2*kv_num_heads)*num_heads);"
    "sliding_window_cache=1 3:(B K P D) 4:(_ _ _ E) -> - | (B K P D) | (B K P E);"
    "3:(B K P D) 4:(_ _ _ E) -> - | (B K max(P,#6) D) | (B K max(P,#6) E);"
    "!3 (B S H) 2:(_ L _) -> - | (B kv_num_heads L H/num_heads) | (B kv_num_heads L H/num_heads);"
    "!2 !3 (B S P) -> - | (B kv_num_heads S P/(num_heads+2*kv_num_heads)) | (B kv_num_heads S "
    "P/(num_heads+2*kv_num_heads));"
    "(B S _) -> - | - | - | (B num_heads S #6)";
constexpr std::string_view kSparseGroupedQuery =
    "(B S H) 2:(_ _ _) -> (B S H);"
    "!2 (B S P) -> (B S P/(num_heads+2*kv_num_heads)*num_heads);"
    "3:(B K P D) -> - | (B K P D);"
    "4:(B K P D) -> - | - | (B K P D)";
/// The state holds what the kernel sees before the first step.
constexpr std::string_view kCausalConvolution =
    "input_channels=0 (...) -> (...);"
    "input_channels=0 state_length=0 state_window=0 channels_last=0 (B C _) 1:(_ _ K) -> - | (B C dilation*(K-1));"
    "input_channels=0 state_length=0 state_window=0 channels_last=0 (B C H _) 1:(_ _ _ K) -> - | (B C H "
    "dilation*(K-1));"
    "input_channels=0 state_length=0 state_window=0 channels_last=1 state_channels_last=-1 (B _ C) 1:(_ _ K) -> - | (B "
    "dilation*(K-1) C);"
    "input_channels=0 state_length=0 channels_last=0 (B C _) 1:(_ _ K) -> - | (state_window B C dilation*(K-1))";
constexpr std::string_view kPaged =
    "(T H) 2:(_ _) -> (T H);"
    "!1 !2 (T P) -> (T P/(num_heads+2*kv_num_heads)*num_heads);"
    "3:(...) -> - | (...);"
    "4:(...) -> - | - | (...)";

/// By family. An operator without a row has the types that its facts tell, and no shapes.
constexpr Rule kRules[] = {
    // Element by element
    {.op_type = "Affine", .shapes = kSame},
    {.op_type = "BiasAdd", .shapes = kSame},
    {.op_type = "BiasDropout", .shapes = kAllSame},
    {.op_type = "BiasGelu", .shapes = kSame},
    {.op_type = "BiasSoftmax", .shapes = kSame},
    {.op_type = "BiasSplitGelu", .shapes = "(... H) -> (... H/2)"},
    {.op_type = "BitmaskBiasDropout", .shapes = kSame},
    {.op_type = "BitmaskDropout", .shapes = kSame},
    {.op_type = "ComplexMul", .function = broadcast<0, 1>},
    {.op_type = "ComplexMulConj", .function = broadcast<0, 1>},
    {.op_type = "FastGelu", .shapes = kSame},
    {.op_type = "GatedAdd", .shapes = kSame},
    {.op_type = "Gelu", .shapes = kSame},
    {.op_type = "ImageScaler", .shapes = kSame},
    {.op_type = "Inverse", .shapes = kSame},
    {.op_type = "IsAllFinite", .shapes = "-> ()"},
    {.op_type = "MemcpyFromHost", .shapes = kSame},
    {.op_type = "MemcpyToHost", .shapes = kSame},
    {.op_type = "MulInteger", .function = broadcast<0, 2>},
    {.op_type = "MurmurHash3", .types = "0=positive?uint32,int32", .shapes = kSame},
    {.op_type = "ParametricSoftplus", .shapes = kSame},
    {.op_type = "QuickGelu", .shapes = kSame},
    {.op_type = "SampleOp", .shapes = kSame},
    {.op_type = "Scale", .shapes = kSame},
    {.op_type = "ScaledSiLU", .shapes = kSame},
    {.op_type = "ScaledTanh", .shapes = kSame},
    {.op_type = "SwiGLU", .shapes = "1:(...) -> (...); !1 (... H) -> (... H/2)"},
    {.op_type = "ThresholdedRelu", .shapes = kSame},
    {.op_type = "Trilu", .shapes = kSame},

    // Normalization
    {.op_type = "BranchwiseRMSNorm", .shapes = kSame},
    {.op_type = "EmbedLayerNormalization", .shapes = "(B S) 2:(_ H) -> (B S H) | (B) | (B S H)"},
    {.op_type = "GatedRMSNorm", .shapes = kSame},
    {.op_type = "GroupNorm", .shapes = kSame},
    {.op_type = "LayerNormalization",
     .types = "1=stash_type 2=stash_type",
     .shapes = "axis=-1 (... H) -> (... H) | (... 1) | (... 1); (...) -> (...)"},
    {.op_type = "MeanVarianceNormalization", .shapes = kSame},
    {.op_type = "QEmbedLayerNormalization", .shapes = "(B S) 2:(_ H) -> (B S H) | (B)"},
    {.op_type = "RMSNormRotary",
     .types = "0=output_fp16?float16,@0",
     .shapes = "flatten_batch=1 input_width=0 (B S N D) -> (1 B*S N*D) | (B S N D);"
               "input_width=0 (B S N D) -> (B S N*D) | (B S N D)"},
    {.op_type = "SimplifiedLayerNormalization",
     .types = "1=stash_type",
     .shapes = "axis=-1 (... H) -> (... H) | (... 1); (...) -> (...)"},
    {.op_type = "SkipGroupNorm", .shapes = kAllSame},
    {.op_type = "SkipLayerNormalization", .shapes = kNormalized},
    {.op_type = "SkipSimplifiedLayerNormalization", .shapes = kNormalized},

    // Products
    {.op_type = "DynamicQuantizeMatMul", .function = matrix_product<0, 1>},
    {.op_type = "FusedGemm", .shapes = kGemm},
    {.op_type = "FusedMatMul", .function = fused_matrix_product},
    {.op_type = "FusedMatMulActivation", .function = fused_matrix_product},
    {.op_type = "GemmFastGelu", .function = matrix_product<0, 1>},
    {.op_type = "GemmFloat8", .types = "0=dtype", .shapes = kGemm},
    {.op_type = "MatMulBlockQuantizedFp4Weight", .shapes = "(... _) (N _) -> (... N)"},
    {.op_type = "MatMulBlockQuantizedFp8Weight", .shapes = "(... _) (N _) -> (... N)"},
    {.op_type = "MatMulBnb4", .shapes = "transB=1 (... _) -> (... N); transB=0 (... _) -> (... K)"},
    {.op_type = "MatMulFpQ4", .shapes = "(... _) -> (... #2.1)"},
    {.op_type = "MatMulInteger16", .types = "0=int32", .function = matrix_product<0, 1>},
    {.op_type = "MatMulIntegerToFloat", .function = matrix_product<0, 1>},
    {.op_type = "MatMulNBits", .shapes = kProjected},
    {.op_type = "MatMulNBitsMlp", .shapes = "(... K) -> (... N) | (... K)"},
    {.op_type = "MatMulNBitsQLoRA", .shapes = kProjected},
    {.op_type = "MatMulNBitsQkv", .shapes = "(... H) -> (... Nq) | (... Nkv) | (... Nkv) | (... H)"},
    {.op_type = "MatMulPacked", .shapes = kProjected},
    {.op_type = "QGemm", .types = "0=@8,float", .shapes = kQuantizedGemm},
    {.op_type = "QOrderedMatMul", .function = matrix_product<0, 2>},
    {.op_type = "RouterGateUpProj", .shapes = "(... _) (_ W) -> (... router_size) | (... (W-router_size)/2)"},
    {.op_type = "SparseToDenseMatMul", .function = fused_matrix_product},
    {.op_type = "TransposeMatMul", .function = fused_matrix_product},

    // Attention
    {.op_type = "Attention",
     .shapes = "(B S _) -> (B S qkv_hidden_sizes.2);"
               "(B S _) (_ W) -> (B S W/3);"
               "past_present_share_buffer=1 4:(_ B N P D) -> - | (2 B N P D);"
               "(_ S _) 4:(_ B N P D) -> - | (2 B N P+S D)"},
    {.op_type = "DecoderAttention",
     .shapes = "(...) -> (...);"
               "6:(B N _ D) -> - | (B N ? D);"
               "7:(B N _ D) -> - | - | (B N ? D)"},
    {.op_type = "DecoderMaskedMultiHeadAttention",
     .shapes = "(B S _) 2:(_ _ V) -> (B S V);"
               "(B S _) 2:(_ N _ D) -> (B S N*D);"
               "past_present_share_buffer=1 5:(B N P D) 6:(_ _ _ E) -> - | (B N P D) | (B N P E)"},
    {.op_type = "DecoderMaskedSelfAttention",
     .shapes = "(B S _) (_ W) -> (B S W/3);"
               "past_present_share_buffer=1 4:(_ B N P D) -> - | (2 B N P D);"
               "(_ S _) 4:(_ B N P D) -> - | (2 B N P+S D)"},
    {.op_type = "DisentangledAttention_TRT", .shapes = kSame},
    {.op_type = "DynamicSparseAttention",
     .types = "0=output_bf16?bfloat16,@0 1=@3,@1 2=@4,@2",
     .shapes = "(B S H) 2:(_ _ _) -> (B S H) | - | - | (1);"
               "3:(...) -> - | (...); 4:(...) -> - | - | (...);"
               "!3 (B _ H) 2:(_ _ _) -> - | (B kv_num_heads ? H/num_heads) | (B kv_num_heads ? H/num_heads)"},
    {.op_type = "GatedDeltaNet", .shapes = "(B S _ _) 2:(_ _ N V) -> (B S N V); 6:(...) -> - | (...)"},
    {.op_type = "GatedRelativePositionBias", .shapes = "!6 (B S _) -> (B num_heads S S); 6:(B S) -> (B num_heads S S)"},
    {.op_type = "GemmaRotaryEmbedding", .shapes = "1:(...) -> (...); 3:(...) -> - | (...)"},
    {.op_type = "GroupQueryAttention", .types = "1=@3,@0 2=@4,@0", .shapes = kGroupedQuery},
    {.op_type = "LinearAttention",
     .types = "1=@3,@0",
     .shapes = "(B S _) 2:(_ _ V) -> (B S V/kv_num_heads*max(q_num_heads,kv_num_heads));"
               "state_window=0 3:(...) -> - | (...);"
               "state_window=0 (B _ Q) 2:(_ _ V) -> - | (B kv_num_heads Q/q_num_heads V/kv_num_heads);"
               "(B _ Q) 2:(_ _ V) -> - | (state_window B kv_num_heads Q/q_num_heads V/kv_num_heads)"},
    {.op_type = "LinearAttentionGate", .shapes = kAllSame},
    {.op_type = "LongformerAttention", .shapes = kSame},
    {.op_type = "MRotaryEmbedding", .shapes = kSame},
    {.op_type = "MultiHeadAttention",
     .shapes = "(B S N _ D) -> (B S N*D);"
               "(B S _) 2:(_ _ V) -> (B S V);"
               "(B S _) 2:(_ N _ D) -> (B S N*D);"
               "(B S H) (_ _ _ _ _) -> (B S H);"
               "!8 (B _ _) 1:(_ L _) 6:(_ N P D) 7:(_ _ _ E) -> - | (B N P+L D) | (B N P+L E)"},
    {.op_type = "PackedAttention", .shapes = "(T _) -> (T qkv_hidden_sizes.2); (T _) 2:(W) -> (T W/3)"},
    {.op_type = "PackedMultiHeadAttention", .shapes = "(T N _ D) -> (T N*D); (T _) 2:(_ V) -> (T V)"},
    {.op_type = "PagedAttention", .shapes = kPaged},
    {.op_type = "QAttention",
     .shapes = "(B S _) (_ W) -> (B S W/3);"
               "past_present_share_buffer=1 8:(_ B N P D) -> - | (2 B N P D);"
               "(_ S _) 8:(_ B N P D) -> - | (2 B N P+S D)"},
    {.op_type = "QOrderedAttention", .shapes = "(B S _) -> (B S qkv_hidden_sizes.2); (B S _) 7:(_ V) -> (B S V)"},
    {.op_type = "QOrderedLongformerAttention", .shapes = kSame},
    {.op_type = "RelativePositionBias", .shapes = "(_ N) -> (1 N #1 #2)"},
    {.op_type = "RemovePadding", .shapes = "(B S H) -> (? H) | (B S) | (B+1) | (1)"},
    {.op_type = "RestorePadding", .shapes = "(_ H) (B S) -> (B S H)"},
    {.op_type = "RotaryEmbedding", .shapes = kSame},
    {.op_type = "SparseAttention", .shapes = kSparseGroupedQuery},
    {.op_type = "SparsePagedAttention", .shapes = kPaged},

    // State of recurrent layers
    {.op_type = "CausalConvWithState", .shapes = kCausalConvolution},
    {.op_type = "ConvStateReplay", .shapes = "2:(...) -> (...)"},
    {.op_type = "DynamicQuantizeLSTM", .like = {"LSTM", 14}},
    {.op_type = "GatedDeltaNetStateReplay", .shapes = "2:(...) -> (...)"},
    {.op_type = "VarlenCausalConvWithState",
     .shapes = "(T C) -> (T C); (_ C) 1:(_ _ K) 2:(M) -> - | (M-1 C dilation*(K-1))"},

    // Experts
    {.op_type = "MoE", .shapes = kSame},
    {.op_type = "MoEGroupRouter", .shapes = "!2 (...) -> (...) | (...) | (...)"},
    {.op_type = "MoEPacked", .shapes = kSame},
    {.op_type = "QMoE", .shapes = kSame},

    // Quantization
    {.op_type = "DequantizeBFP", .types = "0=dtype"},
    {.op_type = "DequantizeLinear", .shapes = kSame},
    {.op_type = "DequantizeWithOrder", .types = "0=to", .shapes = kSame},
    {.op_type = "GatherBlockQuantized", .function = gather_quantized},
    {.op_type = "GatherPacked", .types = "0=output_dtype", .shapes = "1:(...) -> (... K)"},
    {.op_type = "QLinearAdd", .function = broadcast<0, 3>},
    {.op_type = "QLinearAveragePool", .like = {"AveragePool", 10}, .layout = Layout::by_attribute},
    {.op_type = "QLinearConcat", .function = quantized_concat},
    {.op_type = "QLinearConv", .like = {"QLinearConv", 10}, .layout = Layout::by_attribute},
    {.op_type = "QLinearGlobalAveragePool", .function = global_pool},
    {.op_type = "QLinearLeakyRelu", .shapes = kSame},
    {.op_type = "QLinearMul", .function = broadcast<0, 3>},
    {.op_type = "QLinearReduceMean", .function = reduce},
    {.op_type = "QLinearSigmoid", .shapes = kSame},
    {.op_type = "QLinearSoftmax", .shapes = kSame},
    {.op_type = "QLinearWhere", .function = broadcast<0, 1, 4>},
    {.op_type = "QOrderedGelu", .shapes = kSame},
    {.op_type = "QOrderedLayerNormalization", .shapes = kSame},
    {.op_type = "QuantizeBFP", .function = quantize_bfp},
    {.op_type = "QuantizeLinear", .types = "0=@2,uint8", .shapes = kSame},
    {.op_type = "QuantizeWithOrder", .shapes = kSame},

    // Images and convolution
    {.op_type = "ConvTransposeWithDynamicPads", .function = transposed_convolution},
    {.op_type = "CropAndResize", .shapes = "(_ C _ _) (R _) -> (R C #3.0 #3.1)"},
    {.op_type = "EfficientNMS_TRT",
     .shapes = "(B ...) -> (B 1) | (B max_output_boxes 4) | (B max_output_boxes) | (B max_output_boxes)"},
    {.op_type = "FusedConv", .like = {"Conv", 11}},
    {.op_type = "GridSample", .types = "0=@0", .like = {"GridSample", 16}},
    {.op_type = "MaxpoolWithMask", .like = {"MaxPool", 8}},
    {.op_type = "MultilevelCropAndResize_TRT", .shapes = "(B R _) (_ C _ _) -> (B R C pooled_size pooled_size)"},
    {.op_type = "NhwcConv", .like = {"Conv", 11}, .layout = Layout::channels_last},
    {.op_type = "NhwcFusedConv", .like = {"Conv", 11}, .layout = Layout::channels_last},
    {.op_type = "NhwcMaxPool", .like = {"MaxPool", 12}, .layout = Layout::channels_last},
    {.op_type = "PyramidROIAlign_TRT", .shapes = "(B R _) (_ C _ _) -> (B R C pooled_size pooled_size)"},

    // Data movers, text and search
    {.op_type = "BeamSearch", .types = "1=@5,@6,float 2=@5,@6,float", .shapes = "(B ...) -> (B #4 #1)"},
    {.op_type = "BifurcationDetector", .shapes = "-> - | ()"},
    {.op_type = "DynamicTimeWarping", .shapes = "-> (2 ?)"},
    {.op_type = "ExpandDims", .function = expand_dims},
    {.op_type = "GatherND", .like = {"GatherND", 13}},
    {.op_type = "GreedySearch", .shapes = "(B _) -> (B #1)"},
    {.op_type = "NGramRepeatBlock", .shapes = "1:(...) -> (...)"},
    {.op_type = "Pad", .like = {"Pad", 13}},
    {.op_type = "Range", .function = range},
    {.op_type = "Sampling", .shapes = "(B _) -> (B #1)"},
    {.op_type = "Tokenizer", .shapes = "(...) -> (... ?)"},
    {.op_type = "TorchEmbedding", .shapes = "(_ E) (...) -> (... E)"},
    {.op_type = "UnfoldTensor", .function = unfold},
    {.op_type = "Unique", .shapes = "(N) -> (?) | (N) | (?)"},
    {.op_type = "WhisperBeamSearch",
     .types = "1=@5,@6,float 2=@5,@6,float 4=@5,@6,float",
     .shapes = "(B ...) -> (B #4 #1)"},

    // Of single families of models
    {.op_type = "EngramGate", .shapes = kAllSame},
    {.op_type = "HyperConnectionLowRankMix",
     .shapes = "(... H) -> (... H/num_branches) | (... num_branches) | (... H)"},
    {.op_type = "HyperConnectionPostMix", .shapes = kSame},
    {.op_type = "HyperConnectionPreMix",
     .shapes = "num_branches=0 (... _ H) -> (... H); (... H) -> (... H/num_branches)"},
    {.op_type = "NGramHashMapping",
     .shapes = "(B S) -> (B S n_head_per_ngram*(max_ngram_size-1)) | (B max_ngram_size-1)"},
    {.op_type = "SpeculativePrefixCommit", .shapes = "3:(A) 4:(B) -> (1) | (A) | (B)"},
    {.op_type = "VarlenNGramHashMapping", .shapes = "(T) -> (T n_head_per_ngram*(max_ngram_size-1))"},
};

}  // namespace

std::span<const Rule> rules() { return kRules; }

}  // namespace olivine::onnx::contrib
