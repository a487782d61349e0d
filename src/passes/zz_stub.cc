#include "passes/pass.h"
namespace olivine::passes {
struct O {};
const config::OptionsSchema& s() {
  static const config::OptionsSchema d = config::Declare<O>().done();
  return d;
}
Change r(ir::Model&, const std::any&, Context&) { return Change::unchanged; }
extern const Pass kOnnxIODataTypeConverter;
extern const Pass kDynamicToFixedShape;
const Pass kOnnxIODataTypeConverter = {"OnnxIODataTypeConverter", "", &s, &r};
const Pass kDynamicToFixedShape = {"DynamicToFixedShape", "", &s, &r};
}  // namespace olivine::passes
