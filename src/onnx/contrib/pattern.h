#pragma once

#include <string_view>

#include "onnx/contrib/rule.h"

namespace olivine::onnx::contrib {

/// Gives the outputs the shapes that a text tells. It has lines, separated by `;`:
///
///     (B S _) 2:(_ L 3 _) !8 share=0 -> (B S L*2) | - | (B #1)
///
/// Left of the arrow stand the inputs' shapes, from the first on or at the number given. A name stands for a size, `_`
/// for any one, `...` for any number of sizes (the same wherever it stands), a number for itself. `!8` wants input 8 to
/// be absent, `share=0` an attribute to have a value. Where something does not fit, or an input's rank is not known,
/// the line says nothing. Right of the arrow stand the outputs, `-` where the line says nothing of one. A size is `?`,
/// a number, a name, an integer attribute, `attribute.2` (an element), `#1` or `#1.0` (an element of a constant input),
/// or computed of such: `+`, `-`, `*`, `/`, `max(a,b)`. An absent attribute makes the line say nothing; what can't be
/// computed is unknown. Lines come in order; an output that has a shape keeps it.
void apply_patterns(std::string_view text, const Context& context);

}  // namespace olivine::onnx::contrib
