// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu.h"

#include "client/render/table.h"
#include "common/gpu/xid.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

using Row = std::vector<std::string>;
using Number = std::optional<std::int64_t>;

// So that both tables fit 80 columns; the whole text is in the JSON.
constexpr std::size_t k_widest_name = 24;
struct Widths {
  std::size_t job = 16, program = 20;
};
constexpr Widths k_with_use{14, 15}; // of the table that has a column for what each uses

/// Without the directory it lies in: there is room for little, and its arguments say more.
std::string short_program(const std::string& line, std::size_t most) {
  const auto end = std::min(line.find(' '), line.size());
  const auto slash = line.rfind('/', end);
  return cut_cell(slash < end ? line.substr(slash + 1) : line, most);
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

/// "MIG 1g.5gb, instance 3/0": its name is the GPU's and its profile.
std::string mig_name(const MigView& m) {
  constexpr std::string_view k_before = "MIG ";
  const auto at = m.name.rfind(k_before);
  return fmt::format("MIG{}, instance {}/{}",
                     at == std::string::npos ? "" : " " + m.name.substr(at + k_before.size()),
                     with_unit(m.gpu_instance, ""), with_unit(m.compute_instance, ""));
}

void add_gpu(std::vector<Row>& rows, const GpuView& gpu) {
  const auto index = fmt::format("{}", gpu.index);
  const auto name = gpu.name.empty() ? "?" : cut_cell(gpu.name, k_widest_name);
  if (gpu.state != "ok") {
    rows.push_back({index, name, cut_cell(gpu.state, 8), "", "", ""});
    return;
  }
  rows.push_back({index, name, with_unit(gpu.use_percent, " %"),
                  memory(gpu.memory_used, gpu.memory_total), with_unit(gpu.temperature_c, " C"),
                  power(gpu)});
  for (const auto& m : gpu.mig) {
    rows.push_back({fmt::format("{}:{}", gpu.index, m.index), cut_cell(mig_name(m), k_widest_name),
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

/// How it is known whose it is; the weakest part of that.
std::string told_by(const GpuOwner& o) {
  if (o.one_of.size() > 1) {
    return fmt::format("one of {}", o.one_of.size());
  }
  return o.seen_by == "device" || o.seen_by == "pid" ? o.told_by : o.seen_by;
}

std::string nobody(const GpuOwner& o, bool first_namespace) {
  if (!o.one_of.empty()) {
    std::string pids;
    for (const int pid : o.one_of) {
      pids += fmt::format("{}{}", pids.empty() ? "" : " ", pid);
    }
    return "(" + pids + ")";
  }
  return first_namespace ? "(has ended)" : "(not ours to name)";
}

/// The driver's, or ours of one that it does not tell.
std::string pid_of(const GpuProcess& process) {
  const int pid = process.pid == 0 && process.owner.here ? process.owner.pid : process.pid;
  return pid == 0 ? "?" : fmt::format("{}", pid);
}

Row process_row(const GpuView& gpu, const GpuProcess& process, bool first_namespace,
                bool with_use) {
  const auto& o = process.owner;
  const auto widths = with_use ? k_with_use : Widths{};
  Row row{place(gpu, process), pid_of(process)};
  if (with_use) {
    row.push_back(with_unit(process.use_percent, " %"));
  }
  row.push_back(bytes(process.memory));
  const auto job =
      o.job_id.empty() ? "-" : cut_cell(o.job_name.empty() ? o.job_id : o.job_name, widths.job);
  if (!o.here) {
    row.insert(row.end(), {o.one_of.empty() ? "-" : "?", o.one_of.empty() ? "" : told_by(o),
                           cut_cell(nobody(o, first_namespace), widths.program)});
  } else {
    row.insert(row.end(), {job, told_by(o), short_program(o.program, widths.program)});
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
  if (gpu.xid_count.value_or(0) > 0 && gpu.last_xid) {
    const auto meaning = xid_meaning(*gpu.last_xid);
    say(fmt::format("Xid {}{}{}", *gpu.last_xid, meaning.empty() ? "" : ": ", meaning) +
        (*gpu.xid_count > 1 ? fmt::format(" (the last of {})", *gpu.xid_count) : ""));
  }
  if (gpu.processes_left_out > 0) {
    say(fmt::format("{} more processes use it than are shown", gpu.processes_left_out));
  }
  if (!gpu.processes && gpu.state == "ok") {
    say("does not tell who uses it");
  }
  return out;
}

std::string heading(const GpuSnapshot& s) {
  std::string out;
  if (!s.driver.empty()) {
    out = "driver " + cut_cell(s.driver, 30) +
          (s.cuda.empty() ? "" : ", CUDA " + cut_cell(s.cuda, 10)) + "\n";
  }
  return out;
}

bool tells_use(const GpuView& gpu) {
  return gpu.processes && std::ranges::any_of(*gpu.processes, [](const GpuProcess& p) {
           return p.use_percent.has_value();
         });
}

bool has_strangers(const GpuSnapshot& s) {
  return std::ranges::any_of(s.gpus, [](const GpuView& gpu) {
    return gpu.processes &&
           std::ranges::any_of(*gpu.processes, [](const GpuProcess& p) { return !p.owner.here; });
  });
}

} // namespace

std::string render_gpus(const GpuSnapshot& snapshot) {
  std::vector<Row> gpus{{"GPU", "NAME", "USE", "MEMORY", "TEMP", "POWER"}};
  const bool with_use = std::ranges::any_of(snapshot.gpus, tells_use);
  std::vector<Row> processes{{"GPU", "PID", "MEMORY", "JOB", "TOLD BY", "PROGRAM"}};
  if (with_use) {
    processes[0].insert(processes[0].begin() + 2, "USE");
  }
  std::string rest;
  for (const auto& gpu : snapshot.gpus) {
    add_gpu(gpus, gpu);
    for (const auto& p : gpu.processes.value_or(std::vector<GpuProcess>{})) {
      processes.push_back(process_row(gpu, p, snapshot.first_namespace, with_use));
    }
    for (const auto& line : complaints(gpu)) {
      rest += line + "\n";
    }
  }
  auto out = heading(snapshot) + render_table(gpus);
  if (processes.size() > 1) {
    out += "\n" + render_table(processes);
  }
  if (!snapshot.first_namespace && has_strangers(snapshot)) {
    rest += "a container: the driver may report the host's pids, which name nothing here;\n"
            "only who is seen to have the GPU open, and who alone it can be, is named\n";
  }
  return out + (rest.empty() ? "" : "\n" + rest);
}

} // namespace gpujob::client
