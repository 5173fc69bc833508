// SPDX-License-Identifier: Apache-2.0
#include "common/descriptors.h"
#include "common/fd.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "daemon/durable/helper.h"
#include "daemon/options.h"
#include "daemon/recorded.h"
#include "daemon/simulate/simulate.h"
#include "daemon/startup.h"

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unistd.h>

namespace {

using namespace gpujob;

const char* errc_word(Errc code) {
  const bool usage = code == Errc::usage || code == Errc::bad_data; // a bad config file is both
  return usage ? "usage" : code == Errc::refused ? "refused" : "io";
}

/// Tells whoever started us, once, through the descriptor it gave us for that.
class ReadyLine {
public:
  explicit ReadyLine(std::optional<int> fd) : m_fd(fd.value_or(-1)) {
    if (m_fd) {
      ::fcntl(m_fd.get(), F_SETFD, FD_CLOEXEC);
    }
  }
  void tell(const nlohmann::json& message) {
    if (m_fd) {
      const auto line = json::dump(message) + "\n";
      (void)!::write(m_fd.get(), line.data(), line.size());
      m_fd.reset();
    }
  }
  void tell(const Error& error) {
    log_line(error.text);
    tell({{"ok", false}, {"errc", errc_word(error.code)}, {"error", error.text}});
  }

private:
  Fd m_fd;
};

int serve(const Options& options, ReadyLine& ready) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  raise_descriptor_limit();
  boost::asio::io_context io{1};
  auto startup = start_up(io, options);
  if (!startup) {
    ready.tell(startup.error());
    return std::string_view(errc_word(startup.error().code)) == "usage" ? 2 : 1;
  }
  if (startup->quiet) {
    return 0;
  }
  log_line("listening");
  ready.tell({{"ok", true}, {"pid", ::getpid()}, {"notes", startup->notes}});
  io.run();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--simulate") {
    return gpujob::simulate::simulate_main(argc - 1, argv + 1,
                                           gpujob::read_recorded); // options of its own
  }
  gpujob::wait_for_memory(std::chrono::seconds{1}); // then its shims start another
  const auto parsed = gpujob::parse_options(argc, argv);
  if (!parsed.options) {
    return parsed.exit_code;
  }
  ReadyLine ready(parsed.options->ready_fd);
  try {
    return parsed.options->helper ? gpujob::durable::run_helper(STDIN_FILENO, STDOUT_FILENO)
                                  : serve(*parsed.options, ready);
  } catch (const std::exception& e) {
    ready.tell(Error{Errc::io, fmt::format("gpujobd: a fault of its own: {}", e.what())});
    return 1;
  }
}
