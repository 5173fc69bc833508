// SPDX-License-Identifier: Apache-2.0
// What a daemon sends, read by the client. An input that begins with a brace is one document: a job
// view, a session view, a page of events, attempts, usage or gpu, as they are shown, by top and in
// a report, too; any other begins with a line that names a verb, and the rest is what the daemon
// says after its hello. Verbs: run, ps, show, logs, watch (with its notifications job.event and
// job.state), wait, checkpoint, stop, rm, quota, daemon.start, daemon.status, daemon.stop; hello
// (the rest stands for hello's own answer); ready (the line of a daemon that has started); bench
// (what a Python prints that was asked to multiply); gpu (what gpujob-gpuprobe answers).
#include "client/bench/torch.h"
#include "client/commands/commands.h"
#include "client/daemon_spawn.h"
#include "client/render/bench.h"
#include "client/render/gpu.h"
#include "client/render/job.h"
#include "client/render/session.h"
#include "client/report/read_pages.h"
#include "client/report/write.h"
#include "client/top/layout.h"
#include "client/watcher.h"
#include "common/gpu/snapshot.h"
#include "common/json.h"
#include "common/socket.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sandbox.h"

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace gpujob;
using fuzz::expect;

namespace {

/// Whatever a daemon or a job says, it does not drive the terminal.
void expect_shown(std::string_view text) {
  for (const auto& line : split(text, '\n')) {
    expect(printable(line) == line, "what is shown is printable", line);
  }
}

/// One picture with all that the document can be read as.
void check_picture(const nlohmann::json& document, WallTime now) {
  using namespace client::top;
  Model model;
  model.now = now;
  if (auto job = read_job(document, now)) {
    model.list({std::move(*job)});
  }
  if (auto session = client::read_session_view(document)) {
    model.session = std::move(*session);
  }
  Gpus gpus;
  const auto taken = gpus.take(document);
  fuzz::expect_said(taken);
  if (taken) {
    model.gpus = std::move(gpus);
  }
  for (const bool utf8 : {false, true}) {
    for (const Size size : {Size{10, 40}, Size{24, 80}, Size{60, 200}}) {
      const auto picture = draw(model, size, Glyphs{utf8});
      expect(picture.size() <= size.rows, "a picture is no longer than the screen");
      for (const auto& line : split(plain_text(picture), '\n')) {
        expect(columns(line) <= size.columns, "nor wider", line);
      }
      expect_shown(plain_text(picture));
    }
  }
}

/// A report of what a page says is a page, and nothing in it is markup.
void check_report(const nlohmann::json& page, WallTime now) {
  client::Gathered g;
  g.now = now;
  const auto take = [](auto& into, auto read) {
    fuzz::expect_said(read);
    if (read) {
      into = std::move(*read);
    }
  };
  take(g.events, client::read_events(page));
  take(g.attempts, client::read_attempts(page));
  take(g.uses, client::read_uses(page));
  fuzz::expect_said(client::read_gpus(page, g.gpus, g.gpu_note));
  const auto report = client::make_report(g);
  const auto html = client::report_html(report);
  expect_shown(html);
  expect(html.find("<script") == std::string::npos, "a page has no script", html);
  expect_shown(client::report_markdown(report));
  (void)json::dump(client::report_json(report));
}

void check_document(const std::string& text) {
  const auto document = json::parse(text, "fuzz");
  if (!document) {
    return;
  }
  const auto now = wall_from_ns(1'790'000'000'000'000'000);
  const auto job = client::read_job_view(*document);
  fuzz::expect_said(job);
  if (job) {
    expect_shown(client::render_job(*job, now));
    expect_shown(client::render_jobs({*job, *job}, now));
    for (const auto& c : job->checkpoints) {
      expect_shown(client::render_checkpoint(c, now));
    }
    (void)client::how_it_ended(*job);
  }
  const auto session = client::read_session_view(*document);
  fuzz::expect_said(session);
  if (session) {
    expect_shown(client::render_session(*session, now));
    expect_shown(client::explain_session(*session));
  }
  check_picture(*document, now);
  check_report(*document, now);
}

constexpr std::string_view k_hello =
    R"({"jsonrpc":"2.0","id":1,"result":{"v":1,"min_v":1,"version":"0.1.0","pid":17}})"
    "\n";
/// To a client that comes again: it shall not wait for better days.
constexpr std::string_view k_refusal =
    R"({"jsonrpc":"2.0","id":1,"error":{"code":4,"message":"no","data":{"errc":"protocol"}}})"
    "\n";

/// Listens where a client looks for the daemon; says what it was given, then goes.
class FakeDaemon {
public:
  FakeDaemon() {
    std::filesystem::create_directory(m_home / "r");
    ::setenv("GPUJOB_RUNTIME_DIR", (m_home / "r").c_str(), 1);
    ::setenv("HOME", m_home.path().c_str(), 1);
    ::unsetenv("XDG_CONFIG_HOME");
    ::setenv("PATH", "", 1); // no gpujobd is there to be started
    auto listener = listen_unix(path(), SOCK_STREAM, false);
    expect(listener.has_value(), "listening works");
    m_listener = std::move(*listener);
    m_thread = std::thread([this] { serve(); });
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  ~FakeDaemon() {
    ::shutdown(m_listener.get(), SHUT_RDWR);
    m_thread.join();
  }

  [[nodiscard]] std::string path() const { return m_home / "r/gpujobd.sock"; }
  /// For the next clients; those after them are refused.
  void prepare(std::string words, int clients) {
    const std::lock_guard lock(m_mutex);
    m_words = std::move(words);
    m_left = clients;
  }

private:
  void serve() {
    std::vector<Fd> open;
    for (;;) {
      Fd peer{::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!peer) {
        return;
      }
      (void)send_with_fd(peer.get(), next_words(), -1);
      ::shutdown(peer.get(), SHUT_WR);
      // A client may hold one while it opens another, and what it says wants room.
      constexpr std::size_t k_most = 8;
      open.push_back(std::move(peer));
      if (open.size() > k_most) {
        open.erase(open.begin());
      }
    }
  }

  std::string next_words() {
    const std::lock_guard lock(m_mutex);
    return m_left-- > 0 ? m_words : std::string(k_refusal);
  }

  fuzz::Sandbox m_home;
  Fd m_listener;
  std::mutex m_mutex;
  std::string m_words;
  int m_left = 0;
  std::thread m_thread;
};

/// The first look at a job and all that is told of it until the daemon is gone.
Result<int> watch(const std::string& path) {
  auto connection = client::Connection::open(path);
  if (!connection) {
    return connection.error();
  }
  auto watcher = client::Watcher::start(std::move(*connection), "digits");
  if (!watcher) {
    return watcher.error();
  }
  while (watcher->connected()) {
    const auto texts = watcher->update();
    if (!texts) {
      return texts.error();
    }
    (void)client::how_it_ended(watcher->view());
  }
  return 0;
}

using Verb = Result<int> (*)(const std::string& path);

/// The one, then the other: with --json and without, waiting or not.
const std::map<std::string, std::pair<Verb, Verb>, std::less<>>& verbs() {
  using namespace client;
  using S = const std::string&;
  static const std::map<std::string, std::pair<Verb, Verb>, std::less<>> table{
      {"run",
       {[](S) {
          RunOptions o;
          o.detach = true;
          o.command = {"/bin/true"};
          return execute(o);
        },
        [](S) {
          RunOptions o;
          o.json = true;
          o.command = {"/bin/true"};
          return execute(o);
        }}},
      {"ps",
       {[](S) { return execute(PsOptions{}); },
        [](S) {
          return execute(PsOptions{true, true});
        }}},
      {"show",
       {[](S) {
          return execute(ShowOptions{"digits", false});
        },
        [](S) {
          return execute(ShowOptions{"digits", true});
        }}},
      {"logs",
       {[](S) {
          return execute(LogsOptions{"digits", false, 1, true, false});
        },
        [](S) {
          return execute(LogsOptions{"digits", false, {}, false, true});
        }}},
      {"watch", {watch, watch}},
      {"checkpoint",
       {[](S) {
          return execute(CheckpointOptions{"digits", false, false});
        },
        [](S) {
          return execute(CheckpointOptions{"digits", false, true});
        }}},
      {"stop",
       {[](S) {
          return execute(StopOptions{{"digits"}, false, false, false, false});
        },
        [](S) {
          return execute(StopOptions{{}, true, true, true, true});
        }}},
      {"rm",
       {[](S) {
          return execute(RmOptions{{"digits"}, false});
        },
        [](S) {
          return execute(RmOptions{{"digits"}, true});
        }}},
      {"quota",
       {[](S) {
          return execute(QuotaOptions{true, false});
        },
        [](S) {
          return execute(QuotaOptions{false, true});
        }}},
      {"daemon.start",
       {[](S) {
          return execute(DaemonStartOptions{{}, {}, {"--plan", "pro"}, false});
        },
        [](S) {
          return execute(DaemonStartOptions{{}, {}, {"--slots", "2"}, true});
        }}},
      {"daemon.status",
       {[](S) { return execute(DaemonStatusOptions{false}); },
        [](S) { return execute(DaemonStatusOptions{true}); }}},
      {"daemon.stop",
       {[](S) { return execute(DaemonStopOptions{false}); },
        [](S) { return execute(DaemonStopOptions{true}); }}},
  };
  return table;
}

void check_gpus(std::string_view words) {
  const auto reply = json::parse(words, "fuzz");
  if (!reply) {
    return;
  }
  const auto snapshot = read_gpu_snapshot(*reply);
  fuzz::expect_said(snapshot);
  if (snapshot) {
    expect_shown(client::render_gpus(*snapshot));
  }
}

void check_bench(std::string_view words) {
  auto answer = client::read_torch_answer(words);
  fuzz::expect_said(answer);
  if (answer) {
    const client::BenchReport report{answer->version, "python3", answer->measured, answer->failed};
    expect_shown(client::render_bench(report));
    (void)json::dump(client::bench_document(report));
  }
}

void check_verb(std::string_view verb, std::string_view words) {
  static FakeDaemon daemon;
  if (verb == "ready") {
    fuzz::expect_said(client::parse_ready_line(std::string(words)));
    return;
  }
  if (verb == "bench") {
    check_bench(words);
    return;
  }
  if (verb == "gpu") {
    check_gpus(words);
    return;
  }
  if (verb == "hello") {
    daemon.prepare(std::string(words), 1);
    fuzz::expect_said(client::Connection::open(daemon.path()));
    return;
  }
  const auto found = verbs().find(verb);
  if (found == verbs().end()) {
    return;
  }
  for (const auto execute : {found->second.first, found->second.second}) {
    daemon.prepare(std::string(k_hello).append(words), 2);
    fuzz::expect_said(execute(daemon.path()));
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::expand(data, size);
  if (input.starts_with('{')) {
    check_document(input);
    return 0;
  }
  const auto end = std::min(input.find('\n'), input.size());
  check_verb(std::string_view(input).substr(0, end),
             std::string_view(input).substr(std::min(end + 1, input.size())));
  return 0;
}
