// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/job_codec.h"

#include "common/json.h"
#include "daemon/store/codec_parts.h"
#include "daemon/store/history_codec.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::store {

namespace {

using namespace policy;
using gpujob::json::Reader;
using json::Json;

/// Of a row that nobody wrote so: counting on must not overflow.
std::int64_t read_count(Reader& r, const char* key) {
  constexpr std::int64_t k_most = 1'000'000'000'000;
  return std::clamp<std::int64_t>(r.integer(key), 0, k_most);
}

Json gpus_json(const std::vector<AssignedGpu>& gpus) {
  auto out = Json::array();
  for (const auto& gpu : gpus) {
    out.push_back({{"uuid", gpu.uuid}, {"vendor", gpu.vendor}});
  }
  return out;
}

std::vector<AssignedGpu> read_gpus(Reader& outer) {
  std::vector<AssignedGpu> out;
  const auto* list = outer.find("gpus"); // not there before 0.3
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    outer.fail("gpus", "is not a list");
    return out;
  }
  for (const auto& item : *list) {
    Reader r(item, "gpu");
    out.push_back({r.text("uuid"), r.text("vendor")});
    if (!r.ok()) {
      outer.fail("gpus", r.error().text.c_str());
    }
  }
  return out;
}

} // namespace

std::string encode_more(const Job& job) {
  Json j{{"resume_from", gpujob::json::from_bytes(job.resume_from)},
         {"baseline", job.baseline},
         {"gpus", gpus_json(job.gpus)},
         {"stop_now", job.stop_now},
         {"stop_why", job.stop_why},
         {"request_wanted", job.request_wanted},
         {"request_sent", job.request_sent},
         {"history", history_json(job.history)},
         {"request_heard", job.request_heard},
         {"imported", job.imported},
         {"removed", job.removed},
         {"seen_to_exit", job.seen_to_exit},
         {"begin_record", work_text(job.begin_record)},
         {"end_record", work_text(job.end_record)},
         {"rejected", gpujob::json::from_bytes_list(job.rejected)}};
  put_boot(j, "continue_answered_ns", job.continue_answered);
  if (job.stop_asked) {
    j["stop_asked_ns"] = to_ns(*job.stop_asked);
  }
  return gpujob::json::dump(j);
}

Result<void> decode_more(const std::string& text, Job& job) {
  auto j = gpujob::json::parse(text, "job");
  if (!j) {
    return j.error();
  }
  Reader r(*j, "job");
  job.resume_from = r.bytes("resume_from");
  job.baseline = r.texts_or_empty("baseline");
  job.gpus = read_gpus(r);
  job.stop_now = r.boolean_or("stop_now", false);
  job.stop_why = r.text_or("stop_why", "");
  job.request_wanted = read_count(r, "request_wanted");
  job.request_sent = read_count(r, "request_sent");
  job.request_heard = r.find("request_heard") == nullptr ? 0 : read_count(r, "request_heard");
  job.imported = r.boolean_or("imported", false);
  job.removed = r.boolean_or("removed", false);
  job.seen_to_exit = r.boolean_or("seen_to_exit", false);
  const auto* history = r.find("history");
  job.history = history == nullptr ? SaveHistory{} : read_history(*history);
  job.begin_record = read_work(r, "begin_record");
  job.end_record = read_work(r, "end_record");
  job.rejected = r.bytes_list("rejected");
  job.continue_answered = r.maybe_boot_time("continue_answered_ns");
  job.stop_asked = r.maybe_boot_time("stop_asked_ns");
  if (!r.ok()) {
    return r.error();
  }
  return {};
}

Result<CheckpointState> checkpoint_state_from_text(const std::string& text) {
  for (const auto s : {CheckpointState::heard, CheckpointState::securing, CheckpointState::verified,
                       CheckpointState::rejected, CheckpointState::unconfirmed}) {
    if (text == to_text(s)) {
      return s;
    }
  }
  return Error{Errc::bad_data, fmt::format("checkpoint: '{}': not a known state", text)};
}

} // namespace gpujob::store
