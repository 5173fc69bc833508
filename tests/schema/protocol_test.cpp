// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "schema/embedded.h"
#include "tests/schema/schema_check.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gpujob {

using json::Json;

namespace {

constexpr std::string_view k_suffix = ".schema.json";

/// "job_view" of "job_view.schema.json".
std::string_view stem(std::string_view name) {
  return name.substr(0, name.size() - k_suffix.size());
}

/// The schema of a sample: "job_view" of "job_view.json" and "job_view-parked.json".
const schema::File* schema_of(std::string_view sample) {
  const auto name = sample.substr(0, sample.find_first_of("-."));
  for (const auto& file : schema::protocol()) {
    if (stem(file.name) == name) {
      return &file;
    }
  }
  return nullptr;
}

std::vector<std::filesystem::path> samples() {
  std::vector<std::filesystem::path> out;
  const std::filesystem::path dir = GPUJOB_TEST_SOURCE_DIR "/tests/data/protocol";
  if (std::filesystem::is_directory(dir)) {
    for (const auto& entry : std::filesystem::directory_iterator(dir)) {
      if (entry.path().extension() == ".json") {
        out.push_back(entry.path());
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("every protocol schema is JSON and is a schema", "[schema]") {
  for (const auto& file : schema::protocol()) {
    INFO(file.name);
    REQUIRE(file.name.ends_with(k_suffix));
    const auto schema = Json::parse(file.content, nullptr, false);
    REQUIRE(schema.is_object());
    CHECK(test::why_invalid(schema, Json::object()).find("the schema itself") == std::string::npos);
  }
}

TEST_CASE("the protocol's samples meet their schemas, those named bad do not", "[schema]") {
  for (const auto& path : samples()) {
    const auto name = path.filename().string();
    INFO(name);
    const auto* schema = schema_of(name);
    REQUIRE(schema != nullptr);
    std::ifstream in(path);
    const auto sample = Json::parse(in, nullptr, false);
    REQUIRE(!sample.is_discarded());
    const auto why = test::why_invalid(Json::parse(schema->content), sample);
    if (name.find("-bad") == std::string::npos) {
      CHECK(why == "");
    } else {
      CHECK(why != "");
    }
  }
}

} // namespace gpujob
