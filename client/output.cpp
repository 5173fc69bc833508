// SPDX-License-Identifier: Apache-2.0
#include "client/output.h"

#include "client/errors.h"
#include "common/errc.h"
#include "common/file.h"
#include "common/text.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

void note(std::string_view text) {
  // Nobody is left to be told when this fails.
  (void)write_all(STDERR_FILENO, "gpujob: " + printable(text) + "\n");
}

Result<void> print(std::string_view text) {
  auto written = write_all(STDOUT_FILENO, text);
  if (!written) {
    return Error{Errc::io, "output: standard output: " + written.error().text};
  }
  return {};
}

Result<void> print_json(const nlohmann::json& document) {
  constexpr int k_indent = 2;
  return print(document.dump(k_indent, ' ', false, nlohmann::json::error_handler_t::replace) +
               "\n");
}

int report(const Error& error, bool json) {
  note(error.text);
  if (json) {
    (void)print_json({{"error",
                       {{"code", rpc_number(error.code)},
                        {"errc", errc_text(error.code)},
                        {"message", error.text}}}});
  }
  return exit_code(error.code);
}

} // namespace gpujob::client
