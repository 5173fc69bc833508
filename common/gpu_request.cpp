// SPDX-License-Identifier: Apache-2.0
#include "common/gpu_request.h"

#include "common/text.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace gpujob {

namespace {

constexpr std::string_view k_device = "device=";
/// A UUID has 40 characters; NVIDIA's older names of MIG devices have 60.
constexpr std::size_t k_longest_name = 100;

bool is_index(std::string_view name) {
  const auto colon = name.find(':');
  const auto whole = [](std::string_view s) {
    return !s.empty() && s.size() <= 4 &&
           std::all_of(s.begin(), s.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  return colon == std::string_view::npos
             ? whole(name)
             : whole(name.substr(0, colon)) && whole(name.substr(colon + 1));
}

/// They go into the job's environment, separated by commas, and onto terminals.
bool is_uuid_prefix(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '/' || c == '.' || c == '_';
  });
  return plain && name.size() <= k_longest_name &&
         (name.starts_with("GPU-") || name.starts_with("MIG-"));
}

} // namespace

Result<GpuRequest> parse_gpu_request(std::string_view text, std::string_view what) {
  const auto bad = [&](std::string_view item, const char* why) {
    return Error{Errc::usage, fmt::format("{}: {}: {}", what, printable(item.substr(0, 60)), why)};
  };
  constexpr const char* k_how =
      "not a number of GPUs, all, none, or a list: write 2, or 0,2, or device=0, or UUIDs";
  GpuRequest r;
  if (text == "none") {
    return r;
  }
  if (text == "all") {
    r.kind = GpuRequest::Kind::all;
    return r;
  }
  if (const auto n = parse_int(text)) {
    if (*n < 0 || *n > k_most_gpus) {
      return bad(text, "not a number of GPUs: use 0 to 64");
    }
    r.kind = *n == 0 ? GpuRequest::Kind::none : GpuRequest::Kind::count;
    r.count = *n;
    return r;
  }
  r.kind = GpuRequest::Kind::named;
  const bool device = text.starts_with(k_device);
  r.names = split(device ? text.substr(k_device.size()) : text, ',');
  for (const auto& name : r.names) {
    if (!is_index(name) && !is_uuid_prefix(name)) {
      return bad(text, k_how);
    }
    if (std::count(r.names.begin(), r.names.end(), name) > 1) {
      return bad(name, "named twice: name each GPU once");
    }
  }
  if (r.names.empty() || r.names.size() > static_cast<std::size_t>(k_most_gpus)) {
    return bad(text, k_how);
  }
  return r;
}

} // namespace gpujob
