#include "huggingface/torch_checkpoint.h"

#include "huggingface/huggingface_fixture.h"
#include "huggingface/pickle.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// ---- Pieces of a pickle, as torch.save writes them

std::string text(std::string_view value) {
  return "X" + bytes_of<std::uint32_t>({static_cast<std::uint32_t>(value.size())}) + std::string(value);
}
std::string number(int value) { return "J" + bytes_of<std::int32_t>({value}); }
std::string numbers(const std::vector<int>& values) {
  std::string items;
  for (const int value : values) items += number(value);
  return "(" + items + "t";
}
std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
std::string storage(std::string_view type, std::string_view key, int elements) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + number(elements) + "tQ";
}
std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }
std::string tensor_of(const std::string& storage, int offset, const std::vector<int>& dims,
                      const std::vector<int>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + number(offset) + numbers(dims) +
         numbers(strides) + "\x89" + ordered_dict() + "tR";
}
std::string state_dict(const std::string& items) { return "\x80\x02" + ordered_dict() + "(" + items + "u."; }

class TorchCheckpoint : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& pickle, const std::vector<float>& values = {0, 1, 2, 3, 4, 5}) {
    return folder_.write("pytorch_model.bin", zip({{"archive/data.pkl", pickle},
                                                   {"archive/byteorder", "little"},
                                                   {"archive/data/0", bytes_of(values)},
                                                   {"archive/version", "3\n"}}));
  }
  std::string refusal(const std::string& pickle) {
    const auto path = write(pickle);
    return error_of([&] { read_torch_checkpoint(path); });
  }

  TempFolder folder_;
};

TEST_F(TorchCheckpoint, ReadsTensorsWithTheirStrides) {
  const std::string shared = storage("FloatStorage", "0", 6);
  const auto tensors =
      read_torch_checkpoint(write(state_dict(text("whole") + tensor_of(shared, 0, {2, 3}, {3, 1}) +       //
                                             text("transposed") + tensor_of(shared, 0, {3, 2}, {1, 3}) +  //
                                             text("part") + tensor_of(shared, 2, {2}, {1}) +              //
                                             text("column") + tensor_of(shared, 1, {2}, {3}) +            //
                                             text("expanded") + tensor_of(shared, 5, {2, 2}, {0, 0}))));
  EXPECT_EQ(floats_of(tensors.at("whole")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_NE(tensors.at("whole").source()->file_slice(), nullptr);
  EXPECT_EQ(floats_of(tensors.at("transposed")), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(floats_of(tensors.at("part")), (std::vector<float>{2, 3}));
  EXPECT_EQ(floats_of(tensors.at("column")), (std::vector<float>{1, 4}));
  EXPECT_EQ(floats_of(tensors.at("expanded")), (std::vector<float>{5, 5, 5, 5}));
}

TEST_F(TorchCheckpoint, ReadsParametersAndTypesOfTheirOwn) {
  const std::string parameter = global("torch._utils", "_rebuild_parameter") + "(" +
                                tensor_of(storage("FloatStorage", "0", 6), 0, {6}, {1}) + "\x88" + ordered_dict() +
                                "tR";
  const std::string float8 = global("torch._utils", "_rebuild_tensor_v3") + "((" + text("storage") +
                             global("torch.storage", "UntypedStorage") + text("0") + text("cpu") + number(24) + "tQ" +
                             number(4) + numbers({4}) + numbers({1}) + "\x89" + ordered_dict() +
                             global("torch", "float8_e4m3fn") + "tR";
  const auto tensors = read_torch_checkpoint(write(state_dict(text("p") + parameter + text("f") + float8)));
  EXPECT_EQ(tensors.at("p").element_count(), 6u);
  EXPECT_EQ(tensors.at("f").dtype(), DataType::float8e4m3fn);
}

TEST_F(TorchCheckpoint, ExecutesNothing) {
  EXPECT_THAT(refusal("\x80\x02" + global("os", "system") + "(" + text("true") + "tR."),
              AllOf(HasSubstr("'os.system'"), HasSubstr("safetensors")));
  EXPECT_THAT(refusal("\x80\x02" + global("torch", "FloatStorage") + "(" + text("true") + "tR."),
              HasSubstr("calls 'torch.FloatStorage'"));
  EXPECT_THAT(refusal("\x80\x02ios\nsystem\n."), HasSubstr("instruction 0x69"));
  EXPECT_THAT(refusal("\x80\x02" + global("collections", "OrderedDict") + ")\x81."), HasSubstr("instruction 0x81"));
  EXPECT_THAT(refusal("\x80\x02K\x01}b."), HasSubstr("state of an object"));
}

TEST_F(TorchCheckpoint, RefusesWhatIsDamagedOrNoStateDict) {
  for (const char* pickle : {"", "\x80", "\x80\x02", "\x80\x02.", "\x80\x02tR.", "\x80\x02h\x01.",
                             "\x80\x02X\xFF\xFF\xFF\xFF", "\x80\x02}K\x01s.", "\x80\x02K\x01(K\x01.", "\x80\x02((."}) {
    EXPECT_THAT(refusal(pickle), HasSubstr("pickle is damaged")) << pickle;
  }
  EXPECT_THAT(refusal("\x80\x02K\x01."), HasSubstr("no dictionary of tensors"));
  EXPECT_THAT(refusal(state_dict(text("epoch") + number(3))), HasSubstr("'epoch' is no tensor"));
  const std::string shared = storage("FloatStorage", "0", 6);
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(shared, 0, {7}, {1}))),
              AllOf(HasSubstr("tensor 'w'"), HasSubstr("beyond the end of its storage")));
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(shared, -1, {1}, {1}))), HasSubstr("don't fit each other"));
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(shared, 0, {-1}, {1}))), HasSubstr("don't fit each other"));
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(shared, 0, {2147483647, 2147483647}, {2147483647, 1}))),
              HasSubstr("beyond the end of its storage"));
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(storage("FloatStorage", "9", 6), 0, {1}, {1}))),
              HasSubstr("no entry 'data/9'"));
  const auto path = folder_.write("model.bin", "weights");
  EXPECT_THAT(error_of([&] { read_torch_checkpoint(path); }), AllOf(HasSubstr("model.bin"), HasSubstr("torch.save")));
}

TEST_F(TorchCheckpoint, SaysHowToMendAnArchive) {
  const auto path = write(state_dict(""));
  std::filesystem::resize_file(path, 200);
  EXPECT_THAT(error_of([&] { read_torch_checkpoint(path); }),
              AllOf(HasSubstr("not a file of torch.save"), HasSubstr("again with torch.save")));
  EXPECT_THAT(refusal(state_dict(text("w") + tensor_of(storage("FloatStorage", "9", 6), 0, {1}, {1}))),
              AllOf(HasSubstr("no entry 'data/9'"), HasSubstr("again with torch.save")));
}

TEST_F(TorchCheckpoint, DoesNotGrowByCallingAgain) {
  std::string many = "\x80\x02](";
  for (int i = 0; i < 1000; ++i) many += "NN\x86";
  many += "eq\x01" + std::string("0") + ".";
  EXPECT_THAT(refusal(many), HasSubstr("0x30"));
  std::string again = "\x80\x02(](";
  for (int i = 0; i < 1000; ++i) again += "NN\x86";
  again += "eq\x01";
  for (int i = 0; i < 1000; ++i) again += global("collections", "OrderedDict") + "h\x01\x85R";
  EXPECT_THAT(refusal(again + "t."), HasSubstr("damaged"));
}

TEST_F(TorchCheckpoint, ReadsFilesFromBeforeTheArchive) {
  const std::string magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const std::string machine = "\x80\x02}(" + text("little_endian") + "\x88u.";
  const std::string view =
      "(" + text("storage") + global("torch", "FloatStorage") + text("7") + text("cpu") + number(3) + "NtQ";
  const std::string head = magic + "\x80\x02M\xe9\x03." + machine +
                           state_dict(text("w") + tensor_of(view, 1, {2}, {1})) + "\x80\x02](" + text("7") + "e.";
  const auto path = folder_.write("old.bin", head + bytes_of<std::int64_t>({3}) + bytes_of<float>({5, 6, 7}));
  EXPECT_EQ(floats_of(read_torch_checkpoint(path).at("w")), (std::vector<float>{6, 7}));
  const std::string frame = std::string("\x80\x04\x95") + bytes_of<std::uint64_t>({13});
  const auto framed =
      folder_.write("framed.bin", frame + head.substr(2) + bytes_of<std::int64_t>({3}) + bytes_of<float>({5, 6, 7}));
  EXPECT_EQ(floats_of(read_torch_checkpoint(framed).at("w")), (std::vector<float>{6, 7}));
  const auto cut = folder_.write("cut.bin", head + bytes_of<std::int64_t>({3}) + bytes_of<float>({5, 6}));
  EXPECT_THAT(error_of([&] { read_torch_checkpoint(cut); }), HasSubstr("storage '7' goes beyond"));
  const auto shorter = folder_.write("shorter.bin", head);
  EXPECT_THAT(error_of([&] { read_torch_checkpoint(shorter); }), HasSubstr("ends before its last storage"));
}

}  // namespace
}  // namespace olivine::huggingface
