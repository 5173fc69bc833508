// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/cmdline.h"
#include "common/descriptors.h"
#include "common/duration.h"
#include "common/id.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"
#include "daemon/policy/core.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// `gpujob run`: start, attach to, or continue the job of that name.
namespace gpujob::ipc {

namespace {

/// How much of an earlier command a note repeats.
constexpr std::size_t k_shown_command = 300;

struct Wish {
  JobSpec spec;
  bool again = false;
  bool take_over = false;
  bool named = false;
  policy::JobId new_id;
};

Result<Wish> read_wish(const nlohmann::json& params) {
  json::Reader r(params, "run");
  Wish wish;
  wish.new_id = random_id();
  wish.again = r.boolean_or("again", false);
  wish.take_over = r.boolean_or("take_over", false);
  const auto* spec = r.find("spec");
  if (spec == nullptr || !spec->is_object()) {
    return Error{Errc::bad_data, "run: spec: is missing"};
  }
  auto j = *spec;
  wish.named = j.contains("name") && j["name"].is_string() && !j["name"].get<std::string>().empty();
  if (!wish.named) {
    j["name"] = wish.new_id;
  }
  auto read = job_spec_from_json(j);
  if (!read || !r.ok()) {
    return read ? r.error() : read.error();
  }
  wish.spec = std::move(*read);
  return wish;
}

/// A live job of that name: nothing to start, the caller attaches.
bool is_live(const policy::Job& job) {
  return job.ended_state() == nullptr && !std::holds_alternative<policy::Held>(job.state);
}

void answer(const Backend& backend, const Request& request, const policy::JobId& id,
            const std::string& name, std::string disposition, std::vector<std::string> notes) {
  auto it = backend.world().jobs.find(id);
  const bool overtaken = it != backend.world().jobs.end() && disposition == "resumed" &&
                         it->second.ended_state() != nullptr;
  if (it == backend.world().jobs.end() || overtaken) {
    // Another client's line for the same name came first.
    const auto* other = find_by_name(backend.world(), name);
    if (other == nullptr) {
      request.fail({Errc::refused, fmt::format("run: {}: was removed meanwhile", name)});
      return;
    }
    it = backend.world().jobs.find(other->id);
    disposition = "attached";
  }
  if (disposition == "started" && std::holds_alternative<policy::Queued>(it->second.state)) {
    disposition = "queued";
  }
  request.reply(
      {{"job", job_view(backend.world(), it->second, backend.state_paths(), backend.now())},
       {"disposition", disposition},
       {"notes", notes}});
}

/// Why the job may not go on now.
std::optional<Error> refusal(const Backend& backend, const policy::Job* known, const Wish& wish) {
  const auto refuse = [&](const std::string& why) {
    return Error{Errc::refused, fmt::format("run: {}: {}", wish.spec.name, why)};
  };
  // Each holds a descriptor, its command line, and what runs must be able to open files.
  if (const auto most = descriptors_for_jobs(); backend.command_lines() >= most) {
    return refuse(fmt::format("{} jobs have not ended, and no more fit: wait until some have, or "
                              "raise the limit of open files (ulimit -Hn) and restart the daemon",
                              most));
  }
  const auto* ended = known == nullptr ? nullptr : known->ended_state();
  if (ended != nullptr && ended->state == policy::EndState::done && !wish.again) {
    return refuse("is done: nothing left to do; pass --again to run it anew");
  }
  if (known != nullptr && !wish.take_over && !wish.again) {
    if (const auto holder = backend.lease_holder(known->id)) {
      return refuse(*holder +
                    "; if that VM is gone, run the same line after that, or now with --take-over");
    }
  }
  if (const auto why = policy::gpu_refusal(backend.world(), wish.spec)) {
    return refuse(*why + ": nothing started");
  }
  const auto history = known == nullptr ? policy::SaveHistory{} : known->history;
  if (const auto why = policy::start_refusal(backend.world(), wish.spec, history, backend.now())) {
    return refuse(*why + ": nothing started");
  }
  return std::nullopt;
}

/// What an earlier session's progress lets expect of this one; empty: nothing is known.
std::string work_note(const Backend& backend, const policy::Job& job) {
  const auto left = policy::work_left(job, backend.now());
  if (!left) {
    return {};
  }
  const auto& end = backend.world().session.plan_end;
  const auto now = backend.now().boot;
  auto note = fmt::format("by its own progress about {} of work are left", format_duration(*left));
  if (end && *end - now < *left) {
    note += fmt::format(", and {} of this session: it will go on in the next",
                        format_duration(std::max(*end - now, Duration::zero())));
  }
  return note;
}

void start(Backend& backend, Request request, Wish wish) {
  const auto* known = wish.named ? find_by_name(backend.world(), wish.spec.name) : nullptr;
  std::vector<std::string> notes;
  if (known != nullptr && !wish.again && known->spec.argv != wish.spec.argv) {
    notes.push_back(fmt::format("the command is another than before, which was: {}",
                                shell_words(known->spec.argv).substr(0, k_shown_command)));
  }
  if (known != nullptr && is_live(*known)) {
    answer(backend, request, known->id, wish.spec.name, "attached", notes);
    return;
  }
  if (auto error = refusal(backend, known, wish)) {
    request.fail(*error);
    return;
  }
  const bool resumes = known != nullptr && !wish.again;
  if (auto note = resumes ? work_note(backend, *known) : std::string(); !note.empty()) {
    notes.push_back(std::move(note));
  }
  const auto id = resumes ? known->id : wish.new_id;
  if (resumes && wish.take_over) {
    if (const auto holder = backend.lease_holder(id)) {
      notes.push_back("taken over: " + *holder);
    }
  }
  if (!backend.hold_command_line(id, std::move(request.fds.front()))) {
    // Another client continues it at this very moment, and its line counts.
    auto late = std::make_shared<Request>(std::move(request));
    backend.submit({}, [&backend, late, id, name = wish.spec.name] {
      answer(backend, *late, id, name, "attached", {"another gpujob run of it came first"});
    });
    return;
  }
  policy::Event event = resumes ? policy::Event(policy::Resumed{id, wish.spec})
                                : policy::Event(policy::Submitted{id, wish.spec, wish.named});
  auto shared = std::make_shared<Request>(std::move(request));
  backend.submit({std::move(event)}, [&backend, shared, id, name = wish.spec.name, resumes, notes] {
    answer(backend, *shared, id, name, resumes ? "resumed" : "started", notes);
  });
}

} // namespace

void handle_run(Backend& backend, Request request) {
  auto wish = read_wish(*request.params);
  if (!wish) {
    request.fail(wish.error());
    return;
  }
  if (request.fds.size() != 1) {
    request.fail({Errc::bad_data, "run: exactly one command line must come with it"});
    return;
  }
  if (auto line = read_cmdline_memfd(request.fds.front().get()); !line) {
    request.fail(line.error());
    return;
  }
  if (!wish->named) {
    start(backend, std::move(request), std::move(*wish));
    return;
  }
  // What lives here needs no look elsewhere, which may take long.
  const auto* known = find_by_name(backend.world(), wish->spec.name);
  if (known != nullptr && is_live(*known)) {
    start(backend, std::move(request), std::move(*wish));
    return;
  }
  // Another session may have taken the job further since we looked.
  auto shared = std::make_shared<Request>(std::move(request));
  backend.refresh_from_durable([&backend, shared, wish = *wish](Result<void> read) {
    if (!read) {
      shared->fail({Errc::io, fmt::format("run: {}: {}: nothing started", wish.spec.name,
                                          read.error().text)});
      return;
    }
    start(backend, std::move(*shared), wish);
  });
}

} // namespace gpujob::ipc
