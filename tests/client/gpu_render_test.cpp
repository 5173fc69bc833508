// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu.h"

#include "common/gpu/xid.h"
#include "common/text.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client;

namespace {

GpuView gpu() {
  GpuView g;
  g.vendor = "nvidia";
  g.state = "ok";
  g.processes.emplace();
  return g;
}

std::string shown(const GpuView& view) {
  GpuSnapshot s;
  s.gpus.push_back(view);
  s.first_namespace = false;
  return render_gpus(s);
}

} // namespace

TEST_CASE("an Xid is told with what it means", "[gpu]") {
  auto g = gpu();
  g.xid_count = 0;
  CHECK_FALSE(has(shown(g), "Xid"));
  g.xid_count = 1;
  g.last_xid = 79;
  CHECK(has(shown(g), "GPU 0: Xid 79: it has fallen off the bus: only a restart"));
  g.xid_count = 3;
  g.last_xid = 999; // what a driver says that does not know it itself
  CHECK(has(shown(g), "GPU 0: Xid 999 (the last of 3)\n"));
  for (const int xid : {13, 31, 43, 48, 63, 64, 74, 79, 94, 95, 119}) {
    CHECK_FALSE(xid_meaning(xid).empty());
  }
}

TEST_CASE("whatever a driver or a process says, the table of GPUs is printable and fits", "[gpu]") {
  const std::string hostile = "\x1b]0;x\x07\x9b"
                              "1m\r\n" +
                              std::string(200, 'w');
  auto g = gpu();
  g.name = hostile;
  g.error = hostile;
  g.throttle = {"idle", hostile.substr(0, 12)};
  g.mig.push_back({0, hostile, hostile + " MIG " + hostile, 1, 2, 3, 4});
  GpuProcess p;
  p.pid = 4194303;
  p.memory = 99'900'000'000;
  p.use_percent = 100;
  p.owner.here = true;
  p.owner.program = hostile;
  p.owner.job_id = p.owner.job_name = hostile;
  p.owner.seen_by = "device";
  p.owner.told_by = "ancestor 4194303";
  g.processes->push_back(p);
  p.owner = {};
  p.owner.one_of = {4194301, 4194302, 4194303, 4194304};
  g.processes->push_back(p);
  const auto text = shown(g);
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(printable(lines[i]) == lines[i]);
    if (!lines[i].starts_with("GPU 0: ")) {
      INFO(lines[i]);
      CHECK(lines[i].size() <= 80);
    }
  }
  CHECK(has(text, "one of 4"));
}

TEST_CASE("a process that no driver lists is shown by our pid", "[gpu]") {
  auto g = gpu();
  GpuProcess p;
  p.memory = 5'000'000;
  p.owner.here = true;
  p.owner.pid = 17;
  p.owner.seen_by = "memory";
  g.processes->push_back(p);
  CHECK(has(shown(g), "\n0    17   5 MB"));
}
