#include "runtime/npy.h"

#include <zip.h>

#include <cstring>

#include "base/file.h"
#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A file in NumPy's format with this header and these elements.
std::string npy(const std::string& dictionary, std::string_view payload, int version = 1) {
  std::string header = dictionary + "\n";
  std::string file = "\x93NUMPY";
  file += {static_cast<char>(version), '\0'};
  const auto length = static_cast<std::uint32_t>(header.size());
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) file += static_cast<char>(length >> (8 * i));
  return file + header + std::string(payload);
}

std::string npy_of(const std::string& descr, const std::string& shape, std::string_view payload,
                   const std::string& fortran = "False") {
  return npy("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }", payload);
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

tensor::Tensor parse(const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  return parse_npy({bytes.begin(), bytes.end()});
}

TEST(Npy, ReadsEveryVersion) {
  for (const int version : {1, 2, 3}) {
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
    const tensor::Tensor array = parse(npy(header, raw<float>({1.5F, -2}), version));
    EXPECT_EQ(array.dtype(), DataType::float32);
    EXPECT_THAT(array.dims(), ElementsAre(2, 1));
    EXPECT_THAT(doubles(array), ElementsAre(1.5, -2));
  }
  EXPECT_THAT(error_of([] { parse(npy("{}", "", 4)); }), HasSubstr("format version 4; versions 1 to 3 are read"));
}

TEST(Npy, ReadsEveryType) {
  const std::pair<const char*, DataType> types[] = {
      {"<f2", DataType::float16},   {"<f4", DataType::float32},    {"<f8", DataType::float64},
      {"|i1", DataType::int8},      {"<i2", DataType::int16},      {"<i4", DataType::int32},
      {"<i8", DataType::int64},     {"|u1", DataType::uint8},      {"<u2", DataType::uint16},
      {"<u4", DataType::uint32},    {"<u8", DataType::uint64},     {"|b1", DataType::boolean},
      {"<c8", DataType::complex64}, {"<c16", DataType::complex128}};
  for (const auto& [descr, dtype] : types) {
    const tensor::Tensor array = parse(npy_of(descr, "(3,)", std::string(48, '\1')));
    EXPECT_EQ(array.dtype(), dtype) << descr;
    EXPECT_EQ(array.byte_size(), packed_bytes(dtype, 3)) << descr;
  }
}

TEST(Npy, ReadsScalarsEmptyArraysAndHeadersOfOtherWriters) {
  EXPECT_TRUE(parse(npy_of("<f4", "()", raw<float>({1}))).dims().empty());
  EXPECT_EQ(parse(npy_of("<f4", "(0, 3)", "")).element_count(), 0U);
  EXPECT_THAT(parse(npy("{\"shape\": (2L,), 'descr':'<i4','fortran_order':False}", raw<int>({1, 2}))).dims(),
              ElementsAre(2));
}

TEST(Npy, PutsFortranOrderRight) {
  // [[1, 2, 3], [4, 5, 6]] column by column
  const tensor::Tensor array = parse(npy_of("<f4", "(2, 3)", raw<float>({1, 4, 2, 5, 3, 6}), "True"));
  EXPECT_THAT(array.dims(), ElementsAre(2, 3));
  EXPECT_THAT(doubles(array), ElementsAre(1, 2, 3, 4, 5, 6));
  const tensor::Tensor words = parse(npy_of("|S1", "(2, 3)", "adbecf", "True"));
  EXPECT_THAT(words.strings(), ElementsAre("a", "b", "c", "d", "e", "f"));
}

TEST(Npy, ReadsStrings) {
  const tensor::Tensor array = parse(npy_of("<U2", "(3,)", raw<std::uint32_t>({'a', 0, 0xe9, 0x1f600, 0, 0})));
  EXPECT_THAT(array.strings(), ElementsAre("a", "\xc3\xa9\xf0\x9f\x98\x80", ""));
  EXPECT_THAT(parse(npy_of("|S3", "(2,)", std::string("abcd\0\0", 6))).strings(), ElementsAre("abc", "d"));
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_THAT(error_of([] { parse("PK"); }), HasSubstr("does not begin as one does"));
  EXPECT_THAT(error_of([] { parse(npy_of("<f4", "(2,)", "1234")); }),
              HasSubstr("2 elements of 4 bytes are announced, 4 bytes are there"));
  EXPECT_THAT(error_of([] { parse(npy_of(">f4", "(1,)", "1234")); }), HasSubstr("it is big-endian; save it"));
  EXPECT_THAT(error_of([] { parse(npy_of("|O", "(1,)", "1234")); }), HasSubstr("never run"));
  EXPECT_THAT(error_of([] { parse(npy_of("|V2", "(2,)", "1234")); }), HasSubstr("bfloat16"));
  EXPECT_THAT(error_of([] { parse(npy_of("<f16", "(1,)", std::string(16, ' '))); }), HasSubstr("no type like"));
  EXPECT_THAT(error_of([] { parse(npy_of("<M8[ns]", "(1,)", "12345678")); }), HasSubstr("cannot be understood"));
  EXPECT_THAT(error_of([] { parse(npy("{'descr': [('a', '<f4')], 'shape': (1,)}", "")); }), HasSubstr("fields"));
  EXPECT_THAT(error_of([] { parse(npy("{'descr': '<f4', 'shape': (1,)}", "")); }), HasSubstr("lacks"));
  EXPECT_THAT(error_of([] { parse(npy("{'descr': '<f4'", "")); }), HasSubstr("cannot be understood"));
}

TEST(Npy, BelievesNoLength) {
  EXPECT_THAT(error_of([] { parse(npy_of("<f8", "(4611686018427387904,)", "")); }), HasSubstr("cut off"));
  EXPECT_THAT(error_of([] { parse(npy_of("<f8", "(4294967296, 4294967296)", "")); }), HasSubstr("overflows"));
  EXPECT_THAT(error_of([] { parse(npy_of("<U4611686018427387904", "(1,)", "")); }), HasSubstr("overflows"));
  EXPECT_THAT(error_of([] { parse(npy_of("<f4", "(-1,)", "")); }), HasSubstr("cannot be understood"));
  std::string file = npy_of("<f4", "(1,)", "1234");
  file[9] = '\x7f';
  EXPECT_THAT(error_of([&] { parse(file); }), HasSubstr("header is cut off"));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(error_of([&] { parse(npy_of("<f4", "(1,)", "1234").substr(0, size)); }), "no error") << size;
  }
}

TEST(Npy, NamesTheFile) {
  const TempFolder folder;
  const auto path = folder.write("broken.npy", "nothing");
  EXPECT_THAT(error_of([&] { read_npy(path); }), HasSubstr("error[io]: " + path.string() + ": not a usable"));
  EXPECT_THAT(error_of([&] { read_npy(folder / "absent.npy"); }), HasSubstr("No such file"));
}

/// A `.npz` archive of these entries.
std::filesystem::path archive(const TempFolder& folder, const std::map<std::string, std::string>& entries, int level,
                              int zip64) {
  const auto path = folder / "a.npz";
  std::filesystem::remove(path);
  const zipFile zip = ::zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  for (const auto& [name, bytes] : entries) {
    ::zipOpenNewFileInZip64(zip, name.c_str(), nullptr, nullptr, 0, nullptr, 0, nullptr, level == 0 ? 0 : Z_DEFLATED,
                            level, zip64);
    ::zipWriteInFileInZip(zip, bytes.data(), static_cast<unsigned>(bytes.size()));
    ::zipCloseFileInZip(zip);
  }
  ::zipClose(zip, nullptr);
  return path;
}

TEST(Npz, ReadsStoredAndDeflatedEntries) {
  const TempFolder folder;
  const std::vector<float> many(100000, 2.5F);
  for (const int level : {0, 6}) {
    for (const int zip64 : {0, 1}) {
      const auto path = archive(folder,
                                {{"x.npy", npy_of("<f4", "(100000,)", raw(many))},
                                 {"a/b.npy", npy_of("<i8", "(1,)", raw<std::int64_t>({7}))}},
                                level, zip64);
      const auto arrays = read_npz(path);
      ASSERT_EQ(arrays.size(), 2U);
      EXPECT_EQ(arrays[0].first, "a/b");
      EXPECT_EQ(arrays[1].first, "x");
      EXPECT_EQ(doubles(arrays[1].second)[99999], 2.5);
    }
  }
}

TEST(Npz, SaysWhatIsWrong) {
  const TempFolder folder;
  EXPECT_THAT(error_of([&] { read_npz(folder.write("b.npz", "text")); }), HasSubstr("not a .npz archive"));
  EXPECT_THAT(error_of([&] { read_npz(folder / "absent.npz"); }), HasSubstr("No such file"));
  EXPECT_THAT(error_of([&] {
                read_npz(archive(folder, {{"x.txt", "text"}}, 0, 0));
              }),
              HasSubstr("'x.txt', which is no array"));
  EXPECT_THAT(error_of([&] { read_npz(archive(folder, {{"x.npy", "text"}}, 0, 0)); }), HasSubstr("x: not a usable"));
  // A payload that was changed after it was written: its checksum tells.
  const auto path = archive(folder, {{"x.npy", npy_of("<f4", "(1,)", "1234")}}, 0, 0);
  std::string bytes = read_text_file(path);
  bytes[bytes.find("1234")] = 'X';
  folder.write("a.npz", bytes);
  EXPECT_THAT(error_of([&] { read_npz(path); }), HasSubstr("checksum"));
  EXPECT_THAT(error_of([&] { read_npz(folder.write("a.npz", bytes.substr(0, bytes.size() / 2))); }),
              HasSubstr("archive"));
}

}  // namespace
}  // namespace olivine::runtime
