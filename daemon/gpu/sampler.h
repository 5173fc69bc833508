// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/gpu/look.h"
#include "daemon/gpu/pace.h"
#include "daemon/gpu/xid_totals.h"
#include "daemon/process/line_child.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

namespace gpujob::gpu {

/// Looks at the GPUs again and again through a gpujob-gpuprobe that stays, as often as something
/// changes. Nothing waits for it: a probe that does not answer is killed and, after a while,
/// replaced. Owned by the loop.
class Sampler {
public:
  /// `document` is the probe's answer, JSON on one line.
  using OnLook = std::function<void(const Look& look, const std::string& document)>;
  using OnFailure = std::function<void(const std::string& why)>;

  struct Parts {
    std::string exe;                                        ///< gpujob-gpuprobe
    std::function<bool(const std::string& job_id)> is_ours; ///< a job of this daemon
    OnLook on_look;
    OnFailure on_failure;
  };

  Sampler(boost::asio::io_context& io, Parts parts);

  void start();
  /// Something is about to change: the next look, which began after this, comes within a second,
  /// where there are GPUs that answer.
  void look_soon();

  /// The newest look that was answered.
  [[nodiscard]] const std::optional<Look>& last() const { return m_last; }
  /// Why nothing is seen now; empty: GPUs are.
  [[nodiscard]] const std::string& why() const { return m_why; }
  [[nodiscard]] Duration every() const { return m_pace.current(); }

private:
  void look();
  void look_in(Duration wait);
  void heard(const Result<std::string>& answer);
  Pace::Found take(Look look, const std::string& document);
  void fail(const std::string& why);

  Parts m_parts;
  process::LineChild m_probe;
  XidTotals m_xids;
  Pace m_pace;
  boost::asio::steady_timer m_timer;
  std::optional<Look> m_last;
  std::string m_why = "not looked at yet";
  bool m_asking = false;
  bool m_again = false; ///< look_soon() while a question was open
};

} // namespace gpujob::gpu
