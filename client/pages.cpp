// SPDX-License-Identifier: Apache-2.0
#include "client/pages.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client {

namespace {

/// More pages than this of one answer are no answer.
constexpr int k_most_pages = 10'000;

} // namespace

Result<void> each_page(Connection& connection, std::string_view method, nlohmann::json params,
                       const std::function<Result<void>(nlohmann::json)>& take) {
  auto& cursor = params["cursor"] = nullptr;
  for (int i = 0; i < k_most_pages; ++i) {
    auto page = connection.call(method, params);
    if (!page) {
      return page.error();
    }
    auto next = page->value("next", nlohmann::json());
    GPUJOB_TRY(take(std::move(*page)));
    if (next.is_null()) {
      return {};
    }
    if (next == cursor) {
      break;
    }
    cursor = std::move(next);
  }
  return Error{Errc::bad_data, fmt::format("daemon: {}: its pages do not end", method)};
}

} // namespace gpujob::client
