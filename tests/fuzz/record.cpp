// SPDX-License-Identifier: Apache-2.0
// What shim and daemon leave on this machine, each input as any of it: exit.json, start.json,
// launch.json with its job spec, session.json, the JSON columns of a job's row, and the sealed
// command line. (Nobody reads notice.json but the job.)
#include "common/cmdline.h"
#include "common/exit_record.h"
#include "common/json.h"
#include "common/launch.h"
#include "daemon/platform/settings.h"
#include "daemon/policy/core.h"
#include "daemon/policy/verdict.h"
#include "daemon/store/job_codec.h"
#include "daemon/store/state_codec.h"
#include "tests/fuzz/fuzz.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::check_round;

namespace {

const Now k_now{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};

void check_session(std::string_view text) {
  const auto read = check_round(
      text,
      [](std::string_view t) {
        const auto j = json::parse(t, "session");
        return j ? platform::settings_from_json(*j) : Result<platform::SessionSettings>(j.error());
      },
      [](const platform::SessionSettings& s) { return json::dump(platform::to_json(s)); });
  if (read) {
    (void)read->ends_at();
    (void)read->plan_end();
    (void)json::dump(platform::session_view(*read, k_now, "", {}));
  }
}

void check_launch(std::string_view text) {
  const auto launch = check_round(text, decode_launch, [](const Launch& l) { return encode(l); });
  if (launch && launch->spec) {
    (void)check_round(
        json::dump(to_json(*launch->spec)),
        [](std::string_view t) { return job_spec_from_json(nlohmann::json::parse(t)); },
        [](const JobSpec& s) { return json::dump(to_json(s)); });
  }
}

/// What the core makes of it after a restart.
void check_adopted(policy::Job job) {
  policy::World w;
  w.session.limit = std::chrono::hours{9};
  w.session.ends_at = k_now.boot + std::chrono::hours{9};
  w.session.plan_end = w.session.ends_at;
  job.id = "j1";
  job.attempt = 1;
  w.jobs[job.id] = std::move(job);
  policy::adopt(w);
  policy::apply(w, policy::Tick{}, k_now);
  policy::intend(w, policy::decide(w, k_now), k_now);
}

void check_row(std::string_view text) {
  const std::string data(text);
  policy::Job job;
  job.spec.name = "j";
  job.spec.argv = {"train"};
  const auto more = check_round(
      data,
      [](std::string_view t) {
        policy::Job read;
        const auto done = store::decode_more(std::string(t), read);
        return done ? Result<policy::Job>(read) : Result<policy::Job>(done.error());
      },
      store::encode_more);
  if (more) {
    auto adopted = *more;
    adopted.spec = job.spec;
    check_adopted(std::move(adopted));
  }
  for (const auto* state : {"queued", "held", "starting", "running", "ending", "parked", "lost"}) {
    const auto read = check_round(
        data,
        [&](std::string_view t) {
          auto decoded = store::decode_state(state, std::string(t));
          auto with = job;
          with.state = decoded ? std::move(*decoded) : policy::JobState{};
          return decoded ? Result<policy::Job>(with) : Result<policy::Job>(decoded.error());
        },
        store::encode_state);
    if (read) {
      check_adopted(*read);
    }
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A command line's fields end with NUL, which no JSON has.
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  (void)check_round(raw, decode_cmdline, encode_cmdline);
  const auto text = fuzz::expand(data, size);
  (void)check_round(text, decode_exit_record, [](const ExitRecord& r) { return encode(r); });
  (void)check_round(text, decode_start_record, [](const StartRecord& r) { return encode(r); });
  check_launch(text);
  check_session(text);
  check_row(text);
  return 0;
}
