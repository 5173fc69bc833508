// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/endpoint.h"
#include "client/top/keys.h"
#include "client/top/model.h"
#include "common/result.h"

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace gpujob::client::top {

/// Keeps a model as the daemon tells it, in rounds of questions, one at a time; never waits, so a
/// daemon that hangs or has gone stops nothing but the news.
class Feed {
public:
  /// Where to look for a daemon again when it has gone; none is started from here.
  explicit Feed(Endpoint endpoint) : m_endpoint(std::move(endpoint)) {}
  void adopt(Connection connection);

  /// Begins to ask for everything, unless the round before is not over yet.
  void begin(Model& m, WallTime now);
  /// Asks for it before anything else.
  void order(const Order& order, Model& m, WallTime now);
  /// Readable when receive() has something to take; -1 while there is no daemon.
  [[nodiscard]] int fd() const { return m_connection ? m_connection->fd() : -1; }
  /// Takes what has come. True when the model is worth being drawn: a round or an order is over.
  bool receive(Model& m, WallTime now);
  /// Nothing is asked or to be asked.
  [[nodiscard]] bool idle() const { return m_todo.empty(); }
  /// What was answered last to each of quota, ps (the last page) and gpu; null: nothing.
  [[nodiscard]] const nlohmann::json& said(const char* method) const;

private:
  enum class What : std::uint8_t { hello, quota, ps, show, gpu, logs, checkpoint, stop };
  struct Question {
    What what;
    nlohmann::json params;
    std::string job = {}; ///< an id
  };

  static const char* method_of(What what);
  void ask_next(Model& m, WallTime now);
  void lose(Model& m, WallTime now);
  void look_for_daemon(Model& m, WallTime now);
  /// False: it ends the conversation.
  bool take(const Question& question, const Result<nlohmann::json>& answer, Model& m, WallTime now);
  void take_list(const nlohmann::json& answer, Model& m, WallTime now);
  void take_job(const nlohmann::json& answer, Model& m, WallTime now);
  void take_gpus(const nlohmann::json& answer, Model& m, WallTime now);
  static void take_log(const Question& question, const nlohmann::json& answer, Model& m);
  void plan_log(const Model& m);
  void refused(const Question& question, const Error& error, Model& m);
  void plan_details(const Model& m);

  Endpoint m_endpoint;
  std::optional<Connection> m_connection;
  std::deque<Question> m_todo; ///< the first of them has been asked while m_asked
  bool m_asked = false;
  std::vector<Job> m_listed; ///< pages of the list so far
  nlohmann::json m_said = nlohmann::json::object();
  int m_gpu_pages = 0;               ///< that have come of the answer under way
  std::optional<WallTime> m_gpus_at; ///< when the charts were last brought up to
};

} // namespace gpujob::client::top
