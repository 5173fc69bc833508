// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/platform/activity.h"
#include "daemon/platform/notice.h"
#include "daemon/platform/told_end.h"
#include "daemon/process/helper_runner.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

/// Looks outside at intervals: at the notebook's servers and at the cloud's metadata through
/// gpujob-http, and asks the scheduler's own program how much is left. Each look has a deadline, so
/// that nothing there delays anything here.
namespace gpujob {

class SessionWatch {
public:
  struct Plan {
    platform::ActivitySources activity;            ///< empty: nobody is asked
    Duration every{};                              ///< between two looks at them
    std::optional<platform::NoticeSource> notices; ///< nullopt: nobody is asked
    std::optional<platform::EndQuestion> end;      ///< nullopt: nobody is asked
  };
  using OnActivity = std::function<void(const Result<platform::Activity>&)>;
  using OnNotice = std::function<void(const std::optional<platform::EndNotice>&)>;

  /// Time left, as it was answered; nullopt: there is no limit.
  using OnLeft = std::function<void(const Result<std::optional<Duration>>&)>;

  /// `exe` is gpujob-http.
  SessionWatch(boost::asio::io_context& io, std::string exe, OnActivity on_activity,
               OnNotice on_notice, OnLeft on_left);

  /// Looks from now on as this says, instead of what was said before.
  void start(Plan plan);

private:
  void look();
  void ask();
  void ask_left();
  void again(boost::asio::steady_timer& timer, Duration after, void (SessionWatch::*then)());
  void heard(const Result<std::string>& reply);

  Plan m_plan;
  OnActivity m_on_activity;
  OnNotice m_on_notice;
  OnLeft m_on_left;
  boost::asio::io_context& m_io;
  process::HelperRunner m_http;
  std::unique_ptr<process::HelperRunner> m_scheduler;
  boost::asio::steady_timer m_activity_timer, m_notice_timer, m_left_timer;
  int m_silent = 0;        ///< questions in a row that the metadata service did not answer
  bool m_answered = false; ///< it did once
  unsigned m_turn = 0;     ///< of start()
};

} // namespace gpujob
