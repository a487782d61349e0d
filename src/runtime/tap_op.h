#pragma once

#include "runtime/ort.h"
#include "runtime/taps.h"

namespace olivine::runtime {

/// The operators of the domain for one session, with who watches them. They must live as long as the session.
class TapOp : public Ort::CustomOpBase<TapOp, class TapKernel, true> {
 public:
  explicit TapOp(TapWatcher& watcher);

  const char* GetName() const { return kTap.data(); }
  std::size_t GetInputTypeCount() const { return 2; }
  ONNXTensorElementDataType GetInputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(std::size_t index) const;
  std::size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtStatusPtr CreateKernelV2(const OrtApi& api, const OrtKernelInfo* info, void** kernel) const;

 private:
  TapWatcher& watcher_;
};

class SpringOp : public Ort::CustomOpBase<SpringOp, class SpringKernel, true> {
 public:
  explicit SpringOp(TapWatcher& watcher);

  const char* GetName() const { return kSpring.data(); }
  std::size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(std::size_t) const { return INPUT_OUTPUT_OPTIONAL; }
  std::size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(std::size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
  OrtStatusPtr CreateKernelV2(const OrtApi& api, const OrtKernelInfo* info, void** kernel) const;

 private:
  TapWatcher& watcher_;
};

/// Both, where session options find them.
class TapOps {
 public:
  explicit TapOps(TapWatcher& watcher);
  OrtCustomOpDomain* domain() const { return domain_; }

 private:
  TapOp tap_;
  SpringOp spring_;
  Ort::CustomOpDomain domain_;
};

}  // namespace olivine::runtime
