// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/checks.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;
using namespace gpujob::client;

namespace {

/// A machine on which all is well.
struct Scene {
  SessionView session;
  Surroundings around;

  Scene() {
    session.platform = "kaggle";
    session.confidence = "high";
    session.ends_at = wall_from_ns(1795240800'000'000'000);
    session.remaining_s = 3600;
    session.durable_path = "/kaggle/working/gpujob";
    session.durable_state = "cached";
    around.has_gpu_device = true;
    around.gpu_library = "/usr/lib/libnvidia-ml.so.1";
    around.now = wall_from_ns(1795237200'000'000'000);
  }
  [[nodiscard]] Finding find(const std::string& what) const {
    const auto all = judge(session, around);
    const auto it = std::ranges::find(all, what, &Finding::what);
    return it == all.end() ? Finding{Health::good, "", "", ""} : *it;
  }
};

} // namespace

TEST_CASE("a machine on which all is well has nothing to mend") {
  const Scene s;
  for (const auto& f : judge(s.session, s.around)) {
    CAPTURE(f.what, f.how);
    CHECK(f.health == Health::good);
    CHECK(f.remedy.empty());
  }
}

TEST_CASE("what loses work is bad, and has a remedy") {
  Scene s;
  s.session.ends_at.reset();
  s.session.durable_state = "/content/drive: fuse.drive is not mounted there";
  s.around.lacks = {"gpujob-http"};
  s.around.now = wall_from_ns(0);
  for (const char* what : {"session", "durable", "programs", "clock"}) {
    CAPTURE(what);
    CHECK(s.find(what).health == Health::bad);
    CHECK_FALSE(s.find(what).remedy.empty());
  }
  s.session.durable_path.clear();
  CHECK(s.find("durable").health == Health::bad);
}

TEST_CASE("what only limits what gpujob can tell is a note") {
  Scene s;
  s.around.has_gpu_device = false;
  s.around.proxy = "https_proxy";
  s.around.user_profiles = {"/root/.config/gpujob/platforms/kaggle.json"};
  LimitView idle;
  idle.type = "idle";
  idle.note = "no Jupyter server was found";
  s.session.limits = {idle};
  for (const char* what : {"GPU", "proxy", "profile", "idleness"}) {
    CAPTURE(what);
    CHECK(s.find(what).health == Health::note);
  }
  s.around.has_gpu_device = true;
  s.around.gpu_library.clear();
  CHECK(s.find("GPU").how.find("libnvidia-ml.so.1 was not found") != std::string::npos);
}

TEST_CASE("what speaks for another platform is told with what to do") {
  Scene s;
  s.session.platform = "generic";
  s.session.conflicts = {"directory /home/aistudio: Baidu AI Studio"};
  CHECK(s.find("platform").health == Health::note);
  CHECK_FALSE(s.find("platform").remedy.empty());
  const auto all = judge(s.session, s.around);
  CHECK(all[1].how == "directory /home/aistudio: Baidu AI Studio");
}
