// SPDX-License-Identifier: Apache-2.0
#include "client/metrics/token.h"

#include "common/file.h"
#include "common/paths.h"
#include "common/text.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::client {

namespace {
constexpr std::size_t k_longest_token = 4096;

Error token_error(const std::string& path, const std::string& why) {
  return {Errc::refused, fmt::format("metrics: token: {}: {}", printable(path), why)};
}
} // namespace

Result<std::string> check_token(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) {
    return io_error("stat", path, errno);
  }
  if ((file.st_mode & 077) != 0 || (file.st_uid != ::geteuid() && file.st_uid != 0)) {
    return token_error(path, "others may read it, or it is not yours: chmod 600 it");
  }
  const auto text = read_file(path, k_longest_token);
  if (!text) {
    return text.error();
  }
  const auto token = trim(*text);
  if (token.size() < 8 || token.find_first_of(" \t\r\n") != std::string_view::npos) {
    return token_error(path, "holds no token: one word of at least 8 characters is needed");
  }
  return path;
}

Result<std::string> make_token(const std::string& runtime_dir) {
  GPUJOB_TRY(prepare_private_dir(runtime_dir, "runtime directory"));
  const auto path = runtime_dir + "/metrics.token";
  if (::access(path.c_str(), F_OK) == 0) {
    return check_token(path);
  }
  std::array<unsigned char, 20> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return io_error("getrandom", path, errno);
  }
  std::string token;
  for (const auto b : bytes) {
    token += fmt::format("{:02x}", b);
  }
  GPUJOB_TRY(atomic_publish(path, token + "\n"));
  return path;
}

} // namespace gpujob::client
