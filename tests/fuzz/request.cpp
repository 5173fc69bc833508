// SPDX-License-Identifier: Apache-2.0
// What a client sends: a stream of requests to a real session with the real handlers of every verb
// (hello, run, ps, show, logs, watch, checkpoint, stop, rm, quota, quota.say, limits.set, notice,
// gpu, gpu.snapshots, events, attempts, usage, daemon.status, daemon.stop) and
// the real core behind them. Each whole request gets one answer that fits a frame, and a view in
// it is one that gpujob can read.
#include "client/views/job.h"
#include "common/cmdline.h"
#include "common/frame.h"
#include "common/socket.h"
#include "daemon/ipc/dispatch.h"
#include "tests/fuzz/fuzz.h"
#include "tests/ipc/core_backend.h"

#include <boost/asio/io_context.hpp>
#include <sys/socket.h>

using namespace gpujob;
using namespace std::chrono_literals;
using fuzz::expect;
using Json = nlohmann::json;

namespace {

JobSpec spec(const std::string& name) {
  JobSpec s;
  s.name = name;
  s.argv = {"python", "train.py"};
  s.cwd = "/work";
  return s;
}

/// One job that runs and has saved, one that waits, one that is parked, one that is done.
policy::World make_world(Now now) {
  test::CoreBackend b;
  b.at = now;
  b.w.session.id = "s1";
  b.w.session.limit = 9h;
  b.w.session.ends_at = now.boot + 9h;
  b.w.session.plan_end = now.boot + 8h;
  const auto record = [&](const std::string& id, std::int64_t seq, journal::Body body) {
    b.step(policy::ShimRecord{id, 1, {seq, now.boot, now.wall, std::move(body)}, "", ""});
  };
  const auto gone = [&](const std::string& id, int code, std::optional<EndReason> term) {
    ExitRecord r;
    r.code = code;
    r.term_sent = term;
    b.step(policy::ShimGone{id, 1, r, true});
  };
  const auto submit = [&](const std::string& name) {
    b.step(policy::Submitted{name + "1", spec(name), true});
    record(name + "1", 1, journal::Started{7});
  };
  submit("done");
  gone("done1", 0, std::nullopt);
  submit("parked");
  gone("parked1", 85, EndReason::session_limit);
  submit("digits");
  submit("waiting");
  record("digits1", 2, journal::Catches{"USR1", 7});
  record("digits1", 3, journal::Checkpoint{"notify", "/work/\xff.pt", 100});
  b.step(policy::Secured{"digits1", 1, true, "", 4096, "/m", "stored", "/durable/1", "", true});
  return b.w;
}

void check_view(const Json& view) {
  const auto read = client::read_job_view(view);
  expect(read.has_value(), "gpujob can read the view", read ? "" : read.error().text);
}

void check_answer(const std::string& line) {
  expect(line.size() < k_max_frame, "an answer fits a frame");
  const auto j = Json::parse(line, nullptr, false);
  expect(j.is_object() && j.value("jsonrpc", "") == "2.0" && j.contains("id"),
         "an answer is JSON-RPC", line);
  expect(j.contains("result") != j.contains("error"), "an answer is a result or an error", line);
  if (const auto error = j.find("error"); error != j.end()) {
    expect(!error->value("message", "").empty(), "an error has a text", line);
    expect(!(*error)["data"].value("errc", "").empty(), "an error has a word", line);
    return;
  }
  const auto& result = j["result"];
  if (result.contains("checkpoints")) {
    check_view(result);
  }
  if (result.contains("disposition")) {
    check_view(result["job"]);
  }
  if (result.contains("next")) {
    for (const auto& view : result["jobs"]) {
      check_view(view);
    }
  }
}

/// A client of one input.
class Peer {
public:
  Peer(boost::asio::io_context& io, const policy::World& world, bool greeted) : m_io(io) {
    int pair[2];
    expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0,
           "socketpair works");
    m_socket.reset(pair[0]);
    m_backend.w = world;
    m_session = std::make_shared<ipc::Session>(
        io, Fd{pair[1]}, [this](ipc::Request r) { ipc::dispatch(m_backend, std::move(r)); });
    m_session->greeted = greeted;
    m_session->start();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    m_session->close();
    turn();
  }

  [[nodiscard]] bool dropped() const { return m_session->closed(); }

  /// Sends a line, or the start of one; the answers to it.
  std::size_t say(std::string_view bytes, int passed_fd) {
    std::size_t answers = 0;
    while (!bytes.empty() && !dropped()) {
      const auto piece = bytes.substr(0, 8192);
      expect(send_with_fd(m_socket.get(), piece, passed_fd).has_value(), "the daemon reads");
      passed_fd = -1;
      bytes.remove_prefix(piece.size());
      answers += hear();
    }
    return answers;
  }

private:
  void turn() {
    m_io.poll();
    m_io.restart();
  }

  std::size_t hear() {
    std::size_t answers = 0;
    char buffer[16384];
    for (;;) {
      turn();
      auto got = receive_with_fds(m_socket.get(), buffer, sizeof buffer);
      if (!got || got->bytes == 0) {
        return answers;
      }
      expect(m_frames.feed({buffer, got->bytes}), "an answer fits a frame");
      while (const auto frame = m_frames.next()) {
        check_answer(*frame);
        ++answers;
      }
    }
  }

  boost::asio::io_context& m_io;
  test::CoreBackend m_backend;
  std::shared_ptr<ipc::Session> m_session;
  Fd m_socket;
  FrameReader m_frames;
};

} // namespace

/// A stream that begins with a blank is not greeted for; every line that says "run" brings a
/// command line.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static boost::asio::io_context io{1};
  static const auto world = make_world(test::CoreBackend{}.at);
  static const auto line = make_sealed_memfd(encode_cmdline({{"train"}, "/", {"SECRET=1"}}));
  const auto stream = fuzz::expand(data, size);
  std::string_view rest = stream;
  Peer peer(io, world, !rest.starts_with(' '));
  while (!rest.empty() && !peer.dropped()) {
    const auto end = rest.find('\n');
    const auto request = rest.substr(0, end == std::string_view::npos ? end : end + 1);
    const bool runs = request.find("\"run\"") != std::string_view::npos;
    const auto answers = peer.say(request, runs ? line->get() : -1);
    expect(answers <= 1, "a request has one answer", request);
    expect(answers == 1 || peer.dropped() || end == std::string_view::npos,
           "a request has an answer", request);
    rest.remove_prefix(request.size());
  }
  return 0;
}
