// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

/// The data files of schema/, compiled in. Every view lives as long as the program.
namespace gpujob::schema {

struct File {
  std::string_view name; ///< without its directory: "kaggle.json", "0001_initial.sql"
  std::string_view content;
};

/// Each sorted by name; a group may be empty.
std::span<const File> platforms();
std::span<const File> migrations();
std::span<const File> protocol();

/// The JSON Schema that every profile of platforms() meets.
std::string_view platform_schema();

} // namespace gpujob::schema
