#include "onnx/read_attribute.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "onnx/fields.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using wire::bytes;
using wire::fixed32;
using wire::varint;

struct AttributeFields {
  std::int32_t kind = 0;
  std::optional<float> f;
  std::optional<std::int64_t> i;
  std::optional<std::string> s;
  std::optional<std::string_view> t, g, tp, sparse_tensor;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string> strings;
  std::vector<std::string_view> tensors, graphs, types, sparse_tensors;
};

void append_floats(std::string_view packed, std::vector<float>& out) {
  if (packed.size() % sizeof(float) != 0) throw Error(ErrorCode::conversion, "a list of floats has an odd length");
  const std::size_t before = out.size();
  out.resize(before + packed.size() / sizeof(float));
  if (!packed.empty()) std::memcpy(out.data() + before, packed.data(), packed.size());
}

/// Files of IR version 1 don't tell the kind.
ir::AttributeKind guessed_kind(const AttributeFields& fields) {
  using ir::AttributeKind;
  if (fields.f) return AttributeKind::floating;
  if (fields.i) return AttributeKind::integer;
  if (fields.s) return AttributeKind::string;
  if (fields.t) return AttributeKind::tensor;
  if (fields.g) return AttributeKind::graph;
  if (fields.tp) return AttributeKind::type;
  if (fields.sparse_tensor) return AttributeKind::sparse_tensor;
  if (!fields.floats.empty()) return AttributeKind::floats;
  if (!fields.ints.empty()) return AttributeKind::integers;
  if (!fields.strings.empty()) return AttributeKind::strings;
  if (!fields.tensors.empty()) return AttributeKind::tensors;
  if (!fields.graphs.empty()) return AttributeKind::graphs;
  return AttributeKind::undefined;
}

template <typename Out, typename Read>
std::vector<Out> each(const std::vector<std::string_view>& messages, Read&& read) {
  std::vector<Out> out;
  out.reserve(messages.size());
  for (const std::string_view message : messages) out.push_back(read(message));
  return out;
}

std::string_view needed(const std::optional<std::string_view>& message) {
  if (!message) throw Error(ErrorCode::conversion, "has no value");
  return *message;
}

ir::AttributeValue value_of(ir::AttributeKind kind, AttributeFields& fields, Origin& origin,
                            const GraphRead& read_graph) {
  using ir::AttributeKind;
  switch (kind) {
    case AttributeKind::undefined:
      break;
    case AttributeKind::floating:
      return fields.f.value_or(0.0F);
    case AttributeKind::integer:
      return fields.i.value_or(0);
    case AttributeKind::string:
      return fields.s.value_or(std::string());
    case AttributeKind::tensor:
      return read_tensor(needed(fields.t), origin);
    case AttributeKind::graph:
      return read_graph(needed(fields.g));
    case AttributeKind::type:
      return read_type(needed(fields.tp));
    case AttributeKind::sparse_tensor:
      return read_sparse_tensor(needed(fields.sparse_tensor), origin);
    case AttributeKind::floats:
      return std::move(fields.floats);
    case AttributeKind::integers:
      return std::move(fields.ints);
    case AttributeKind::strings:
      return std::move(fields.strings);
    case AttributeKind::tensors:
      return each<ir::NamedTensor>(fields.tensors, [&](std::string_view m) { return read_tensor(m, origin); });
    case AttributeKind::graphs:
      return each<std::unique_ptr<ir::Graph>>(fields.graphs, [&](std::string_view m) { return read_graph(m); });
    case AttributeKind::types:
      return each<ir::Type>(fields.types, [](std::string_view m) { return read_type(m); });
    case AttributeKind::sparse_tensors:
      return each<ir::SparseTensor>(fields.sparse_tensors,
                                    [&](std::string_view m) { return read_sparse_tensor(m, origin); });
  }
  if (static_cast<std::int32_t>(kind) != 0) {
    throw Error(ErrorCode::conversion,
                fmt::format("has the kind {}, which ONNX does not define", static_cast<std::int32_t>(kind)));
  }
  return {};
}

}  // namespace

ir::Attribute read_attribute(std::string_view message, Origin& origin, const GraphRead& read_graph) {
  ir::Attribute attribute;
  AttributeFields fields;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::attribute::name):
        attribute.name = reader.text();
        break;
      case fixed32(field::attribute::f):
        fields.f = reader.floating();
        break;
      case varint(field::attribute::i):
        fields.i = reader.integer();
        break;
      case bytes(field::attribute::s):
        fields.s = reader.text();
        break;
      case bytes(field::attribute::t):
        fields.t = reader.view();
        break;
      case bytes(field::attribute::g):
        fields.g = reader.view();
        break;
      case bytes(field::attribute::tp):
        fields.tp = reader.view();
        break;
      case bytes(field::attribute::sparse_tensor):
        fields.sparse_tensor = reader.view();
        break;
      case bytes(field::attribute::floats):
        append_floats(reader.view(), fields.floats);
        break;
      case fixed32(field::attribute::floats):
        fields.floats.push_back(reader.floating());
        break;
      case bytes(field::attribute::ints):
        wire::append_varints(reader.view(), fields.ints);
        break;
      case varint(field::attribute::ints):
        fields.ints.push_back(reader.integer());
        break;
      case bytes(field::attribute::strings):
        fields.strings.push_back(reader.text());
        break;
      case bytes(field::attribute::tensors):
        fields.tensors.push_back(reader.view());
        break;
      case bytes(field::attribute::graphs):
        fields.graphs.push_back(reader.view());
        break;
      case bytes(field::attribute::type_protos):
        fields.types.push_back(reader.view());
        break;
      case bytes(field::attribute::sparse_tensors):
        fields.sparse_tensors.push_back(reader.view());
        break;
      case varint(field::attribute::type):
        fields.kind = reader.integer32();
        break;
      case bytes(field::attribute::ref_attr_name):
        attribute.reference = reader.text();
        break;
      case bytes(field::attribute::doc_string):
        attribute.annotations.edit().doc_string = reader.text();
        break;
      default:
        reader.keep(attribute.annotations.edit().unknown_fields);
    }
  }
  const auto kind = fields.kind != 0 ? static_cast<ir::AttributeKind>(fields.kind) : guessed_kind(fields);
  if (!attribute.reference.empty()) {
    attribute.reference_kind = kind;
    return attribute;
  }
  with_place(fmt::format("attribute '{}'", attribute.name),
             [&] { attribute.value = value_of(kind, fields, origin, read_graph); });
  return attribute;
}

}  // namespace olivine::onnx
