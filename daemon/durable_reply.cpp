// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable_reply.h"

#include "common/json.h"
#include "daemon/durable_requests.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// What the helper's answers mean; those to a scan: durable_scan.cpp.
namespace gpujob::durable_requests {

using json::Json;
using namespace policy;
using gpujob::json::Reader;

Result<Json> opened(const Result<std::string>& reply) {
  if (!reply) {
    return reply.error();
  }
  auto j = gpujob::json::parse(*reply, "helper");
  if (!j) {
    return j;
  }
  Reader r(*j, "helper");
  if (r.boolean_or("ok", false)) {
    return j;
  }
  const auto text = r.text_or("error", "no reason given");
  return Error{Errc::io, r.ok() ? text : r.error().text};
}

Result<std::vector<platform::DiskSeen>> read_disk(const Result<std::string>& reply) {
  auto j = opened(reply);
  if (!j) {
    return j.error();
  }
  std::vector<platform::DiskSeen> out;
  for (const auto& item : j->value("disks", Json::array())) {
    Reader r(item, "helper: disk");
    out.push_back({r.bytes("path"), r.integer("used_bytes"), r.integer("files"),
                   r.integer("free_bytes"), r.boolean_or("complete", false)});
    if (!r.ok()) {
      return r.error();
    }
  }
  return out;
}

Result<void> read_done(const Result<std::string>& reply) {
  auto j = opened(reply);
  if (!j) {
    return j.error();
  }
  return {};
}

Result<Opened> read_open(const Result<std::string>& reply) {
  auto j = opened(reply);
  if (!j) {
    return j.error();
  }
  Reader r(*j, "helper: open");
  Opened o{r.text("level"), r.text_or("filesystem", ""), r.texts_or_empty("warnings")};
  if (!r.ok()) {
    return r.error();
  }
  return o;
}

Secured read_secure(const JobId& id, int seq, const std::string& manifest,
                    const Result<std::string>& reply) {
  Secured s;
  s.id = id;
  s.seq = seq;
  auto j = opened(reply);
  if (!j) {
    s.answered = false;
    s.why = j.error().text;
    return s;
  }
  Reader r(*j, "helper: secure");
  s.verified = r.boolean_or("verified", false);
  s.why = r.text_or("why", "");
  s.bytes = r.integer_or("bytes", 0);
  s.verify_s = r.maybe_number("verify_s");
  s.manifest = s.verified ? manifest : "";
  s.durable_error = r.text_or("durable_error", "");
  if (const auto begun = r.maybe_integer("begun")) {
    s.begun = static_cast<int>(std::clamp<std::int64_t>(*begun, 0, 1'000'000'000));
  }
  if (const auto* durable = r.find("durable")) {
    Reader d(*durable, "helper: secure: durable");
    s.durable_level = d.text("level");
    s.durable_path = d.bytes("path");
    if (!d.ok()) {
      r.fail("durable", d.error().text.c_str());
    }
  }
  if (!r.ok()) {
    s.verified = false;
    s.why = r.error().text;
  }
  return s;
}

Prepared read_resume(const Job& job, const Result<std::string>& reply) {
  Prepared p;
  p.id = job.id;
  p.attempt = job.attempt;
  auto j = opened(reply);
  if (!j) {
    p.why = j.error().text;
    return p;
  }
  Reader r(*j, "helper: resume");
  if (r.find("path") != nullptr) {
    p.path = r.bytes("path");
  }
  if (const auto* rejected = r.find("rejected"); rejected != nullptr && rejected->is_array()) {
    for (const auto& item : *rejected) {
      Reader one(item, "helper: resume: rejected");
      p.rejected.push_back(fmt::format("{}: {}", one.bytes("path"), one.text("why")));
    }
  }
  p.from = r.text_or("from", "none");
  p.ok = r.ok();
  p.why = r.ok() ? "" : r.error().text;
  return p;
}

} // namespace gpujob::durable_requests
