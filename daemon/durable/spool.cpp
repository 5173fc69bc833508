// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/spool.h"

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/durable/place.h"
#include "daemon/durable/remote_call.h"

#include <cerrno>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <vector>

namespace gpujob::durable {

bool is_data(std::string_view path) {
  const auto parts = split(path, '/');
  return parts.size() > 7 && parts[0] == "jobs" && parts[2] == "attempts" &&
         parts[4] == name::k_checkpoints && parts[6] == name::k_data;
}

std::set<std::string> counted_data(const std::string& spool) {
  std::set<std::string> out;
  const auto jobs = names_in(spool + "/jobs");
  for (const auto& job : jobs ? *jobs : std::vector<std::string>{}) {
    const auto attempts = names_in(spool + "/jobs/" + job + "/attempts");
    for (const auto& attempt : attempts ? *attempts : std::vector<std::string>{}) {
      const auto dir = "jobs/" + job + "/attempts/" + attempt + "/" + name::k_checkpoints;
      const auto seqs = names_in(spool + "/" + dir);
      for (const auto& seq : seqs ? *seqs : std::vector<std::string>{}) {
        const auto at = dir + "/" + seq + "/";
        const auto m = read_manifest(spool + "/" + at + name::k_manifest);
        for (const auto& file : m ? m->files : std::vector<ManifestFile>{}) {
          out.insert(file.at.empty() ? at + name::k_data + "/" + file.path
                                     : "jobs/" + job + "/" + file.at);
        }
      }
    }
  }
  return out;
}

RemoteFiles records_in(const std::string& spool, const std::string& session) {
  RemoteFiles out;
  const auto take = [&](const std::string& dir) {
    const auto names = names_in(spool + "/" + dir);
    for (const auto& name : names ? *names : std::vector<std::string>{}) {
      if (name.ends_with(".json")) {
        out.push_back(dir + "/" + name);
      }
    }
  };
  const auto below = [&](const std::string& dir) {
    const auto names = names_in(spool + "/" + dir);
    return names ? *names : std::vector<std::string>{};
  };
  take("said");
  for (const auto& who : below("ledger")) {
    if (who != session) {
      take("ledger/" + who);
    }
  }
  for (const auto& job : below("jobs")) {
    for (const auto& attempt : below("jobs/" + job + "/attempts")) {
      const auto dir = "jobs/" + job + "/attempts/" + attempt;
      if (attempt.ends_with("-" + session)) {
        continue;
      }
      take(dir);
      for (const auto& seq : below(dir + "/" + name::k_checkpoints)) {
        if (parse_seq(seq)) {
          take(dir + "/" + name::k_checkpoints + "/" + seq);
        }
      }
    }
  }
  return out;
}

bool is_here_for_good(const std::string& spool, const std::string& path, std::uint64_t size) {
  const auto last = base_name(path);
  if (last != name::k_manifest && last != name::k_spec) {
    return false;
  }
  const auto text = read_file(spool + "/" + path, k_max_record);
  return text && text->size() == size && json::parse(*text, "record");
}

Result<void> make_hollow(const std::string& path, std::uint64_t size) {
  GPUJOB_TRY(make_directories(parent_path(path)));
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!fd) {
    return fd.error();
  }
  return ::ftruncate(fd->get(), static_cast<off_t>(size)) == 0 ? Result<void>{}
                                                               : io_error("truncate", path, errno);
}

} // namespace gpujob::durable
