// SPDX-License-Identifier: Apache-2.0
#include "client/metrics/collect.h"
#include "client/metrics/openmetrics.h"

#include "common/clock.h"
#include "common/json.h"

#include <array>
#include <chrono>

/// Which series there are, and what they are made of.
namespace gpujob::client {

namespace {

using json::Json;

const Json& at(const Json& j, const char* key) {
  static const Json k_null;
  const auto it = j.is_object() ? j.find(key) : j.end();
  return j.is_object() && it != j.end() ? *it : k_null;
}

std::optional<double> number(const Json& j, const char* key) {
  const auto& value = at(j, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::optional<double> scaled(std::optional<double> value, double by) {
  return value ? std::optional(*value * by) : std::nullopt;
}

std::string text(const Json& j, const char* key) {
  const auto& value = at(j, key);
  return value.is_string() ? value.get<std::string>() : "";
}

/// Seconds since the Unix epoch, as every timestamp of Prometheus.
std::optional<double> instant(const Json& j, const char* key) {
  const auto time = parse_rfc3339(text(j, key));
  return time ? std::optional(std::chrono::duration<double>(time->time_since_epoch()).count())
              : std::nullopt;
}

std::optional<double> newest_confirmed(const Json& job) {
  std::optional<double> newest;
  for (const auto& c : at(job, "checkpoints")) {
    if (at(c, "confirmed") == true) {
      newest = instant(c, "at");
    }
  }
  return newest;
}

Labels of_job(const Json& job) {
  return {{"job", text(job, "id")}, {"name", text(job, "name")}};
}

Labels of_gpu(const Json& gpu) {
  const auto index = number(gpu, "index");
  return {{"gpu", text(gpu, "uuid")},
          {"index", index ? std::to_string(static_cast<int>(*index)) : ""},
          {"model", text(gpu, "name")}};
}

void add_daemon(OpenMetrics& m, const Observed& o) {
  m.gauge("gpujob_up", "", "1 while a daemon answers.");
  m.sample({}, o.up ? 1 : 0);
  m.gauge("gpujob_build_info", "", "The daemon's version.");
  m.sample({{"version", text(o.status, "version")}}, o.up ? std::optional(1.0) : std::nullopt);
  m.gauge("gpujob_uptime_seconds", "seconds", "How long the daemon has run.");
  m.sample({}, number(o.status, "uptime_s"));
  m.gauge("gpujob_jobs", "", "How many jobs are in a state.");
  for (const auto& [state, count] : at(o.status, "jobs").items()) {
    m.sample({{"state", state}},
             count.is_number() ? std::optional(count.get<double>()) : std::nullopt);
  }
}

void add_session(OpenMetrics& m, const Json& view) {
  const auto& session = at(view, "session");
  const Labels platform{{"platform", text(view, "platform")}};
  m.gauge("gpujob_session_elapsed_seconds", "seconds", "Since the session began.");
  m.sample(platform, number(session, "elapsed_s"));
  m.gauge("gpujob_session_remaining_seconds", "seconds", "Until the platform ends the session.");
  m.sample(platform, number(session, "remaining_s"));
  m.gauge("gpujob_session_end_timestamp_seconds", "seconds", "When the platform ends the session.");
  m.sample(platform, instant(session, "ends_at"));
  m.gauge("gpujob_session_idle_end_timestamp_seconds", "seconds",
          "When the platform may take the session for idle.");
  m.sample(platform, instant(session, "idle_ends_at"));
  m.gauge("gpujob_limit_left_seconds", "seconds",
          "What is left of a limit that is time; binds: it ends this session first.");
  int number_of = 0; // two limits of one type and resource are two series
  for (const auto& limit : at(view, "limits")) {
    m.sample({{"limit", std::to_string(++number_of)},
              {"type", text(limit, "type")},
              {"resource", text(limit, "resource")},
              {"binds", at(limit, "binds") == true ? "true" : "false"}},
             number(limit, "left_s"));
  }
}

void add_jobs(OpenMetrics& m, const std::vector<Json>& jobs) {
  m.gauge("gpujob_job_state", "", "1 for the state a job is in.");
  for (const auto& job : jobs) {
    auto labels = of_job(job);
    labels.emplace_back("state", text(job, "state"));
    m.sample(labels, 1);
  }
  struct Series {
    const char* name;
    const char* unit;
    const char* help;
    std::optional<double> (*value)(const Json&);
  };
  constexpr std::array<Series, 9> k_series{{
      {"gpujob_job_attempt", "", "Which attempt runs.",
       [](const Json& j) { return number(j, "attempt"); }},
      {"gpujob_job_started_timestamp_seconds", "seconds", "When this attempt started.",
       [](const Json& j) { return instant(j, "started_at"); }},
      {"gpujob_job_progress_ratio", "ratio", "How far it is, by its own word or progress bar.",
       [](const Json& j) { return number(j, "progress"); }},
      {"gpujob_job_work_left_seconds", "seconds", "How long its work still takes, likewise.",
       [](const Json& j) { return number(j, "left_s"); }},
      {"gpujob_job_checkpoint_timestamp_seconds", "seconds", "Its newest confirmed checkpoint.",
       newest_confirmed},
      {"gpujob_job_next_save_timestamp_seconds", "seconds", "When it will be asked to save.",
       [](const Json& j) { return instant(at(j, "saving"), "next_at"); }},
      {"gpujob_job_last_save_timestamp_seconds", "seconds",
       "When it will be asked for the last save of this session.",
       [](const Json& j) { return instant(at(j, "saving"), "last_at"); }},
      {"gpujob_job_term_timestamp_seconds", "seconds", "When it will be told to end.",
       [](const Json& j) { return instant(at(j, "plan"), "term_at"); }},
      {"gpujob_job_miss_ratio", "ratio", "The chance that its last save comes too late.",
       [](const Json& j) { return number(at(j, "saving"), "miss"); }},
  }};
  for (const auto& s : k_series) {
    m.gauge(s.name, s.unit, s.help);
    for (const auto& job : jobs) {
      m.sample(of_job(job), s.value(job));
    }
  }
  for (const auto& [name, key, help] :
       {std::array{"gpujob_job_interruptions", "interruptions",
                   "Ends of sessions it has lived through."},
        {"gpujob_job_failures", "failures", "Times it has failed and was restarted."}}) {
    m.counter(name, help);
    for (const auto& job : jobs) {
      m.sample(of_job(job), number(job, key));
    }
  }
}

void add_gpus(OpenMetrics& m, const Json& view) {
  struct Series {
    const char* name;
    const char* unit;
    const char* help;
    const char* key;
    double by;
  };
  constexpr std::array<Series, 6> k_series{{
      {"gpujob_gpu_utilization_ratio", "ratio", "Of the last interval.", "use_percent", 0.01},
      {"gpujob_gpu_memory_used_bytes", "bytes", "Memory in use.", "memory_used", 1},
      {"gpujob_gpu_memory_size_bytes", "bytes", "Memory in all.", "memory_total", 1},
      {"gpujob_gpu_temperature_celsius", "celsius", "Temperature.", "temperature_c", 1},
      {"gpujob_gpu_power_watts", "watts", "Power drawn.", "power_mw", 0.001},
      {"gpujob_gpu_idle_seconds", "seconds", "How long it has been idle.", "idle_s", 1},
  }};
  const auto& devices = at(view, "devices");
  for (const auto& s : k_series) {
    m.gauge(s.name, s.unit, s.help);
    for (const auto& gpu : devices) {
      m.sample(of_gpu(gpu), scaled(number(gpu, s.key), s.by));
    }
  }
  m.counter("gpujob_gpu_xid_errors",
            "Xid errors that NVIDIA's driver told of since the daemon looks.");
  for (const auto& gpu : devices) {
    m.sample(of_gpu(gpu), number(at(gpu, "xid"), "count"));
  }
  m.gauge("gpujob_gpu_job_memory_bytes", "bytes", "Memory that a job uses of a GPU.");
  for (const auto& gpu : devices) {
    for (const auto& job : at(gpu, "jobs")) {
      m.sample({{"gpu", text(gpu, "uuid")}, {"job", text(job, "job")}, {"name", text(job, "name")}},
               number(job, "memory"));
    }
  }
}

} // namespace

std::string metrics_text(const Observed& observed) {
  OpenMetrics m;
  add_daemon(m, observed);
  if (observed.up) {
    add_session(m, observed.session);
    add_jobs(m, observed.jobs);
    add_gpus(m, observed.gpu);
  }
  return m.text();
}

} // namespace gpujob::client
