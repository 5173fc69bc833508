// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/facts.h"

#include "common/file.h"
#include "common/json.h"
#include "common/proc.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::platform {

namespace {

/// What the profiles ask about.
struct Wanted {
  std::set<std::string> variables, dirs, files;
  std::set<std::pair<std::string, std::string>> json_keys;

  void add(const Condition& c) {
    switch (c.kind) {
    case Condition::Kind::env:
    case Condition::Kind::env_equals:
      variables.insert(c.name);
      break;
    case Condition::Kind::dir:
      dirs.insert(c.name);
      break;
    case Condition::Kind::file:
      files.insert(c.name);
      break;
    case Condition::Kind::json_key:
      json_keys.emplace(c.name, c.value);
      break;
    case Condition::Kind::any:
    case Condition::Kind::all:
      add_all(c.parts);
      break;
    }
  }

  void add_all(const std::vector<Condition>& list) {
    for (const auto& c : list) {
      add(c);
    }
  }
};

Wanted wanted_by(const std::vector<Profile>& profiles) {
  Wanted w;
  for (const auto& p : profiles) {
    if (p.detect) {
      w.add(p.detect->when);
      w.add_all(p.detect->none);
    }
    for (const auto& v : p.variants) {
      w.add(v.when);
    }
    for (const auto& url : p.jupyter) { // "http://${NAME}:9000"
      const auto begin = url.find("${");
      if (begin != std::string::npos) {
        w.variables.insert(url.substr(begin + 2, url.find('}') - begin - 2));
      }
    }
  }
  for (const auto& p : profiles) {
    for (const auto& variable : {p.end_variable, p.key_variable}) {
      if (!variable.empty()) {
        w.variables.insert(variable);
      }
    }
  }
  w.variables.insert({"JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"});
  return w;
}

std::map<std::string, std::string> pick(const std::vector<std::string>& env,
                                        const std::set<std::string>& names) {
  std::map<std::string, std::string> out;
  for (const auto& entry : env) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos && names.contains(entry.substr(0, equals))) {
      out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
  }
  return out;
}

/// S_IFDIR, S_IFREG and so on; 0 when there is nothing.
mode_t kind_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? st.st_mode & S_IFMT : 0;
}

std::optional<std::string> read_text(const std::string& path) {
  auto text = read_file(path, std::size_t{64} << 20U);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

/// Garbage has none.
bool has_member(const std::string& path, const std::string& member) {
  const auto text = read_file(path, std::size_t{64} << 10U);
  const auto j = text ? json::parse(*text, path) : Result<json::Json>(text.error());
  return j && j->is_object() && j->contains(member);
}

std::vector<std::string> find_container(const std::string& root,
                                        const std::optional<proc::Stat>& pid1) {
  std::vector<std::string> evidence;
  for (const char* marker : {"/.dockerenv", "/run/.containerenv"}) {
    if (kind_of(root + marker) != 0) {
      evidence.push_back(fmt::format("file {}", marker));
    }
  }
  const auto cgroup = read_text(root + "/proc/1/cgroup").value_or("");
  for (const char* word : {"docker", "kubepods", "containerd"}) {
    if (cgroup.find(word) != std::string::npos) {
      evidence.push_back(fmt::format("/proc/1/cgroup names {}", word));
      break;
    }
  }
  // The inits a machine of its own is started with; anything else as PID 1 is a container's
  // program.
  constexpr std::array<std::string_view, 6> k_inits = {"init",  "systemd", "openrc-init",
                                                       "runit", "dinit",   "shepherd"};
  if (pid1 && std::find(k_inits.begin(), k_inits.end(), pid1->comm) == k_inits.end()) {
    evidence.push_back(fmt::format("PID 1 is {}, no init", printable(pid1->comm)));
  }
  return evidence;
}

/// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto digit = [&](std::size_t at) { return s[at] >= '0' && s[at] <= '7'; };
    if (s[i] == '\\' && i + 3 < s.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((s[i + 1] - '0') * 64 + (s[i + 2] - '0') * 8 + (s[i + 3] - '0'));
      i += 3;
    } else {
      out += s[i];
    }
  }
  return out;
}

/// proc(5): ID parent major:minor root POINT options optional... - TYPE source options.
std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const auto& line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() >= 6 && fields.end() - dash >= 2) {
      mounts.push_back({unescape(fields[4]), unescape(*(dash + 1))});
    }
  }
  return mounts;
}

/// "Model: Tesla T4" → "t4", "Model: NVIDIA A100-SXM4-40GB" → "a100".
std::string find_gpu_model(const std::string& root) {
  std::error_code ignored;
  std::filesystem::directory_iterator gpus(root + "/proc/driver/nvidia/gpus", ignored);
  for (; gpus != std::filesystem::directory_iterator(); gpus.increment(ignored)) {
    const auto text = read_text(gpus->path().string() + "/information").value_or("");
    for (const auto& line : split(text, '\n')) {
      if (!line.starts_with("Model:")) {
        continue;
      }
      std::string model;
      for (const char c : trim(std::string_view(line).substr(6))) {
        model += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      for (const std::string_view maker : {"nvidia ", "tesla ", "geforce ", "quadro "}) {
        model = model.starts_with(maker) ? model.substr(maker.size()) : model;
      }
      return model.substr(0, model.find_first_of(" -"));
    }
  }
  return {};
}

/// By SMBIOS, as AWS's and Google's own guides to telling an instance apart have it; an EC2 machine
/// of the Xen kind says it in its version.
std::string find_cloud(const std::string& root) {
  const auto dmi = [&](const char* name) {
    const auto text = read_text(root + "/sys/class/dmi/id/" + name);
    return text ? std::string(trim(*text)) : std::string{};
  };
  if (dmi("sys_vendor") == "Amazon EC2" || dmi("bios_version").ends_with(".amazon")) {
    return "ec2";
  }
  return dmi("product_name") == "Google Compute Engine" ? "gce" : "";
}

/// The environment of the first notebook kernel that has one of the variables: under sudo, `env -i`
/// or cron ours is bare, and theirs is what the platform gave.
std::map<std::string, std::string> find_kernel_environment(const std::string& root,
                                                           const std::set<std::string>& variables) {
  std::error_code ignored;
  std::filesystem::directory_iterator processes(root + "/proc", ignored);
  for (; processes != std::filesystem::directory_iterator(); processes.increment(ignored)) {
    const auto dir = processes->path().string();
    const auto name = processes->path().filename().string();
    struct stat st {};
    // Anybody may name a process so: only our own tells of our platform.
    const bool ours = ::stat(dir.c_str(), &st) == 0 && st.st_uid == ::geteuid();
    if (!parse_int(name) || !ours ||
        read_text(dir + "/cmdline").value_or("").find("ipykernel") == std::string::npos) {
      continue;
    }
    auto env = pick(split(read_text(dir + "/environ").value_or(""), '\0'), variables);
    if (!env.empty()) {
      return env;
    }
  }
  return {};
}

} // namespace

Facts collect_facts(const std::vector<Profile>& profiles, const FactSource& source) {
  const auto wanted = wanted_by(profiles);
  const auto& root = source.root;
  Facts f;
  f.env = pick(source.env, wanted.variables);
  if (const auto text = read_text(root + "/proc/1/environ")) {
    f.pid1_env = pick(split(*text, '\0'), wanted.variables);
  }
  if (f.env.empty() && (!f.pid1_env || f.pid1_env->empty())) {
    f.kernel_env = find_kernel_environment(root, wanted.variables);
  }
  for (const auto& path : wanted.dirs) {
    if (kind_of(root + path) == S_IFDIR) {
      f.dirs.insert(path);
    }
  }
  for (const auto& path : wanted.files) {
    if (const auto kind = kind_of(root + path); kind != 0 && kind != S_IFDIR) {
      f.files.insert(path); // a device is one, too
    }
  }
  for (const auto& [path, member] : wanted.json_keys) {
    if (has_member(root + path, member)) {
      f.json_keys.emplace(path, member);
    }
  }
  if (const auto id = read_text(root + "/proc/sys/kernel/random/boot_id")) {
    f.boot_id = std::string(trim(*id));
  }
  const auto stat = read_text(root + "/proc/1/stat");
  const auto pid1 = stat ? proc::parse_stat(*stat) : std::nullopt;
  if (pid1) {
    f.pid1_start_ticks = pid1->start_ticks;
  }
  f.container_evidence = find_container(root, pid1);
  for (const char* device : {"/dev/nvidiactl", "/dev/kfd"}) {
    f.has_gpu = f.has_gpu || kind_of(root + device) != 0;
  }
  f.cloud = find_cloud(root);
  f.gpu_model = find_gpu_model(root);
  f.mounts = parse_mounts(read_text(root + "/proc/self/mountinfo").value_or(""));
  return f;
}

std::string Facts::variable(const std::string& name) const {
  for (const auto* in : {&env, pid1_env ? &*pid1_env : nullptr, &kernel_env}) {
    if (const auto it = in == nullptr ? env.end() : in->find(name);
        in != nullptr && it != in->end()) {
      return it->second;
    }
  }
  return {};
}

std::string filesystem_type(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* best = nullptr;
  for (const auto& m : mounts) {
    const auto prefix = m.point == "/" ? m.point : m.point + "/";
    const bool holds = path == m.point || path.starts_with(prefix);
    // Of two mounts on one point the later lies on top.
    if (holds && (best == nullptr || m.point.size() >= best->point.size())) {
      best = &m;
    }
  }
  return best == nullptr ? std::string{} : best->type;
}

} // namespace gpujob::platform
