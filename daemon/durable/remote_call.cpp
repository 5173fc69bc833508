// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/remote_call.h"

#include "common/file.h"
#include "common/text.h"
#include "daemon/durable/rclone.h"

#include <fmt/format.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// One path a line, in a file beside the spool: an argument has no room for a million.
Result<std::string> write_list(const std::string& spool, const RemoteFiles& files) {
  std::string text;
  for (const auto& file : files) {
    if (file.find('\n') != std::string::npos) {
      return Error{Errc::io,
                   fmt::format("checkpoint: {}: a name with a line break cannot be stored "
                               "by rclone: rename it",
                               printable(file))};
    }
    text += file + "\n";
  }
  auto path = fmt::format("{}.list-{}", spool, ::getpid());
  if (auto done = atomic_publish(path, text); !done) {
    return done.error();
  }
  return path;
}

} // namespace

Error remote_error(const std::string& name, const Error& why) {
  return Error{Errc::io,
               fmt::format("durable directory: rclone:{}: {}: see that it answers (rclone "
                           "lsd {}), or give another --durable",
                           name, why.text, name)};
}

Result<std::string> run_on(const std::string& spool, const RemoteFiles& files,
                           std::vector<std::string> arguments, const BytesSent& sent) {
  const auto list = write_list(spool, files);
  if (!list) {
    return list.error();
  }
  arguments.insert(arguments.end(), {"--files-from-raw", *list});
  auto done = run_rclone(arguments, {}, sent);
  ::unlink(list->c_str());
  return done;
}

} // namespace gpujob::durable
