// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu.h"

#include "client/render/table.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using nlohmann::json;
using Row = std::vector<std::string>;
using Number = std::optional<std::int64_t>;

// So that both tables fit 80 columns; the whole text is in the JSON.
constexpr std::size_t k_widest_name = 24;
constexpr std::size_t k_widest_job = 16;
constexpr std::size_t k_widest_program = 20;

std::string cut(const std::string& text, std::size_t most) {
  const auto shown = printable(text);
  if (shown.size() <= most) {
    return shown;
  }
  auto end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) {
    --end; // never in the middle of a character
  }
  return shown.substr(0, end) + "~";
}

/// Without the directory it lies in: there is room for little, and its arguments say more.
std::string short_program(const std::string& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto slash = line.rfind('/', end);
  return cut(slash < end ? line.substr(slash + 1) : line, k_widest_program);
}

std::string bytes(Number n) {
  return n && *n >= 0 ? format_bytes(static_cast<unsigned long long>(*n)) : "?";
}

std::string with_unit(Number n, const char* unit, std::int64_t divisor = 1) {
  return n ? fmt::format("{}{}", *n / divisor, unit) : "?";
}

std::string memory(Number used, Number total) {
  return used || total ? bytes(used) + " of " + bytes(total) : "?";
}

/// "27 of 70 W"
std::string power(const GpuView& gpu) {
  constexpr std::int64_t k_milli = 1000;
  if (!gpu.power_limit_mw) {
    return with_unit(gpu.power_mw, " W", k_milli);
  }
  return with_unit(gpu.power_mw, "", k_milli) + " of " +
         with_unit(gpu.power_limit_mw, " W", k_milli);
}

void add_gpu(std::vector<Row>& rows, const GpuView& gpu) {
  const auto index = fmt::format("{}", gpu.index);
  const auto name = gpu.name.empty() ? "?" : cut(gpu.name, k_widest_name);
  if (gpu.state != "ok") {
    rows.push_back({index, name, cut(gpu.state, 8), "", "", ""});
    return;
  }
  rows.push_back({index, name, with_unit(gpu.use_percent, " %"),
                  memory(gpu.memory_used, gpu.memory_total), with_unit(gpu.temperature_c, " C"),
                  power(gpu)});
  for (const auto& m : gpu.mig) {
    rows.push_back({fmt::format("{}:{}", gpu.index, m.index),
                    fmt::format("MIG, instance {}/{}", with_unit(m.gpu_instance, ""),
                                with_unit(m.compute_instance, "")),
                    "", memory(m.memory_used, m.memory_total), "", ""});
  }
}

std::string place(const GpuView& gpu, const GpuProcess& process) {
  const auto mig = std::ranges::find_if(gpu.mig, [&](const MigView& m) {
    return process.gpu_instance && m.gpu_instance == process.gpu_instance &&
           m.compute_instance == process.compute_instance;
  });
  return mig == gpu.mig.end() ? fmt::format("{}", gpu.index)
                              : fmt::format("{}:{}", gpu.index, mig->index);
}

Row process_row(const GpuView& gpu, const GpuProcess& process, bool first_namespace) {
  const auto& o = process.owner;
  Row row{place(gpu, process), fmt::format("{}", process.pid), bytes(process.memory)};
  if (!o.here) {
    row.insert(row.end(), {"-", "", first_namespace ? "(has ended)" : "(not ours to name)"});
  } else if (o.job_id.empty()) {
    row.insert(row.end(), {"-", "", short_program(o.program)});
  } else {
    row.insert(row.end(), {cut(o.job_name.empty() ? o.job_id : o.job_name, k_widest_job), o.told_by,
                           short_program(o.program)});
  }
  return row;
}

bool is_slowdown(const std::string& reason) {
  return reason != "idle" && reason != "application_clocks" && reason != "display_clocks" &&
         reason != "sync_boost";
}

/// What is not well, a line each.
std::vector<std::string> complaints(const GpuView& gpu) {
  std::vector<std::string> out;
  const auto say = [&](const std::string& text) {
    out.push_back(fmt::format("GPU {}: {}", gpu.index, printable(text)));
  };
  if (gpu.state == "lost") {
    say("off the bus (" + gpu.error + "): only a restart of the machine brings it back");
  } else if (gpu.state != "ok") {
    say(gpu.error);
  }
  std::string slow;
  for (const auto& reason : gpu.throttle) {
    if (is_slowdown(reason)) {
      slow += (slow.empty() ? "" : ", ") + reason;
    }
  }
  if (!slow.empty()) {
    say("held back: " + slow);
  }
  if (gpu.uncorrected_errors.value_or(0) > 0) {
    say(fmt::format("{} uncorrected memory errors since the driver started",
                    *gpu.uncorrected_errors));
  }
  if (!gpu.processes && gpu.state == "ok") {
    say("does not tell who uses it");
  }
  return out;
}

std::string heading(const GpuSnapshot& s) {
  std::string out;
  if (!s.driver.empty()) {
    out =
        "driver " + cut(s.driver, 30) + (s.cuda.empty() ? "" : ", CUDA " + cut(s.cuda, 10)) + "\n";
  }
  return out;
}

bool has_strangers(const GpuSnapshot& s) {
  return std::ranges::any_of(s.gpus, [](const GpuView& gpu) {
    return gpu.processes &&
           std::ranges::any_of(*gpu.processes, [](const GpuProcess& p) { return !p.owner.here; });
  });
}

json job_json(const GpuOwner& o) {
  if (o.job_id.empty()) {
    return nullptr;
  }
  const auto or_null = [](const std::string& t) { return t.empty() ? json() : json(printable(t)); };
  return {{"id", printable(o.job_id)},
          {"name", or_null(o.job_name)},
          {"state", or_null(o.job_state)},
          {"told_by", o.told_by}};
}

} // namespace

std::string render_gpus(const GpuSnapshot& snapshot, bool first_namespace) {
  std::vector<Row> gpus{{"GPU", "NAME", "USE", "MEMORY", "TEMP", "POWER"}};
  std::vector<Row> processes{{"GPU", "PID", "MEMORY", "JOB", "TOLD BY", "PROGRAM"}};
  std::string rest;
  for (const auto& gpu : snapshot.gpus) {
    add_gpu(gpus, gpu);
    for (const auto& p : gpu.processes.value_or(std::vector<GpuProcess>{})) {
      processes.push_back(process_row(gpu, p, first_namespace));
    }
    for (const auto& line : complaints(gpu)) {
      rest += line + "\n";
    }
  }
  auto out = heading(snapshot) + render_table(gpus);
  if (processes.size() > 1) {
    out += "\n" + render_table(processes);
  }
  if (!first_namespace && has_strangers(snapshot)) {
    rest += "a container: the driver may report the host's pids, which name nothing here;\n"
            "only who is seen to have the GPU open is named\n";
  }
  return out + (rest.empty() ? "" : "\n" + rest);
}

json gpu_document(json reply, const GpuSnapshot& snapshot, bool first_namespace) {
  reply.erase("ok");
  reply["pid_namespace"] = first_namespace ? "first" : "other";
  for (std::size_t i = 0; i < snapshot.gpus.size(); ++i) {
    const auto& list = snapshot.gpus[i].processes;
    for (std::size_t k = 0; list && k < list->size(); ++k) {
      const auto& o = (*list)[k].owner;
      auto& process = reply["devices"][i]["processes"][k];
      process["here"] = o.here;
      process["seen_by"] = o.here ? json(o.seen_by) : json();
      process["program"] = o.here ? json(printable(o.program)) : json();
      process["job"] = job_json(o);
    }
  }
  return reply;
}

} // namespace gpujob::client
