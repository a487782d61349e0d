#include "runtime/tap_op.h"

#include <string>

namespace olivine::runtime {
namespace {

template <typename Body>
OrtStatusPtr status_of(const Body& body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return Ort::Status(error.what(), ORT_FAIL).release();
  }
}

std::int64_t id_of(const OrtKernelInfo* info) { return Ort::ConstKernelInfo(info).GetAttribute<std::int64_t>("id"); }

}  // namespace

class TapKernel {
 public:
  TapKernel(TapWatcher& watcher, std::int64_t id) : watcher_(watcher), id_(id) {}

  OrtStatusPtr ComputeV2(OrtKernelContext* raw) const {
    return status_of([&] {
      Ort::KernelContext context(raw);
      const Ort::ConstValue in = context.GetInput(0);
      const auto info = in.GetTensorTypeAndShapeInfo();
      const std::size_t count = info.GetElementCount();
      Ort::UnownedValue out = context.GetOutput(0, info.GetShape());
      const auto second = context.GetInputCount() > 1 ? context.GetInput(1) : Ort::ConstValue();
      watcher_.pass(id_, {in.GetTensorData<float>(), count},
                    second ? std::span(second.GetTensorData<float>(), count) : std::span<const float>(),
                    {out.GetTensorMutableData<float>(), count});
    });
  }

 private:
  TapWatcher& watcher_;
  std::int64_t id_;
};

class SpringKernel {
 public:
  SpringKernel(TapWatcher& watcher, std::int64_t id) : watcher_(watcher), id_(id) {}

  OrtStatusPtr ComputeV2(OrtKernelContext* raw) const {
    return status_of([&] {
      Ort::UnownedValue out = Ort::KernelContext(raw).GetOutput(0, watcher_.dims(id_));
      watcher_.give(id_, {out.GetTensorMutableData<float>(), out.GetTensorTypeAndShapeInfo().GetElementCount()});
    });
  }

 private:
  TapWatcher& watcher_;
  std::int64_t id_;
};

TapOp::TapOp(TapWatcher& watcher) : watcher_(watcher) {
  // A tensor that nobody else needs is watched where it lies.
  GetMayInplace = [](int** inputs, int** outputs) -> std::size_t {
    *inputs = new int(0);
    *outputs = new int(0);
    return 1;
  };
  ReleaseMayInplace = [](int* inputs, int* outputs) {
    delete inputs;
    delete outputs;
  };
}

SpringOp::SpringOp(TapWatcher& watcher) : watcher_(watcher) {}

OrtCustomOpInputOutputCharacteristic TapOp::GetInputCharacteristic(std::size_t index) const {
  return index == 0 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL;
}

OrtStatusPtr TapOp::CreateKernelV2(const OrtApi&, const OrtKernelInfo* info, void** kernel) const {
  return status_of([&] { *kernel = new TapKernel(watcher_, id_of(info)); });
}

OrtStatusPtr SpringOp::CreateKernelV2(const OrtApi&, const OrtKernelInfo* info, void** kernel) const {
  return status_of([&] { *kernel = new SpringKernel(watcher_, id_of(info)); });
}

TapOps::TapOps(TapWatcher& watcher) : tap_(watcher), spring_(watcher), domain_(std::string(kTapDomain).c_str()) {
  domain_.Add(&tap_);
  domain_.Add(&spring_);
}

}  // namespace olivine::runtime
