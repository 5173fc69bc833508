// SPDX-License-Identifier: Apache-2.0
// The helper's requests (open, scan, begin, secure, resume, end,
// heartbeat, say, disk), carried out below a
// directory of the target's own, and its replies as the daemon reads them. Those of a remote find
// an rclone that fails.
#include "daemon/durable/helper.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/durable_requests.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sandbox.h"
#include "tests/policy/fixture.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

using namespace gpujob;
using fuzz::expect;
using Json = nlohmann::json;

namespace {

/// Where every path of a request leads: below the sandbox.
class Fence {
public:
  explicit Fence(std::string root) : m_root(std::move(root)) {}

  /// False: a path leads up, and is not to be tried.
  bool move_in(Json& request) const {
    if (!request.is_object()) {
      return true;
    }
    bool good = true;
    for (const auto* key : {"dir", "path", "manifest", "ckpt_dir", "durable_path"}) {
      good = good && move_member(request, key);
    }
    for (const auto* key : {"dirs", "candidates", "paths"}) {
      const auto list = request.find(key);
      for (auto i = std::size_t{0}; list != request.end() && i < list->size(); ++i) {
        if (list->is_array()) {
          good = good && move_in((*list)[i]) && move_text((*list)[i]);
        }
      }
    }
    return good;
  }

private:
  bool move_member(Json& object, const char* key) const {
    const auto it = object.find(key);
    return it == object.end() || move_text(*it);
  }

  /// A string, or bytes that are none.
  bool move_text(Json& value) const {
    const Json wrapped{{"bytes", value}};
    json::Reader r(wrapped, "fuzz");
    const auto path = r.find("bytes") == nullptr ? std::string() : r.bytes("bytes");
    if (!r.ok() || !path.starts_with('/')) {
      return true; // refused, or none
    }
    value = json::from_bytes(m_root + path);
    return path.find("..") == std::string::npos;
  }

  std::string m_root;
};

/// A job with one file that may be a checkpoint, and an empty durable directory.
void prepare(const fuzz::Sandbox& sandbox) {
  sandbox.clear();
  std::filesystem::create_directories(sandbox / "work/durable");
  sandbox.put("vm/s/jobs/digits1/ckpt/1.bin", "0123456789abcdef");
}

void check_answered(const std::string& request) {
  const auto reply = Json::parse(durable::handle_request(request));
  expect(reply.contains("ok"), "a reply says whether it worked");
  const auto error = reply.value("error", "");
  expect(reply["ok"] == true || !error.empty(), "an error has a text");
  expect(!error.starts_with("helper: ["), "no exception of the JSON library is left", error);
}

/// One request a line, one after the other.
void check_requests(std::string_view lines) {
  static const fuzz::Sandbox sandbox;
  static const Fence fence(sandbox.path());
  static const int no_rclone = ::setenv("GPUJOB_RCLONE", "/bin/false", 1);
  expect(no_rclone == 0, "setenv works");
  bool prepared = false;
  for (const auto& line : split(lines, '\n')) {
    auto request = Json::parse(line, nullptr, false);
    if (!request.is_object() || !request.contains("op")) {
      check_answered(line);
    } else if (fence.move_in(request)) {
      if (!prepared) {
        prepare(sandbox);
        prepared = true;
      }
      check_answered(json::dump(request));
    }
  }
}

void check_reply(const std::string& text) {
  using namespace durable_requests;
  const Place place{"/durable", "stored", "s2"};
  test::Bench b;
  b.session(std::chrono::hours{9});
  b.durable();
  b.run();
  b.saved("/out/1.pt", "s1");
  fuzz::expect_said(read_done(text));
  fuzz::expect_said(read_open(text));
  b.step(read_secure("j1", 1, "/manifest", text));
  b.gone(b.exit_record(85));
  b.step(policy::Resumed{"j1", test::Bench::spec()});
  b.step(read_resume(b.job(), text));
  fuzz::expect_said(read_disk(text));
  const auto scanned = read_scan(place, text);
  fuzz::expect_said(scanned);
  for (const auto& job : scanned ? scanned->jobs : std::vector<policy::Job>{}) {
    b.step(policy::Imported{job});
    b.step(policy::Resumed{job.id, job.spec});
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::expand(data, size);
  check_requests(text);
  check_reply(text);
  return 0;
}
