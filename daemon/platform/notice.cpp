// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/notice.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/http_reply.h"

#include <absl/time/time.h>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

namespace {

using json::Json;
using namespace std::chrono_literals;

constexpr std::string_view k_usual_address = "169.254.169.254";
/// What a notice gives at least: EC2's user guide says two minutes, Google's half a minute, Azure's
/// half a minute for a preemption.
constexpr Duration k_ec2_grace = 120s;
constexpr Duration k_gce_grace = 30s;
constexpr Duration k_azure_grace = 30s;

Json step(const std::string& url, Json headers) {
  return {{"url", url}, {"headers", std::move(headers)}};
}

EndNotice make_notice(std::optional<WallTime> at, Duration grace, std::string text, WallTime now) {
  const bool ahead = at && *at > now;
  return {ahead ? *at : now + grace, std::move(text), ahead};
}

/// "Mon, 19 Sep 2016 18:29:47 GMT"; nullopt for what is none, or no time of ours.
std::optional<WallTime> parse_http_date(const std::string& text) {
  absl::Time t;
  std::string ignored;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &t, &ignored)) {
    return std::nullopt;
  }
  const auto s = absl::ToUnixSeconds(t);
  const bool ours = s >= 0 && s <= 3 * k_longest_span / 1s;
  return ours ? std::optional(WallTime{std::chrono::seconds{s}}) : std::nullopt;
}

using Found = Result<std::optional<EndNotice>>;

Found read_ec2(const std::string& body, WallTime now) {
  const auto j = json::parse(body, "notice: instance-action");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "notice: instance-action");
  const auto action = r.text("action");
  const auto at = parse_rfc3339(r.text_or("time", ""));
  if (!r.ok()) {
    return r.error();
  }
  return make_notice(at, k_ec2_grace,
                     fmt::format("EC2 takes this spot instance back ({})", printable(action)), now);
}

Found read_gce(const std::string& body, WallTime now) {
  const auto text = trim(body);
  if (text == "FALSE") {
    return std::nullopt;
  }
  if (text != "TRUE") {
    return Error{Errc::bad_data, "notice: preempted: is neither TRUE nor FALSE"};
  }
  return make_notice(std::nullopt, k_gce_grace, "Google preempts this machine", now);
}

/// Events that leave nothing of what runs.
bool ends_the_machine(const std::string& type) {
  constexpr std::array<std::string_view, 4> k_ending{"Preempt", "Terminate", "Reboot", "Redeploy"};
  return std::ranges::find(k_ending, type) != k_ending.end();
}

/// An availability set hears of all its machines' events. Without a list it is about everybody.
bool is_about(json::Reader& event, const std::string& machine) {
  const auto resources = event.texts_or_empty("Resources");
  return machine.empty() || resources.empty() ||
         std::ranges::find(resources, machine) != resources.end();
}

Found read_azure(const std::string& body, const std::string& machine, WallTime now) {
  const auto j = json::parse(body, "notice: scheduledevents");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "notice: scheduledevents");
  std::optional<EndNotice> first;
  const auto* events = r.find("Events");
  if (events == nullptr || !events->is_array()) {
    return Error{Errc::bad_data, "notice: scheduledevents: Events: is not a list"};
  }
  for (const auto& event : *events) {
    json::Reader e(event, "notice: event");
    const auto type = e.text("EventType");
    auto notice = make_notice(parse_http_date(e.text_or("NotBefore", "")), k_azure_grace,
                              fmt::format("Azure ends this machine ({})", printable(type)), now);
    const bool ours = is_about(e, machine);
    if (!e.ok()) {
      return e.error();
    }
    if (ours && ends_the_machine(type) && (!first || notice.ends_at < first->ends_at)) {
      first = std::move(notice);
    }
  }
  return first;
}

/// What the first of several questions was answered with; empty: nothing.
std::string first_text(const Json& reply) {
  const auto before = reply.value("before", Json::array());
  return before.is_array() && !before.empty() && before.front().is_string()
             ? std::string(trim(before.front().get<std::string>()))
             : "";
}

} // namespace

Result<std::optional<NoticeSource>> parse_notices(std::string_view text, std::string_view what) {
  const auto said = trim(text);
  if (said == "none") {
    return std::nullopt;
  }
  const auto at = said.find('@');
  NoticeSource s;
  s.kind = std::string(said.substr(0, at));
  s.address = std::string(at == std::string_view::npos ? k_usual_address : said.substr(at + 1));
  const bool plain = std::ranges::all_of(s.address, [](char c) {
    return std::string_view("0123456789abcdefABCDEF.:[]").find(c) != std::string_view::npos ||
           std::string_view("localhost").find(c) != std::string_view::npos;
  });
  if (s.kind != "ec2_spot" && s.kind != "gce_preempted" && s.kind != "azure_events") {
    return Error{Errc::usage, fmt::format("{}: '{}': is not ec2_spot, gce_preempted, azure_events "
                                          "or none",
                                          what, printable(said.substr(0, 60)))};
  }
  if (s.address.empty() || !plain) {
    return Error{Errc::usage, fmt::format("{}: '{}': is no address[:port]", what,
                                          printable(s.address.substr(0, 60)))};
  }
  return s;
}

std::string notice_request(const NoticeSource& source) {
  const auto base = "http://" + source.address;
  auto steps = Json::array();
  if (source.kind == "ec2_spot") { // IMDSv2
    auto token = step(base + "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}});
    token["method"] = "PUT";
    token["answer_as"] = "X-aws-ec2-metadata-token";
    steps.push_back(std::move(token));
    steps.push_back(step(base + "/latest/meta-data/spot/instance-action", Json::object()));
  } else if (source.kind == "gce_preempted") {
    steps.push_back(
        step(base + "/computeMetadata/v1/instance/preempted", {{"Metadata-Flavor", "Google"}}));
  } else {
    steps.push_back(
        step(base + "/metadata/scheduledevents?api-version=2020-07-01", {{"Metadata", "true"}}));
  }
  return json::dump({{"op", "get"}, {"steps", std::move(steps)}});
}

Result<std::optional<EndNotice>> read_notice(const NoticeSource& source,
                                             const Result<std::string>& reply, WallTime now) {
  const auto j = read_http_reply(reply);
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "gpujob-http");
  const auto status = r.integer("status");
  const auto body = r.bytes("body");
  if (!r.ok()) {
    return r.error();
  }
  if (status == 404 && source.kind == "ec2_spot") {
    return std::nullopt; // what it answers while there is none
  }
  if (status != 200) {
    return Error{Errc::io, fmt::format("notice: {}: {} answers {}: not the service it is taken for",
                                       source.kind, source.address, status)};
  }
  return source.kind == "ec2_spot"        ? read_ec2(body, now)
         : source.kind == "gce_preempted" ? read_gce(body, now)
                                          : read_azure(body, first_text(*j), now);
}

} // namespace gpujob::platform
