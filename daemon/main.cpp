// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "common/log.h"
#include "daemon/durable/helper.h"
#include "daemon/options.h"
#include "daemon/startup.h"

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unistd.h>

namespace {

using namespace gpujob;

const char* errc_word(Errc code) {
  const bool usage = code == Errc::usage || code == Errc::bad_data; // a bad config file is both
  return usage ? "usage" : code == Errc::refused ? "refused" : "io";
}

/// Tells whoever started us, once.
void tell_ready(const std::optional<int>& fd, const nlohmann::json& message) {
  if (fd) {
    const auto line = json::dump(message) + "\n";
    (void)!::write(*fd, line.data(), line.size());
    ::close(*fd);
  }
}

int serve(const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  if (options.ready_fd) {
    ::fcntl(*options.ready_fd, F_SETFD, FD_CLOEXEC);
  }
  boost::asio::io_context io{1};
  auto startup = start_up(io, options);
  if (!startup) {
    const auto& error = startup.error();
    log_line(error.text);
    tell_ready(options.ready_fd,
               {{"ok", false}, {"errc", errc_word(error.code)}, {"error", error.text}});
    return std::string_view(errc_word(error.code)) == "usage" ? 2 : 1;
  }
  if (startup->quiet) {
    return 0;
  }
  log_line("listening");
  tell_ready(options.ready_fd, {{"ok", true}, {"pid", ::getpid()}});
  io.run();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = gpujob::parse_options(argc, argv);
  if (!parsed.options) {
    return parsed.exit_code;
  }
  try {
    return parsed.options->helper ? gpujob::durable::run_helper(STDIN_FILENO, STDOUT_FILENO)
                                  : serve(*parsed.options);
  } catch (const std::exception& e) {
    gpujob::log_line(std::string("gpujobd: a fault of its own: ") + e.what());
    return 1;
  }
}
