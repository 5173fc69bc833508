// SPDX-License-Identifier: Apache-2.0
#include "client/render/job.h"

#include "client/instant.h"
#include "client/render/progress.h"
#include "client/render/saving.h"
#include "client/render/table.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/recipe.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// "confirmed, stored in /durable/..."; "not confirmed (why)".
std::string trust(const CheckpointView& c) {
  const auto far = storing_text(c);
  if (!c.confirmed) {
    if (!far.empty()) {
      return "being stored: " + far;
    }
    const auto word = c.state.empty() ? std::string("unconfirmed") : c.state;
    return c.note.empty() ? word : fmt::format("{} ({})", word, c.note);
  }
  auto place = c.durable.empty() ? std::string("confirmed, on this VM only")
                                 : fmt::format("confirmed and {} in {}", c.durable, c.durable_path);
  place += far.empty() ? "" : ", being stored: " + far;
  return c.note.empty() ? place : fmt::format("{} ({})", place, c.note);
}

std::string size_text(std::int64_t bytes) {
  return format_bytes(static_cast<unsigned long long>(std::max<std::int64_t>(bytes, 0)));
}

std::string step_text(const CheckpointView& c) {
  return c.step ? fmt::format(" (step {})", *c.step) : std::string{};
}

std::string base_name(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path.substr(path.find_last_of('/') + 1);
}

std::string exit_text(const JobView& v) {
  if (!v.exit) {
    return {};
  }
  return v.signal.empty() ? fmt::format("exit {}", *v.exit)
                          : fmt::format("exit {}, {}", *v.exit, v.signal);
}

/// How long the current attempt has run, or the last one ran.
std::string elapsed(const JobView& v, WallTime now) {
  if (!v.started_at) {
    return {};
  }
  return format_duration(std::max(v.ended_at.value_or(now) - *v.started_at, Duration::zero()));
}

std::string counted(std::int64_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string when(const std::optional<WallTime>& at, WallTime now) {
  return at ? fmt::format("{} ({})", format_local(*at), relative(*at, now)) : std::string{};
}

std::string asked_by(const JobView& v) {
  if (v.catches == "command" || v.catches == "copy") {
    return fmt::format("not needed: it is saved by --checkpoint-{}",
                       v.catches == "copy" ? "copy" : "cmd");
  }
  return v.catches.empty()
             ? "none caught so far: it is asked by the notice file alone; --checkpoint-cmd and "
               "--checkpoint-copy need nothing of it"
             : "catches " + v.catches;
}

/// "megatron (--exit-signal-handler): exits after it has saved".
std::string recipe_text(const JobView& v) {
  std::string text = v.recipe;
  if (!v.recipe.empty() && !v.recipe_why.empty()) {
    text += fmt::format(" ({})", v.recipe_why);
  }
  if (!v.contract.empty()) {
    text += fmt::format("{}{} after it has saved", text.empty() ? "" : ": ", v.contract);
  }
  if (const auto* recipe = find_recipe(v.recipe); recipe != nullptr && recipe->layout != "any") {
    text += fmt::format("; saves {}", recipe->layout);
  }
  return text;
}

/// "GPU 0 (GPU-5f1c…), GPU 1 (…)".
std::string gpus_text(const JobView& v) {
  std::string text;
  for (std::size_t i = 0; i < v.gpus.size(); ++i) {
    text +=
        (i == 0 ? "" : ", ") +
        (i < v.gpu_names.size() ? fmt::format("{} ({})", v.gpu_names[i], v.gpus[i]) : v.gpus[i]);
  }
  return text;
}

/// "0,1": what fits a column.
std::string gpus_column(const JobView& v) {
  std::string text;
  for (const auto& name : v.gpu_names.empty() ? v.gpus : v.gpu_names) {
    text += (text.empty() ? "" : ",") + (name.starts_with("GPU ") ? name.substr(4) : name);
  }
  return text.empty() ? "-" : text;
}

} // namespace

std::string how_it_ended(const JobView& v) {
  std::string line = v.name + " " + v.state;
  // A failed job's reason says its code already.
  if (!v.reason.empty()) {
    line += ": " + v.reason;
  } else if (v.state == "failed" || v.state == "lost") {
    line += ": " + exit_text(v);
  }
  if (v.state == "parked" || v.state == "stopped") {
    const auto* saved = v.newest_confirmed();
    line += saved == nullptr ? "; no checkpoint confirmed"
                             : fmt::format("; checkpoint {}{} {}", base_name(saved->path),
                                           step_text(*saved), trust(*saved));
  }
  return v.state == "parked" ? line + "; in the next session run the same line" : line;
}

std::string storing_text(const CheckpointView& c) {
  if (!c.stored_bytes || !c.total_bytes || *c.stored_bytes < 0 || *c.total_bytes <= 0) {
    return {};
  }
  const auto total = size_text(*c.total_bytes);
  if (*c.stored_bytes >= *c.total_bytes) {
    return fmt::format("all of {} written, being verified", total);
  }
  auto done = size_text(*c.stored_bytes);
  const auto unit = total.substr(total.find(' '));
  if (done.ends_with(unit) || *c.stored_bytes == 0) {
    done.resize(done.find(' '));
  }
  const auto per_s = c.stored_per_s.value_or(0);
  const bool moves = per_s >= 1 && per_s < 1e18;
  return fmt::format("{} of {}{}", done, total,
                     moves ? ", " + size_text(static_cast<std::int64_t>(per_s)) + "/s" : "");
}

std::string storing_line(const CheckpointView& c) {
  const auto far = storing_text(c);
  return far.empty() ? std::string()
                     : printable(fmt::format("storing {}: {}", base_name(c.path), far));
}

std::string render_checkpoint(const CheckpointView& c, WallTime now) {
  auto line = c.path.empty() ? std::string("(no path)") : c.path;
  line += step_text(c) + ": " + trust(c);
  if (!c.how.empty() && c.how != "none") {
    line += ", by " + c.how;
  }
  if (c.bytes) {
    line += ", " + size_text(*c.bytes);
  }
  if (c.at) {
    line += ", " + relative(*c.at, now);
  }
  return printable(line);
}

std::string render_job(const JobView& v, WallTime now) {
  FactSheet sheet;
  sheet.add("job", v.name == v.id ? v.id : fmt::format("{} ({})", v.name, v.id));
  sheet.add("state", v.reason.empty() ? v.state : fmt::format("{}: {}", v.state, v.reason));
  sheet.add("command", shell_words(v.argv));
  sheet.add("directory", v.cwd);
  sheet.add("attempt", v.attempt == 0 ? "none yet" : std::to_string(v.attempt));
  sheet.add("GPUs", gpus_text(v));
  sheet.add("process", v.pid ? std::to_string(*v.pid) : "");
  sheet.add("ended with", exit_text(v));
  sheet.add("run returns", v.run_exit ? std::to_string(*v.run_exit) : "");
  sheet.add("created", when(v.created_at, now));
  sheet.add("started", when(v.started_at, now));
  sheet.add("ended", when(v.ended_at, now));
  sheet.add("ran for", elapsed(v, now));
  sheet.add("status", v.status);
  sheet.add("progress", progress_sentence(v, now));
  sheet.add("resumed from", v.resume_from);
  const bool alive = v.pid.has_value();
  sheet.add("checkpoint signal", alive || !v.catches.empty() ? asked_by(v) : "");
  sheet.add("recipe", recipe_text(v));
  const auto saving = saving_lines(v, now);
  for (const auto& [label, text] : saving) {
    sheet.add(label, text);
  }
  const bool told =
      std::ranges::any_of(saving, [](const auto& l) { return l.first == "last save"; });
  sheet.add("will be asked to save", told ? "" : when(v.request_at, now));
  sheet.add("will be told to end", when(v.term_at, now));
  sheet.add("session ends", when(v.ends_at, now));
  sheet.add("counted",
            fmt::format("{}, {}, {} without progress", counted(v.interruptions, "interruption"),
                        counted(v.failures, "failure"), counted(v.no_progress, "attempt")));
  sheet.add("output", v.log);
  for (auto it = v.checkpoints.rbegin(); it != v.checkpoints.rend(); ++it) {
    sheet.add(it == v.checkpoints.rbegin() ? "checkpoints" : "", render_checkpoint(*it, now));
  }
  if (v.checkpoints.empty()) {
    sheet.add("checkpoints", "none");
  }
  return sheet.text();
}

std::string render_jobs(const std::vector<JobView>& jobs, WallTime now) {
  std::vector<std::vector<std::string>> rows{
      {"NAME", "ID", "STATE", "ATTEMPT", "RAN", "CHECKPOINT", "REASON"}};
  const bool gpus = std::ranges::any_of(jobs, [](const auto& v) { return !v.gpus.empty(); });
  for (const auto& v : jobs) {
    const auto age = v.checkpoint_at ? relative(*v.checkpoint_at, now) : std::string("-");
    rows.push_back({v.name, v.id, v.state, v.attempt == 0 ? "-" : std::to_string(v.attempt),
                    v.started_at && !v.waiting() ? elapsed(v, now) : "-", age,
                    !v.reason.empty() ? v.reason
                    : v.progress      ? progress_text(v)
                                      : exit_text(v)});
  }
  if (gpus) { // a column that says nothing only takes room
    rows.front().insert(rows.front().begin() + 4, "GPU");
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      rows[i + 1].insert(rows[i + 1].begin() + 4, gpus_column(jobs[i]));
    }
  }
  return render_table(rows);
}

} // namespace gpujob::client
