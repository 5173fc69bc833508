// SPDX-License-Identifier: Apache-2.0
#include "client/top/feed.h"

#include "common/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace gpujob::client::top {

using json::Json;

namespace {

/// Of so many jobs that run all is asked for; of others what the list says.
constexpr std::size_t k_whole_jobs = 16;

} // namespace

const char* Feed::method_of(What what) {
  constexpr std::array k_methods{"hello", "quota", "ps",         "show",
                                 "gpu",   "logs",  "checkpoint", "stop"};
  return k_methods[static_cast<std::size_t>(what)];
}

const Json& Feed::said(const char* method) const {
  static const Json k_nothing;
  const auto it = m_said.find(method);
  return it == m_said.end() ? k_nothing : *it;
}

void Feed::adopt(Connection connection) {
  m_connection = std::move(connection);
}

void Feed::begin(Model& m, WallTime now) {
  if (!m_connection) {
    look_for_daemon(m, now);
  }
  if (!m_connection || !m_todo.empty()) {
    return;
  }
  const auto since = m_gpus_at ? std::ceil(to_seconds(now - *m_gpus_at)) + 2 : 1e9;
  const auto history =
      static_cast<std::int64_t>(std::clamp(since, 1.0, static_cast<double>(k_chart_s)));
  m_todo.push_back({What::quota, Json::object()});
  m_todo.push_back({What::gpu, {{"history_s", history}, {"gpu", nullptr}, {"cursor", nullptr}}});
  m_todo.push_back({What::ps, {{"all", false}, {"cursor", nullptr}}});
  m_listed.clear();
  ask_next(m, now);
}

void Feed::order(const Order& order, Model& m, WallTime now) {
  const bool stop = order.what == Order::What::stop;
  Question question{stop ? What::stop : What::checkpoint, {{"job", order.job}}, order.job};
  if (stop) {
    question.params = {{"jobs", {order.job}}, {"now", false}};
  }
  // After the one that is being answered.
  m_todo.insert(m_todo.begin() + (m_asked ? 1 : 0), std::move(question));
  ask_next(m, now);
}

void Feed::ask_next(Model& m, WallTime now) {
  if (m_todo.empty() || m_asked || !m_connection) {
    return;
  }
  const auto& question = m_todo.front();
  if (!m_connection->ask(method_of(question.what), question.params)) {
    lose(m, now);
    return;
  }
  m_asked = true;
  m.asked_since = now;
}

void Feed::lose(Model& m, WallTime now) {
  m_connection.reset();
  if (std::ranges::any_of(m_todo, [](const Question& q) {
        return q.what == What::checkpoint || q.what == What::stop;
      })) {
    m.message = "the daemon went away: what was asked for may not have been done";
  }
  m_todo.clear();
  m_asked = false;
  m.asked_since.reset();
  m.gone_since = m.gone_since ? m.gone_since : now;
  m_gpus_at.reset();
}

void Feed::look_for_daemon(Model& m, WallTime now) {
  auto socket = connect_daemon(m_endpoint.runtime.socket());
  auto connection =
      socket ? Connection::approach(std::move(*socket)) : Result<Connection>(socket.error());
  if (!connection) {
    if (connection.error().code != Errc::unreachable) {
      m.message = connection.error().text;
    }
    return;
  }
  m_connection = std::move(*connection);
  m_todo.push_front({What::hello, Json::object()});
  m_asked = true; // approach() has
  m.asked_since = now;
}

bool Feed::receive(Model& m, WallTime now) {
  if (!m_connection) {
    return false;
  }
  if (m_connection->readable() && !m_connection->receive()) {
    lose(m, now);
    return true;
  }
  bool worth_drawing = false;
  while (m_connection && m_asked) {
    const auto answer = m_connection->answer(method_of(m_todo.front().what));
    if (!answer) {
      break;
    }
    const auto question = std::move(m_todo.front());
    m_todo.pop_front();
    m_asked = false;
    m.asked_since.reset();
    if (!take(question, *answer, m, now)) {
      lose(m, now);
      return true;
    }
    if (question.what == What::hello) {
      begin(m, now); // a whole round, before anything of its own is asked
    }
    plan_log(m);
    worth_drawing = worth_drawing || m_todo.empty() || question.what == What::checkpoint ||
                    question.what == What::stop;
    ask_next(m, now);
  }
  return worth_drawing;
}

bool Feed::take(const Question& question, const Result<Json>& answer, Model& m, WallTime now) {
  if (!answer) {
    if (answer.error().code == Errc::protocol || answer.error().code == Errc::unreachable) {
      m.message = answer.error().text;
      return false;
    }
    refused(question, answer.error(), m);
    return true;
  }
  switch (question.what) {
  case What::hello:
    if (const auto met = m_connection->welcome(*answer); !met) {
      m.message = met.error().text;
      return false;
    }
    m.gone_since.reset();
    break;
  case What::quota:
    m_said["quota"] = *answer;
    if (auto view = read_session_view(*answer)) {
      m.session = std::move(*view);
    } else {
      m.message = view.error().text;
    }
    break;
  case What::ps:
    take_list(*answer, m, now);
    break;
  case What::show:
    take_job(*answer, m, now);
    break;
  case What::gpu:
    take_gpus(*answer, m, now);
    break;
  case What::logs:
    take_log(question, *answer, m);
    break;
  case What::checkpoint:
    m.message = "asked to save: what becomes of it stands under LAST SAVE";
    break;
  case What::stop:
    m.message = "stopping: it is asked to save first";
    break;
  }
  return true;
}

void Feed::take_list(const Json& answer, Model& m, WallTime now) {
  json::Reader reader(answer, "daemon: ps");
  const auto* jobs = reader.find("jobs");
  if (jobs == nullptr || !jobs->is_array()) {
    m.message = "daemon: ps: answers without jobs";
    return;
  }
  for (const auto& document : *jobs) {
    auto job = read_job(document, now);
    if (!job) {
      m.message = job.error().text;
      return;
    }
    m_listed.push_back(std::move(*job));
  }
  m.more = reader.integer_or("more", 0);
  if (const auto* next = reader.find("next")) {
    m_todo.push_front({What::ps, {{"all", false}, {"cursor", *next}}});
    return;
  }
  m.list(std::exchange(m_listed, {}));
  plan_details(m);
}

/// All of those that run, and of the selected one.
void Feed::plan_details(const Model& m) {
  std::size_t asked = 0;
  for (const auto& job : m.jobs) {
    const bool chosen = job.view.id == m.choice.job;
    const bool settled = job.ended() && job.known_whole && !job.on_its_way();
    if ((job.active() && asked < k_whole_jobs) || (chosen && !settled)) {
      m_todo.push_back({What::show, {{"job", job.view.id}}, job.view.id});
      ++asked;
    }
  }
}

/// At the end of a round, and again when another job has been selected meanwhile.
void Feed::plan_log(const Model& m) {
  if (m_todo.empty() && m.lacks_log()) {
    const auto& view = m.selected()->view;
    m_todo.push_back({What::logs, {{"job", view.id}, {"attempt", view.attempt}}, view.id});
  }
}

void Feed::take_job(const Json& answer, Model& m, WallTime now) {
  if (auto job = read_job(answer, now)) {
    m.put(std::move(*job));
  } else {
    m.message = job.error().text;
  }
}

void Feed::take_gpus(const Json& answer, Model& m, WallTime now) {
  auto gpus = m.gpus.value_or(Gpus{});
  if (const auto taken = gpus.take(answer); !taken) {
    m.no_gpus = taken.error().text;
    m.gpus.reset();
    return;
  }
  m.gpus = std::move(gpus);
  auto& said = m_said["gpu"];
  if (m_gpu_pages++ == 0) {
    said = answer;
  } else if (answer.contains("history") && answer["history"].is_array()) {
    for (const auto& more : answer["history"]) {
      said["history"].push_back(more);
    }
  }
  json::Reader reader(answer, "daemon: gpu");
  if (const auto* next = reader.find("next")) {
    auto params = Json{{"history_s", k_chart_s}, {"gpu", nullptr}, {"cursor", *next}};
    m_todo.push_front({What::gpu, std::move(params)});
    return;
  }
  m_gpu_pages = 0;
  m_gpus_at = now;
}

void Feed::take_log(const Question& question, const Json& answer, Model& m) {
  if (question.job != m.choice.job) {
    return; // another has been selected since it was asked
  }
  json::Reader reader(answer, "daemon: logs");
  m.log.attempt = question.params["attempt"].get<int>();
  m.log.size = -1;
  m.log.path = reader.find("path") == nullptr ? std::string{} : reader.bytes("path");
  if (!reader.ok()) {
    m.message = reader.error().text;
  }
}

void Feed::refused(const Question& question, const Error& error, Model& m) {
  if (question.what == What::gpu) {
    // A daemon that knows no such method calls it a usage error.
    m.no_gpus = error.code == Errc::usage ? "this daemon is older: gpujob daemon stop, then start"
                                          : error.text;
    m.gpus.reset();
  } else if (question.what == What::logs) {
    if (question.job == m.choice.job) {
      m.log.attempt = question.params["attempt"].get<int>();
      m.log.path.clear();
    }
  } else if (question.what == What::show && error.code == Errc::not_found) {
    return; // removed since it was listed
  } else {
    m.message = error.text;
  }
}

} // namespace gpujob::client::top
