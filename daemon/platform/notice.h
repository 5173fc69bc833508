// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <string_view>

/// Notices that a cloud's metadata service gives before it takes a machine back. Asked by
/// gpujob-http; nothing else goes out.
namespace gpujob::platform {

/// Whom to ask, as the setting `notices` says it: "ec2_spot", "gce_preempted", "azure_events", each
/// with "@ADDRESS[:PORT]" where the service is elsewhere than at 169.254.169.254; or "none".
struct NoticeSource {
  std::string kind, address;
};

/// nullopt for "none". Errc::usage names `what`.
Result<std::optional<NoticeSource>> parse_notices(std::string_view text, std::string_view what);

std::string notice_request(const NoticeSource& source);

/// The end that was announced.
struct EndNotice {
  WallTime ends_at{};
  std::string text;    ///< "EC2 takes this spot instance back (terminate)"
  bool stated = false; ///< the platform said when; else it is what such a notice gives at least
};

/// nullopt: none is announced. An error: nobody answered, or something else did. A notice without a
/// time that lies ahead counts from now, with what such a notice gives at least.
Result<std::optional<EndNotice>> read_notice(const NoticeSource& source,
                                             const Result<std::string>& reply, WallTime now);

} // namespace gpujob::platform
