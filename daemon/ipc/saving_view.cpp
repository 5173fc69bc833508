// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/saving_view.h"

#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>
#include <vector>

namespace gpujob::ipc {

using namespace policy;
using json::Json;

namespace {

/// What its newest saves took, in the median; a part that none of them had apart is null.
Json parts_view(const std::vector<saving::SaveSample>& saves) {
  std::vector<double> step, save, verify, transfer;
  for (const auto& s : saves) {
    save.push_back(s.pause - s.step.value_or(0));
    transfer.push_back(s.transfer());
    if (s.step) {
      step.push_back(*s.step);
    }
    if (s.verify) {
      verify.push_back(*s.verify);
    }
  }
  const auto median = [](std::vector<double>& of) -> Json {
    if (of.empty()) {
      return {};
    }
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
  };
  return {{"rest_of_step", median(step)},
          {"save", median(save)},
          {"verify", median(verify)},
          {"copy", median(transfer)}};
}

} // namespace

Json saving_view(const Job& job, Now now) {
  const auto* running = std::get_if<Running>(&job.state);
  const auto* course = running == nullptr ? nullptr : &running->saving;
  if (course == nullptr || (!course->plan && !course->next)) {
    return {};
  }
  const auto wall = [&](const std::optional<BootTime>& t) {
    return t ? Json(format_rfc3339(now.wall_at(*t))) : Json();
  };
  const auto& b = course->basis;
  const bool died = b.deaths > 0 && !b.transient;
  const auto steps = running->steps.rhythm();
  Json j{{"next_at", wall(course->next)},
         {"last_at", wall(course->last)},
         {"period_s",
          course->period ? Json(std::chrono::duration<double>(*course->period).count()) : Json()},
         {"miss", course->last ? Json(course->miss) : Json()},
         {"basis", saving::to_text(b.how)},
         {"samples", job.history.saves.size()},
         {"storage", b.storage.empty() ? Json() : Json(b.storage)},
         {"storage_samples", course->plan ? Json(b.here) : Json()},
         {"parts_s", parts_view(job.history.saves)},
         {"step_s", steps ? Json(steps->mean) : Json()},
         {"deaths_law", b.transient ? "bathtub" : "by chance"},
         {"latency_s", Json()},
         {"sessions", b.sessions},
         {"deaths", b.deaths},
         {"mean_between_deaths_s",
          died ? Json(saving::Hazard{}.after(b.deaths, b.exposure).mean_between()) : Json()}};
  if (course->plan) {
    const auto& latency = course->plan->prospect().latency;
    j["latency_s"] = {{"median", latency.quantile(0.5)}, {"p99", latency.quantile(0.99)}};
  }
  return j;
}

} // namespace gpujob::ipc
