// SPDX-License-Identifier: Apache-2.0
#include "client/render/checkpoints.h"
#include "client/render/job.h"
#include "client/render/platform.h"
#include "client/render/platforms.h"
#include "client/render/saving.h"
#include "client/render/session.h"
#include "client/render/table.h"
#include "client/views/job.h"
#include "client/views/session.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "schema/embedded.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client;
using namespace std::chrono_literals;

namespace {

nlohmann::json sample(const std::string& name) {
  const auto text =
      read_file(std::string(GPUJOB_TEST_SOURCE_DIR) + "/tests/data/protocol/" + name, 1U << 20U);
  return json::parse(text.value(), name).value();
}

JobView job(const std::string& name) {
  return read_job_view(sample(name)).value();
}

/// 2026-11-21T06:00:00Z
const WallTime k_now = wall_from_ns(1795240800LL * 1'000'000'000);

Profiles all_profiles() {
  Profiles profiles;
  for (const auto& file : schema::platforms()) {
    profiles.push_back(json::parse(file.content, std::string(file.name)).value());
  }
  return profiles;
}

/// Characters, not bytes.

} // namespace

TEST_CASE("the comparison of platforms fits 80 columns and has every platform and plan") {
  const auto profiles = all_profiles();
  const auto text = render_platforms(profiles);
  CHECK(widest(text) <= 80);
  for (const auto* part :
       {"kaggle                12h, tpu 9h  20m?     gpu 30h/week", "colab free            12h ",
        "sagemaker-studio-lab  4h ", "USD 1.26/h", "CNY 1 to 5/h", "colab payg            ? "}) {
    INFO(part << "\n" << text);
    CHECK(has(text, part));
  }
  for (const auto& profile : profiles) {
    const auto sheet = render_platform(profile);
    INFO(sheet);
    CHECK(widest(sheet) <= 80);
    CHECK(has(sheet, "confidence"));
  }
}

TEST_CASE("the comparison as Markdown has every column in every row") {
  const auto text = markdown_platforms(all_profiles());
  for (const auto& line : split(text, '\n')) {
    if (!line.empty()) {
      INFO(line);
      CHECK(std::count(line.begin(), line.end(), '|') == 14);
    }
  }
  CHECK(has(text, "| kaggle | "));
  CHECK(has(text, "| sagemaker-training | "));
}

TEST_CASE("a parked job says what is safe where, and what to do") {
  CHECK(how_it_ended(job("job_view-parked.json")) ==
        "digits parked: session limit; checkpoint model.pt (step 120) confirmed and stored in "
        "/durable/jobs/k3f9x2ab/attempts/1-s0001/checkpoints/1; in the next session run the "
        "same line");
}

TEST_CASE("a job that saved nothing says so") {
  auto view = job("job_view-parked.json");
  view.checkpoints.clear();
  CHECK(has(how_it_ended(view), "no checkpoint confirmed"));
}

TEST_CASE("show tells of an unconfirmed save, newest first") {
  const auto text = render_job(job("job_view-running.json"), k_now);
  const auto unconfirmed = text.find("(no path): unconfirmed (a checkpoint was asked for");
  const auto confirmed = text.find("model.pt (step 120): confirmed and stored in /durable");
  REQUIRE(unconfirmed != std::string::npos);
  REQUIRE(confirmed != std::string::npos);
  CHECK(unconfirmed < confirmed);
  CHECK(has(text, "catches USR1"));
  CHECK(has(text, "44.4 MB"));
}

TEST_CASE("a job's progress says whether its work fits into the session") {
  auto view = job("job_view-running.json");
  view.progress = 0.45;
  view.left_s = 7200;
  view.term_at = k_now + 3h;
  CHECK(has(render_job(view, k_now), "45 %, about 2h 00m left, which fits into this session"));
  view.term_at = k_now + 1h;
  view.progress_by = "output";
  view.rate = "1\x1b[2Jit/s";
  CHECK(has(render_job(view, k_now), "about 2h 00m left, more than the 1h 00m of this session: it "
                                     "goes on in the next; by its progress bar, 1\\x1b[2Jit/s"));
  CHECK(has(render_jobs({view}, k_now), "45 %, about 2h 00m left"));
  view.left_s.reset();
  view.progress_by = "job";
  CHECK(has(render_job(view, k_now), "45 %\n"));
  view.progress.reset();
  CHECK_FALSE(has(render_job(view, k_now), "progress "));
}

TEST_CASE("a checkpoint on its way says how far it is") {
  auto view = job("job_view-running.json");
  auto& c = view.checkpoints.back();
  c.path = "/c/m1047.pt";
  c.state = "securing";
  c.note.clear();
  c.stored_bytes = 1'200'000'000;
  c.total_bytes = 2'040'000'000;
  c.stored_per_s = 310e6;
  CHECK(has(render_job(view, k_now), "/c/m1047.pt: being stored: 1.2 of 2.04 GB, 310 MB/s"));
  CHECK(has(render_checkpoints(view), "\n     being stored: 1.2 of 2.04 GB, 310 MB/s\n"));
  CHECK(storing_line(c) == "storing m1047.pt: 1.2 of 2.04 GB, 310 MB/s");
  c.stored_per_s.reset();
  c.stored_bytes = 999;
  CHECK(storing_text(c) == "999 B of 2.04 GB");
  c.stored_bytes = 0;
  CHECK(storing_text(c) == "0 of 2.04 GB");
  c.stored_bytes = c.total_bytes;
  CHECK(storing_text(c) == "all of 2.04 GB written, being verified");
  c.confirmed = true;
  c.state = "verified";
  c.stored_bytes = 40'000'000;
  CHECK(has(render_checkpoint(c, k_now),
            "confirmed, on this VM only, being stored: 40 MB of 2.04 GB"));
  c.stored_bytes.reset();
  CHECK(storing_line(c).empty());
  CHECK_FALSE(has(render_checkpoint(c, k_now), "being stored"));
}

TEST_CASE("checkpoints fit a terminal of 80 columns, the newest last, with their notes") {
  auto view = job("job_view-running.json");
  auto& first = view.checkpoints.front();
  first.step = 123456789;
  first.durable = "flushed";
  first.note = "a note that is longer than a line of a terminal is, so that it goes on in the next "
               "one \x1b[2J";
  const auto text = render_checkpoints(view);
  INFO(text);
  CHECK(widest(text) <= 80);
  const auto lines = split(text, '\n');
  REQUIRE(lines.size() >= 6);
  CHECK(has(lines[0], "TIME"));
  CHECK(has(lines[1], "123456789"));
  CHECK(has(lines[1], "notify"));
  CHECK(has(lines[1], "flushed  confirmed"));
  CHECK(has(lines[2], "     a note"));
  CHECK_FALSE(has(text, "\x1b"));
  CHECK(has(text, "unconfirmed\n     a checkpoint was asked for"));
}

TEST_CASE("show says by which way a job is asked, and for what it is taken") {
  auto view = job("job_view-running.json");
  view.catches.clear();
  CHECK(has(render_job(view, k_now), "--checkpoint-cmd and --checkpoint-copy"));
  view.catches = "copy";
  view.recipe = "megatron";
  view.recipe_why = "its command line";
  view.contract = "exits";
  const auto text = render_job(view, k_now);
  CHECK(has(text, "saved by --checkpoint-copy"));
  CHECK(has(text, "megatron (its command line): exits after it has saved; saves iter_<n>/"));
}

TEST_CASE("what a job says never drives the terminal") {
  auto view = job("job_view-running.json");
  view.status = "\x1b[2J\nstate done";
  view.reason = "\x1b]0;x\x07";
  view.name = "a\rb";
  view.checkpoints.at(0).path = "/c/\x1b[2J\r";
  for (const auto& text : {render_job(view, k_now), render_jobs({view}, k_now),
                           render_checkpoint(view.checkpoints.at(0), k_now)}) {
    CHECK_FALSE(has(text, "\x1b"));
    CHECK_FALSE(has(text, "\r"));
  }
}

TEST_CASE("a line of ps holds name, state and the age of the checkpoint") {
  const auto view = job("job_short.json");
  const auto text = render_jobs({view}, k_now);
  CHECK(has(text, "digits"));
  CHECK(has(text, "1h 00m ago"));
}

TEST_CASE("the GPUs of a job are in show, and in ps when any job has one") {
  auto line = job("job_short.json");
  CHECK_FALSE(has(render_jobs({line}, k_now), "GPU"));
  auto other = line;
  line.gpus = {"GPU-5f1c", "MIG-1"};
  line.gpu_names = {"GPU 0", "GPU 1:2"};
  const auto text = render_jobs({line, other}, k_now);
  CHECK(has(text, "GPU"));
  CHECK(has(text, " 0,1:2 "));
  CHECK(has(render_job(line, k_now), "GPU 0 (GPU-5f1c), GPU 1:2 (MIG-1)"));
  line.gpus = {"\x1b[2J"};
  line.gpu_names.clear();
  CHECK_FALSE(has(render_job(line, k_now) + render_jobs({line}, k_now), "\x1b"));
}

TEST_CASE("columns line up over letters of several bytes") {
  CHECK(render_table({{"NAME", "X"}, {"é", "1"}, {"long name", "2"}}) ==
        "NAME       X\né          1\nlong name  2\n");
}

/// One line, however it was broken.
std::string unbroken(const std::string& text) {
  std::string out;
  for (const auto& word : split(text, ' ')) {
    out += word.empty() ? "" : std::string(trim(word)) + " ";
  }
  return out;
}

TEST_CASE("quota says how sure it is, and fits a terminal of 80 columns") {
  const auto view = read_session_view(sample("session_view.json")).value();
  const auto shown = render_session(view, k_now);
  for (const auto& line : split(shown + explain_session(view), '\n')) {
    CHECK(line.size() <= 80);
  }
  const auto text = unbroken(shown);
  CHECK(has(text, "at most 27h 12m left of 30h 00m; 2h 48m used on 3 machines; anew "));
  CHECK(has(text, "; a session that runs goes on"));
  CHECK(has(text, "unknown: how much it is only you know"));
  CHECK(has(text, "kaggle, gpu (confidence: high)"));
  CHECK(has(text, "12h 00m (confidence: medium)"));
  const auto more = unbroken(explain_session(view));
  CHECK(has(more, "what was used without it is not seen"));
  CHECK(has(more, "others say 41h 00m"));
  CHECK(has(more, "profile kaggle, as of 2026-10-01"));
  CHECK(has(more, "KAGGLE_KERNEL_RUN_TYPE is set"));
}

TEST_CASE("the name of a limit drives no terminal") {
  auto view = read_session_view(sample("session_view.json")).value();
  view.limits[0].resource = "\x1b[2J";
  CHECK(render_session(view, k_now).find('\x1b') == std::string::npos);
  CHECK(explain_session(view).find('\x1b') == std::string::npos);
}

TEST_CASE("each kind of limit has a line that says what is known of it") {
  const auto view = read_session_view(sample("session_view.json")).value();
  const auto text = unbroken(render_session(view, k_now));
  CHECK(has(text, "after 20m 00s; idle for 5m 00s: may end "));
  CHECK(has(text, "(ccu) 19.60 ccu left of 20.00 ccu, good for 10h 00m; used up "));
  CHECK(has(text, "1.26 USD used by this session; what there is is not known"));
  CHECK(has(text, "/kaggle/working: 15 GB left of 20 GB"));
  CHECK(has(text, "memory 29 GB at most; this machine does not show it"));
  CHECK(has(text, "2d 10h left; used up "));
  CHECK(has(text, "this ends the session first"));
  CHECK(has(text, "kaggle quota said so 1h 00m ago"));
}

TEST_CASE("a limit that nobody can mean is told all the same") {
  auto view = read_session_view(sample("session_view.json")).value();
  view.limit_s = view.margin_s = view.elapsed_s = 1e300;
  view.remaining_s = -1e300;
  view.alternatives_s = {1e300};
  CHECK(has(render_session(view, k_now), "limit            11574074074d"));
  CHECK(has(explain_session(view), "11574074074d"));
}

TEST_CASE("an unknown limit is told as unknown, not as zero") {
  const auto view = read_session_view(sample("session_view-unknown.json")).value();
  const auto text = render_session(view, k_now);
  CHECK(has(text, "remaining  unknown"));
  CHECK(has(text, "limit      unknown"));
  CHECK(has(text, "durable    none"));
}

TEST_CASE("a view of wrong types is refused, naming the key") {
  auto document = sample("job_view-running.json");
  document["attempt"] = "one";
  CHECK(has(read_job_view(document).error().text, "attempt"));
  document = sample("job_view-running.json");
  document["checkpoints"][0]["at"] = "yesterday";
  CHECK(has(read_job_view(document).error().text, "at: is not an instant"));
}

TEST_CASE("a save's time says on how many saves it rests, and to what storage", "[render]") {
  auto view = job("job_view-running.json");
  const auto line = [&](const std::string& name) {
    for (const auto& [key, text] : saving_lines(view, k_now)) {
      if (key == name) {
        return text;
      }
    }
    return std::string();
  };
  CHECK(has(line("a save takes"), "by 7 saves, 3 of them to fuse.drive, cached"));
  CHECK(has(line("of which"), "about 32 s saving, 2.2 s checking it, 8.5 s copying"));
  view.saving->storage_samples = 7;
  CHECK(has(line("a save takes"), "by 7 saves to fuse.drive, cached"));
  view.saving->storage_samples = 0;
  CHECK(has(line("a save takes"), "none of them to fuse.drive, cached: its copies are estimated"));
  view.saving->storage = "\x1b[2J";
  CHECK_FALSE(has(line("a save takes"), "\x1b"));
  view.saving->storage.clear(); // a daemon that does not say
  CHECK(line("a save takes").ends_with("by 7 saves"));
  view.saving->verify_s.reset();
  CHECK(line("of which").empty());
  CHECK(has(line("next save"), "one dies in about"));
  view.saving->bathtub = true;
  CHECK(has(line("next save"), "die young or near their end"));
}
