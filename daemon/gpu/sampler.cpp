// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/sampler.h"

#include "common/clock.h"
#include "common/errc.h"
#include "common/error_words.h"
#include "common/json.h"
#include "common/text.h"

#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

namespace gpujob::gpu {

using namespace std::chrono_literals;

namespace {

/// A driver initialises within a second or so (longer without its persistence daemon); one that
/// hangs does so for ever.
constexpr Duration k_deadline = 3s;
constexpr Duration k_soon = 1s;

Result<GpuSnapshot> read_answer(const std::string& text) {
  const auto document = json::parse(text, "gpujob-gpuprobe");
  if (!document) {
    return document.error();
  }
  json::Reader r(*document, "gpujob-gpuprobe");
  if (!r.boolean_or("ok", false)) {
    return Error{errc_from_text(r.text_or("errc", "io")),
                 json::error_words(*document, "error", "no reason given")};
  }
  return read_gpu_snapshot(*document);
}

} // namespace

Sampler::Sampler(boost::asio::io_context& io, Parts parts)
    : m_parts(std::move(parts)), m_probe(io, m_parts.exe, "the GPU's driver"), m_timer(io) {}

void Sampler::start() {
  look();
}

void Sampler::look_soon() {
  if (!m_why.empty()) {
    return; // no GPU, or one that does not answer: it is not asked more often for that
  }
  m_pace.hurry();
  if (m_asking) {
    m_again = true;
  } else if (m_timer.expiry() > boost::asio::steady_timer::clock_type::now() + k_soon) {
    look_in(k_soon);
  }
}

void Sampler::look_in(Duration wait) {
  m_timer.expires_after(wait);
  m_timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      look();
    }
  });
}

void Sampler::look() {
  if (::access(m_parts.exe.c_str(), X_OK) != 0) {
    Look none;
    none.at = read_clocks();
    none.why = m_parts.exe + ": is not there: reinstall gpujob";
    take(std::move(none), {});
    look_in(m_pace.after(Pace::Found::nothing));
    return;
  }
  m_asking = true;
  m_probe.ask(R"({"op":"snapshot"})", k_deadline,
              [this](const Result<std::string>& answer) { heard(answer); });
}

void Sampler::heard(const Result<std::string>& answer) {
  m_asking = false;
  auto snapshot = answer ? read_answer(*answer) : Result<GpuSnapshot>(answer.error());
  auto found = Pace::Found::failure;
  if (snapshot) {
    found = take(make_look(std::move(*snapshot), read_clocks()), *answer);
  } else {
    // What answers nonsense is not asked again either.
    m_probe.close();
    fail(printable(snapshot.error().text));
  }
  const auto wait = m_pace.after(found);
  look_in(std::exchange(m_again, false) && snapshot ? std::min(wait, k_soon) : wait);
}

Pace::Found Sampler::take(Look look, const std::string& document) {
  count_owners(look, m_parts.is_ours);
  m_xids.carry(look);
  carry_owners(look, m_last ? &*m_last : nullptr);
  carry_idleness(look, m_last ? &*m_last : nullptr);
  auto found = Pace::Found::nothing;
  if (look.devices.empty()) {
    m_probe.close();
    m_why = printable(look.why.empty() ? "no GPU" : look.why);
  } else {
    const bool changed = !m_last || !m_why.empty() || differs(*m_last, look);
    found = changed || is_job_at_work(look) ? Pace::Found::change : Pace::Found::quiet;
    m_why.clear();
  }
  m_last = std::move(look);
  m_parts.on_look(*m_last, document);
  return found;
}

void Sampler::fail(const std::string& why) {
  m_why = why;
  m_parts.on_failure(m_why);
}

} // namespace gpujob::gpu
