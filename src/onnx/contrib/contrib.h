#pragma once

/// ONNX Runtime's own operators: those of com.microsoft, and those that it adds to onnx's domain. onnx does not know
/// them, so its registry is given their schemas, with functions that infer types and shapes.
///
/// - schemas.inc holds the facts; scripts/contrib_schemas.py writes it from ONNX Runtime.
/// - rules.cc holds one row an operator: which shapes its outputs have.
/// - cases.inc holds what ONNX Runtime itself infers; the test compares.
namespace olivine::onnx {

/// Registers the schemas, once and before anything reads onnx's registry. Every function of this room that reaches the
/// registry calls it first. Safe from any thread.
void ensure_contrib_schemas();

}  // namespace olivine::onnx
