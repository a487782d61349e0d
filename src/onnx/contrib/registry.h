#pragma once

#include <onnx/defs/schema.h>

#include <cstdint>
#include <string_view>
#include <vector>

/// ONNX Runtime's own operators: those of com.microsoft, and those that it adds to onnx's domain.
///
/// - schemas.inc holds the facts; scripts/contrib_schemas.py writes it from ONNX Runtime.
/// - rules.cc holds one row an operator: which shapes its outputs have.
/// - cases.inc holds what ONNX Runtime itself infers; the test compares.
namespace olivine::onnx {

/// onnx's schemas and these. Whatever in this room looks for a schema looks here, never in onnx's own registry. A
/// schema is made when it is first asked for and lives as long as the program, so that who meets none of these
/// operators pays nothing. Safe from any thread.
const ::onnx::ISchemaRegistry& schema_registry();

/// onnx's own schema, for those who must not see the operators of ONNX Runtime; null where there is none.
const ::onnx::OpSchema* standard_schema(std::string_view name, int version, std::string_view domain);
/// Every version of every operator of onnx in a domain, by name and version.
std::vector<const ::onnx::OpSchema*> standard_schemas_of(std::string_view domain);

/// The newest version of a domain that the registry knows, 0 for a domain that it doesn't.
std::int64_t newest_version(std::string_view domain);

}  // namespace olivine::onnx
