// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/drm_client.h"

#include "common/file.h"
#include "common/text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <limits>

namespace gpujob::gpu {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest = 16U << 10U;

/// "1024 KiB", "4096", "17 ns": a number with the unit that the key may have.
std::optional<std::int64_t> number(std::string_view value) {
  const auto end = value.find_first_not_of("0123456789");
  const auto parsed = parse_int(value.substr(0, end));
  const auto unit = end == std::string_view::npos ? "" : trim(value.substr(end));
  if (!parsed || *parsed < 0) {
    return std::nullopt;
  }
  std::int64_t scale = 1;
  if (unit == "KiB") {
    scale = 1LL << 10U;
  } else if (unit == "MiB") {
    scale = 1LL << 20U;
  } else if (unit == "GiB") {
    scale = 1LL << 30U;
  } else if (!unit.empty() && unit != "ns") {
    return std::nullopt;
  }
  return *parsed <= std::numeric_limits<std::int64_t>::max() / scale
             ? std::optional(*parsed * scale)
             : std::nullopt;
}

void add(DrmClients& into, DrmClient client) {
  const auto same = [&](const DrmClient& other) {
    return client.id && other.id == client.id && other.pci == client.pci;
  };
  if (std::ranges::none_of(into.clients, same)) {
    into.clients.push_back(std::move(client));
  }
}

/// Without leading zeroes of the domain, in small letters.
std::string plain_pci(std::string_view address) {
  auto from = address.find_first_not_of('0');
  from = std::min({from, address.find(':'), address.size()});
  std::string out(address.substr(from));
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

} // namespace

std::optional<DrmClient> parse_drm_client(std::string_view fdinfo) {
  DrmClient client;
  int best = 0;
  // What is resident, by its newer and its older name; then what was asked for.
  constexpr std::string_view k_memory[] = {"drm-total-vram", "drm-memory-vram",
                                           "drm-resident-vram"};
  for (const auto& line : split(fdinfo, '\n')) {
    const auto colon = line.find(':');
    if (!line.starts_with("drm-") || colon == std::string::npos) {
      continue;
    }
    const auto key = std::string_view(line).substr(0, colon);
    const auto value = trim(std::string_view(line).substr(colon + 1));
    if (key == "drm-driver") {
      client.driver = value;
    } else if (key == "drm-pdev") {
      client.pci = value;
    } else if (key == "drm-client-id") {
      client.id = number(value);
    } else if (key == "drm-engine-gfx") {
      client.graphics_ns = number(value);
    } else if (key == "drm-engine-compute") {
      client.compute_ns = number(value);
    }
    for (int i = 0; i < static_cast<int>(std::size(k_memory)); ++i) {
      if (key == k_memory[i] && i + 1 > best) {
        client.memory = number(value);
        best = i + 1;
      }
    }
  }
  return client.pci.empty() ? std::nullopt : std::optional(std::move(client));
}

DrmClients drm_clients_of(const std::string& proc, int pid) {
  DrmClients out;
  const auto directory = fmt::format("{}/{}", proc, pid);
  std::error_code failed;
  fs::directory_iterator entries(directory + "/fd", failed);
  out.readable = !failed;
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    std::error_code gone;
    const auto target = fs::read_symlink(entries->path(), gone).string();
    if (!target.starts_with("/dev/dri/") && !target.starts_with("/dev/nvidia")) {
      continue;
    }
    const auto info =
        read_file(directory + "/fdinfo/" + entries->path().filename().string(), k_longest);
    auto client = info ? parse_drm_client(*info) : std::nullopt;
    if (client) {
      add(out, std::move(*client));
    } else {
      out.has_silent = true;
    }
  }
  return out;
}

bool is_same_pci(std::string_view a, std::string_view b) {
  return !a.empty() && plain_pci(a) == plain_pci(b);
}

} // namespace gpujob::gpu
