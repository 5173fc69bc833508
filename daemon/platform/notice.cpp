// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/notice.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

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
/// A time farther off than this is none.
constexpr Duration k_far = 24h;

Json step(const std::string& url, Json headers) {
  return {{"url", url}, {"headers", std::move(headers)}};
}

/// An instant that can be one: not in the past, not days away.
WallTime credible(std::optional<WallTime> at, Duration grace, WallTime now) {
  return at && *at <= now + k_far ? std::max(*at, now) : now + grace;
}

std::optional<WallTime> parse_http_date(const std::string& text) {
  absl::Time t;
  std::string ignored;
  return absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &t, &ignored)
             ? std::optional(WallTime{std::chrono::seconds{absl::ToUnixSeconds(t)}})
             : std::nullopt;
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
  return EndNotice{credible(at, k_ec2_grace, now),
                   fmt::format("EC2 takes this spot instance back ({})", printable(action))};
}

Found read_gce(const std::string& body, WallTime now) {
  const auto text = trim(body);
  if (text == "FALSE") {
    return std::nullopt;
  }
  if (text != "TRUE") {
    return Error{Errc::bad_data, "notice: preempted: is neither TRUE nor FALSE"};
  }
  return EndNotice{now + k_gce_grace, "Google preempts this machine"};
}

/// Events that leave nothing of what runs.
bool ends_the_machine(const std::string& type) {
  constexpr std::array<std::string_view, 4> k_ending{"Preempt", "Terminate", "Reboot", "Redeploy"};
  return std::ranges::find(k_ending, type) != k_ending.end();
}

Found read_azure(const std::string& body, WallTime now) {
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
    const auto at = credible(parse_http_date(e.text_or("NotBefore", "")), k_azure_grace, now);
    if (!e.ok()) {
      return e.error();
    }
    if (ends_the_machine(type) && (!first || at < first->ends_at)) {
      first = EndNotice{at, fmt::format("Azure ends this machine ({})", printable(type))};
    }
  }
  return first;
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
  const auto j = reply ? json::parse(*reply, "gpujob-http") : Result<Json>(reply.error());
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "gpujob-http");
  if (!r.boolean_or("ok", false)) {
    return Error{Errc::io, r.text_or("error", "gpujob-http: no answer")};
  }
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
                                          : read_azure(body, now);
}

} // namespace gpujob::platform
