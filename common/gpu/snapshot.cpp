// SPDX-License-Identifier: Apache-2.0
#include "common/gpu/snapshot.h"

#include "common/json.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob {

namespace {

using json::Json;

constexpr const char* k_what = "gpujob-gpuprobe";

/// Has `read` read one object of the reply; its first error is one of `outer`.
template <typename Read>
void read_one(json::Reader& outer, const char* key, const Json& object, Read read) {
  json::Reader inner(object, k_what);
  read(inner);
  if (!inner.ok()) {
    outer.fail(key, inner.error().text.c_str());
  }
}

/// The object at `key`, unless it is null.
template <typename Read>
void read_part(json::Reader& r, const char* key, Read read) {
  if (const auto* part = r.find(key)) {
    read_one(r, key, *part, read);
  }
}

/// Each object of the list at `key`; false when it is null.
template <typename Read>
bool read_each(json::Reader& r, const char* key, Read read) {
  const auto* list = r.find(key);
  if (list == nullptr) {
    return false;
  }
  if (!list->is_array()) {
    r.fail(key, "is not a list");
    return false;
  }
  for (const auto& item : *list) {
    read_one(r, key, item, read);
  }
  return true;
}

template <typename View>
void read_memory(json::Reader& r, View& view) {
  read_part(r, "memory", [&](json::Reader& m) {
    view.memory_used = m.maybe_integer("used");
    view.memory_total = m.maybe_integer("total");
  });
}

void read_owner(json::Reader& r, GpuOwner& o) {
  o.here = r.boolean_or("here", false);
  o.seen_by = r.text_or("seen_by", "");
  o.program = r.text_or("program", "");
  if (r.find("pid_here") != nullptr) {
    o.pid = static_cast<int>(r.integer_in("pid_here", 0, std::numeric_limits<int>::max()));
  }
  o.one_of = r.integers_or_empty("one_of");
  read_part(r, "job", [&](json::Reader& job) {
    o.job_id = job.text("id");
    o.job_name = job.text_or("name", "");
    o.told_by = job.text_or("told_by", "");
  });
}

GpuProcess read_process(json::Reader& r) {
  GpuProcess p;
  if (r.find("pid") != nullptr) {
    p.pid = static_cast<int>(r.integer_in("pid", 0, std::numeric_limits<int>::max()));
  }
  read_part(r, "utilization", [&](auto& u) {
    p.use_percent = u.maybe_integer("gpu");
    p.memory_use_percent = u.maybe_integer("memory");
  });
  p.memory = r.maybe_integer("memory");
  p.gpu_instance = r.maybe_integer("gpu_instance");
  p.compute_instance = r.maybe_integer("compute_instance");
  read_owner(r, p.owner);
  return p;
}

MigView read_mig(json::Reader& r) {
  MigView m;
  m.index = r.integer("index");
  m.uuid = r.text_or("uuid", "");
  m.name = r.text_or("name", "");
  m.gpu_instance = r.maybe_integer("gpu_instance");
  m.compute_instance = r.maybe_integer("compute_instance");
  read_memory(r, m);
  return m;
}

GpuView read_gpu(json::Reader& r) {
  GpuView g;
  g.vendor = r.text("vendor");
  g.index = r.integer("index");
  g.state = r.text("state");
  g.error = r.text_or("error", "");
  g.uuid = r.text_or("uuid", "");
  g.name = r.text_or("name", "");
  g.pci = r.text_or("pci", "");
  if (r.find("minor") != nullptr) {
    g.minor = r.integer_in("minor", 0, std::numeric_limits<int>::max());
  }
  read_part(r, "xid", [&](auto& x) {
    g.xid_count = x.integer("count");
    g.last_xid = x.maybe_integer("last");
  });
  if (r.find("processes_left_out") != nullptr) {
    g.processes_left_out = r.integer_in("processes_left_out", 0, std::numeric_limits<int>::max());
  }
  read_part(r, "utilization", [&](auto& u) { g.use_percent = u.maybe_integer("gpu"); });
  read_memory(r, g);
  g.temperature_c = r.maybe_integer("temperature_c");
  g.power_mw = r.maybe_integer("power_mw");
  g.power_limit_mw = r.maybe_integer("power_limit_mw");
  g.throttle = r.texts_or_empty("throttle");
  read_part(r, "ecc", [&](auto& e) { g.uncorrected_errors = e.maybe_integer("uncorrected"); });
  read_part(r, "mig", [&](auto& mig) {
    read_each(mig, "devices", [&](auto& m) { g.mig.push_back(read_mig(m)); });
  });
  std::vector<GpuProcess> processes;
  if (read_each(r, "processes", [&](auto& p) { processes.push_back(read_process(p)); })) {
    g.processes = std::move(processes);
  }
  return g;
}

} // namespace

Result<GpuSnapshot> read_gpu_snapshot(const Json& document) {
  json::Reader r(document, k_what);
  GpuSnapshot s;
  s.driver = r.text_or("driver", "");
  s.cuda = r.text_or("cuda", "");
  s.why = r.text_or("why", "");
  s.first_namespace = r.text_or("pid_namespace", "first") == "first";
  s.owners_known = r.boolean_or("owners_known", true);
  if (!read_each(r, "devices", [&](auto& d) { s.gpus.push_back(read_gpu(d)); })) {
    r.fail("devices", "is missing");
  }
  return r.ok() ? Result<GpuSnapshot>(std::move(s)) : Result<GpuSnapshot>(r.error());
}

} // namespace gpujob
