// SPDX-License-Identifier: Apache-2.0
#include "client/views/job.h"

#include "client/views/fields.h"
#include "common/json.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client {

using json::Json;
using namespace fields;

namespace {

CheckpointView read_checkpoint(json::Reader& r) {
  CheckpointView c;
  c.seq = r.integer_or("seq", 0);
  c.path = bytes_or_empty(r, "path");
  c.confirmed = r.boolean_or("confirmed", false);
  c.state = r.text_or("state", "");
  c.how = r.text_or("how", "");
  c.durable = r.text_or("durable", "");
  c.durable_path = bytes_or_empty(r, "durable_path");
  c.at = instant(r, "at");
  c.attempt = small(r, "attempt").value_or(0);
  c.step = r.maybe_integer("step");
  c.bytes = r.maybe_integer("bytes");
  c.stored_bytes = r.maybe_integer("stored_bytes");
  c.total_bytes = r.maybe_integer("total_bytes");
  c.stored_per_s = r.maybe_number("stored_per_s");
  c.note = r.text_or("note", "");
  return c;
}

SavingView read_saving(json::Reader& r) {
  SavingView s;
  s.next_at = instant(r, "next_at");
  s.last_at = instant(r, "last_at");
  s.period_s = r.maybe_number("period_s");
  s.miss = r.maybe_number("miss");
  s.basis = r.text_or("basis", "");
  s.samples = r.integer_or("samples", 0);
  s.sessions = r.integer_or("sessions", 0);
  s.mean_between_deaths_s = r.maybe_number("mean_between_deaths_s");
  s.storage = r.text_or("storage", "");
  s.storage_samples = r.maybe_integer("storage_samples");
  s.bathtub = r.text_or("deaths_law", "") == "bathtub";
  nested(r, "parts_s", [&](json::Reader& parts) {
    s.rest_of_step_s = parts.maybe_number("rest_of_step");
    s.save_s = parts.maybe_number("save");
    s.verify_s = parts.maybe_number("verify");
    s.copy_s = parts.maybe_number("copy");
  });
  nested(r, "latency_s", [&](json::Reader& latency) {
    s.median_s = latency.maybe_number("median");
    s.p99_s = latency.maybe_number("p99");
  });
  return s;
}

} // namespace

const CheckpointView* JobView::newest_confirmed() const {
  for (auto it = checkpoints.rbegin(); it != checkpoints.rend(); ++it) {
    if (it->confirmed) {
      return &*it;
    }
  }
  return nullptr;
}

Result<JobView> read_job_view(const Json& document) {
  json::Reader r(document, "daemon: job view");
  JobView v;
  v.id = r.text("id");
  v.name = r.text("name");
  v.state = r.text("state");
  v.reason = r.text_or("reason", "");
  v.attempt = small(r, "attempt").value_or(0);
  v.exit = small(r, "exit");
  v.run_exit = small(r, "run_exit");
  v.pid = small(r, "pid");
  v.signal = r.text_or("signal", "");
  v.argv = r.find("argv") == nullptr ? std::vector<std::string>{} : r.bytes_list("argv");
  v.cwd = bytes_or_empty(r, "cwd");
  v.created_at = instant(r, "created_at");
  v.started_at = instant(r, "started_at");
  v.ended_at = instant(r, "ended_at");
  v.log = bytes_or_empty(r, "log");
  v.resume_from = bytes_or_empty(r, "resume_from");
  v.progress = r.maybe_number("progress");
  v.progress_by = r.text_or("progress_by", "");
  v.rate = r.text_or("rate", "");
  v.left_s = r.maybe_number("left_s");
  v.status = r.text_or("status", "");
  v.catches = r.text_or("catches", "");
  v.recipe = r.text_or("recipe", "");
  v.recipe_why = r.text_or("recipe_why", "");
  v.contract = r.text_or("contract", "");
  v.interruptions = r.integer_or("interruptions", 0);
  v.failures = r.integer_or("failures", 0);
  v.no_progress = r.integer_or("no_progress", 0);
  nested(r, "plan", [&](json::Reader& plan) {
    v.request_at = instant(plan, "request_at");
    v.term_at = instant(plan, "term_at");
    v.ends_at = instant(plan, "ends_at");
  });
  nested(r, "saving", [&](json::Reader& saving) { v.saving = read_saving(saving); });
  v.gpus = r.texts_or_empty("gpus");
  v.gpu_names = r.texts_or_empty("gpu_names");
  each_object(r, "checkpoints",
              [&](json::Reader& c) { v.checkpoints.push_back(read_checkpoint(c)); });
  v.checkpoint_at = instant(r, "checkpoint_at");
  v.raw = json::dump(document);
  return r.ok() ? Result<JobView>(std::move(v)) : Result<JobView>(r.error());
}

} // namespace gpujob::client
