// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/output.h"
#include "client/top/feed.h"
#include "client/top/layout.h"
#include "client/top/live.h"
#include "client/top/log_lines.h"
#include "client/top/screen.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

using namespace std::chrono_literals;
using namespace top;

constexpr int k_once_ms = 30'000;

Result<Duration> read_interval(const std::string& text) {
  auto interval = parse_duration(text, "top: --interval");
  if (interval && (*interval < 100ms || *interval > 1h)) {
    return Error{Errc::usage, "top: --interval: " + text + ": out of range: give 0.1s to 1h"};
  }
  return interval;
}

/// A whole round of questions.
Result<void> ask_once(Feed& feed, Model& model) {
  feed.begin(model, read_clocks().wall);
  while (!feed.idle()) {
    pollfd entry{feed.fd(), POLLIN, 0};
    if (::poll(&entry, 1, k_once_ms) == 0) {
      return Error{Errc::unreachable, "daemon: no answer: it hangs; see its log"};
    }
    feed.receive(model, read_clocks().wall);
  }
  if (model.gone_since) {
    return Error{Errc::unreachable, "daemon: connection: it went away: see gpujob daemon status, "
                                    "then try again"};
  }
  return {};
}

/// The window's, else what the environment says of it, else what every terminal has.
Size once_size(const std::vector<std::string>& environment) {
  Size size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0) {
    return {window.ws_row, window.ws_col};
  }
  const auto read = [&](const char* name, std::size_t& into) {
    const auto value = parse_int(value_of(environment, name));
    if (value && *value > 0 && *value <= 1000) {
      into = static_cast<std::size_t>(*value);
    }
  };
  read("LINES", size.rows);
  read("COLUMNS", size.columns);
  return size;
}

Result<int> print_once(Feed& feed, Model& model, const std::vector<std::string>& environment) {
  GPUJOB_TRY(ask_once(feed, model));
  model.now = read_clocks().wall;
  read_tail(model.log);
  const Glyphs glyphs{speaks_utf8(environment)};
  GPUJOB_TRY(print(plain_text(draw(model, once_size(environment), glyphs, false))));
  if (!model.message.empty()) {
    note(model.message);
  }
  return 0;
}

Result<int> print_document(Feed& feed, Model& model) {
  GPUJOB_TRY(ask_once(feed, model));
  auto jobs = nlohmann::json::array();
  for (const auto& job : model.jobs) {
    jobs.push_back(nlohmann::json::parse(job.view.raw));
  }
  GPUJOB_TRY(print_json(
      {{"session", feed.said("quota")}, {"jobs", std::move(jobs)}, {"gpu", feed.said("gpu")}}));
  return 0;
}

} // namespace

Result<int> execute(const TopOptions& options) {
  const auto interval = read_interval(options.interval);
  if (!interval) {
    return interval.error();
  }
  const auto environment = own_environment();
  const bool live = !options.once && !options.json;
  if (live) {
    // Before a daemon is started for it.
    GPUJOB_TRY(Screen::check(environment));
  }
  auto endpoint = locate_daemon(environment);
  if (!endpoint) {
    return endpoint.error();
  }
  auto reached = reach_or_start(*endpoint, {});
  if (!reached) {
    return reached.error();
  }
  Feed feed(std::move(*endpoint));
  feed.adopt(std::move(reached->connection));
  Model model;
  if (live) {
    return run_live(feed, model, *interval, environment);
  }
  return options.json ? print_document(feed, model) : print_once(feed, model, environment);
}

} // namespace gpujob::client
