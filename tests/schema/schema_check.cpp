// SPDX-License-Identifier: Apache-2.0
#include "tests/schema/schema_check.h"

#include "schema/embedded.h"

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace gpujob::test {

namespace {

/// A new document, for valijson to give back to free_document.
const nlohmann::json* fetch_document(const std::string& uri) {
  const auto name = uri.substr(uri.find_last_of('/') + 1);
  for (const auto& file : schema::protocol()) {
    if (file.name == name) {
      return new nlohmann::json(nlohmann::json::parse(file.content));
    }
  }
  return nullptr;
}

void free_document(const nlohmann::json* document) {
  delete document;
}

} // namespace

std::string why_invalid(const nlohmann::json& schema, const nlohmann::json& document) {
  using valijson::adapters::NlohmannJsonAdapter;
  valijson::Schema parsed;
  try {
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(NlohmannJsonAdapter(schema), parsed, fetch_document, free_document);
  } catch (const std::exception& e) {
    return std::string("the schema itself: ") + e.what();
  }
  valijson::ValidationResults results;
  if (valijson::Validator().validate(parsed, NlohmannJsonAdapter(document), &results)) {
    return {};
  }
  std::string why = "does not meet its schema";
  for (const auto& error : results) {
    why += "\n  ";
    for (const auto& part : error.context) {
      why += part;
    }
    why += ": " + error.description;
  }
  return why;
}

} // namespace gpujob::test
