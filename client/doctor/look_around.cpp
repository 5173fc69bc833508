// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/checks.h"
#include "client/environment.h"
#include "common/clock.h"
#include "common/gpu_library.h"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

namespace gpujob::client {

namespace {

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string find_gpu_library() {
  for (const char* place : k_nvml_places) {
    if (const auto path = std::string(place) + "/" + k_nvml_name; is_there(path)) {
      return path;
    }
  }
  return {};
}

std::string own_directory() {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed).parent_path().string();
}

std::vector<std::string> find_user_profiles(const std::vector<std::string>& env) {
  const std::string xdg(value_of(env, "XDG_CONFIG_HOME"));
  const std::string home(value_of(env, "HOME"));
  const auto dir = (xdg.starts_with('/') ? xdg : home + "/.config") + "/gpujob/platforms";
  std::vector<std::string> out;
  std::error_code failed;
  std::filesystem::directory_iterator files(dir, failed);
  for (; files != std::filesystem::directory_iterator(); files.increment(failed)) {
    if (files->path().extension() == ".json") {
      out.push_back(files->path().string());
    }
  }
  std::ranges::sort(out);
  return out;
}

} // namespace

Surroundings look_around() {
  const auto env = own_environment();
  Surroundings a;
  a.has_gpu_device = is_there("/dev/nvidiactl") || is_there("/dev/kfd");
  a.gpu_library = find_gpu_library();
  for (const char* program : {"gpujobd", "gpujob-shim", "gpujob-http", "gpujob-gpuprobe"}) {
    if (!is_there(own_directory() + "/" + program)) {
      a.lacks.emplace_back(program);
    }
  }
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"}) {
    if (a.proxy.empty() && !value_of(env, name).empty()) {
      a.proxy = name; // not its value: a password may stand there
    }
  }
  a.has_tzdata = is_there("/usr/share/zoneinfo/Asia/Shanghai");
  a.user_profiles = find_user_profiles(env);
  a.now = read_clocks().wall;
  return a;
}

} // namespace gpujob::client
