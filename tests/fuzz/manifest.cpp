// SPDX-License-Identifier: Apache-2.0
// What other sessions left in a durable directory: a checkpoint's manifest.json, the ledger's
// heartbeats and closed.json, an attempt's spec.json and end.json. Each input as any of them; then
// as such files in a directory that the helper scans, with what the daemon makes of its reply.
#include "daemon/durable/manifest.h"
#include "common/frame.h"
#include "common/json.h"
#include "daemon/durable/attempt.h"
#include "daemon/durable/helper.h"
#include "daemon/durable/ledger.h"
#include "daemon/durable_requests.h"
#include "daemon/ipc/view.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sandbox.h"
#include "tests/policy/fixture.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::check_round;
using fuzz::expect;

namespace {

/// As `read` reads the object that the text is.
template <typename T, typename Read>
auto object_of(Read read) {
  return [read](std::string_view text) {
    const auto j = json::parse(text, "fuzz");
    return j ? read(*j) : Result<T>(j.error());
  };
}

void check_paths(const durable::Manifest& m) {
  for (const auto& file : m.files) {
    const auto path = "/" + file.path + "/";
    expect(path.starts_with("/" + m.name + "/") && path.find("/../") == std::string::npos &&
               path.find("/./") == std::string::npos && path.find("//") == std::string::npos,
           "no file lies outside of the checkpoint", file.path);
    const auto at = "/" + file.at + "/";
    expect(file.at.empty() || (at.starts_with("/attempts/") && at.find("/data/") != at.npos &&
                               at.find("/../") == at.npos && at.find("//") == at.npos),
           "no file lies outside of the job", file.at);
  }
  (void)m.bytes();
  expect(durable::same_content(m, m), "a manifest is the same as itself");
}

void check_documents(const std::string& text) {
  const auto manifest = check_round(text, durable::decode_manifest,
                                    [](const durable::Manifest& m) { return encode(m); });
  if (manifest) {
    check_paths(*manifest);
  }
  (void)check_round(text, object_of<durable::Heartbeat>(durable::heartbeat_from_json),
                    [](const durable::Heartbeat& h) { return json::dump(to_json(h)); });
  (void)check_round(text, object_of<durable::End>(durable::end_from_json),
                    [](const durable::End& e) { return json::dump(to_json(e)); });
  fuzz::expect_said(object_of<durable::Begin>(durable::begin_from_json)(text));
}

/// The jobs that another session left become jobs of this one, are shown and go on.
void check_imported(const std::string& reply) {
  const durable_requests::Place place{"/durable", "stored", "s2"};
  const auto scanned = durable_requests::read_scan(place, reply);
  expect(scanned.has_value(), "the daemon reads what the helper found",
         scanned ? "" : scanned.error().text);
  test::Bench b;
  b.session(std::chrono::hours{9});
  b.durable();
  for (const auto& job : scanned->jobs) {
    b.step(policy::Imported{job});
    const auto view = ipc::job_view(b.w, b.job(job.id), {"/state"}, b.now);
    expect(json::dump(view).size() < k_max_frame, "a view fits a frame");
    (void)durable_requests::resume(place, {"/state"}, b.job(job.id));
    b.step(policy::Resumed{job.id, job.spec});
    (void)durable_requests::end(place, b.job(job.id), b.now.wall);
  }
}

} // namespace

/// spec.json, end.json, manifest.json, a heartbeat and closed.json, between them lines "--". Where
/// there are fewer they come again.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Sandbox sandbox;
  const auto input = fuzz::expand(data, size);
  std::vector<std::string> parts;
  for (std::string_view rest = input;;) {
    const auto end = rest.find("\n--\n");
    parts.emplace_back(rest.substr(0, end));
    check_documents(parts.back());
    if (end == std::string_view::npos || parts.size() == 5) {
      break;
    }
    rest.remove_prefix(end + 4);
  }
  const auto part = [&](std::size_t i) -> const std::string& { return parts[i % parts.size()]; };
  sandbox.put("jobs/digits1/attempts/1-s1/spec.json", part(0));
  sandbox.put("jobs/digits1/attempts/1-s1/end.json", part(1));
  sandbox.put("jobs/digits1/attempts/1-s1/checkpoints/1/manifest.json", part(2));
  sandbox.put("jobs/digits1/attempts/1-s1/checkpoints/1/data/1.bin", "0123456789abcdef");
  sandbox.put("ledger/s1/1.json", part(3));
  sandbox.put("ledger/s2/closed.json", part(4));
  const nlohmann::json request{{"op", "scan"}, {"dirs", {sandbox.path()}}};
  check_imported(durable::handle_request(request.dump()));
  return 0;
}
