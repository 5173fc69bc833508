// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml.so.1 for machines without a GPU: the functions and layouts of NVIDIA's own
// (sources as in daemon/gpu/probe/nvml_abi.h, declared here once more so that one wrong layout
// cannot hide in both), which says what the file $NVML_DOUBLE says. The file is read again whenever
// the GPUs are counted. What a file does not mention is NVML_ERROR_NOT_SUPPORTED. A line is a word
// and values:
//
//   driver 550.54.15           nvml 12.550.54.15      cuda 12040       init CODE
//   process_bytes 32           (of an entry of a _v3 list, as the first drivers of R535 had it)
//   count_fails CODE           hangs_shutdown
//   gpu NAME OF THE GPU        begins one; what follows is of it
//   uuid GPU-…                 pci 00000000:00:04.0   lost           (not even a handle)
//   util 37 12                 memory TOTAL USED RESERVED             (bytes)
//   temperature 41             power 27000 70000      (mW: now, cap)
//   clocks 585 585 5000 540    clocks_max …           (MHz: graphics, SM, memory, video)
//   throttle 4                 ecc 0 3 0 7            (corrected, uncorrected, then ever)
//   pcie 3 16 4 16             (generation, width, their most)
//   process PID BYTES [GI CI]  (BYTES - : not available)   graphics PID BYTES    mps PID BYTES
//   sample PID GPU MEMORY AGE  (use in percent, AGE ms ago: as the processes' use is told)
//   mig 1                      mig_device UUID GI CI TOTAL USED [PROFILE]
//   minor 0                    xid CODE               (one more event, for who is registered)
//   private_list               a list of MIG processes only for who asks the instance
//   fails FUNCTION CODE        hangs FUNCTION         (named as in the API; on this GPU)
//
// With NVML_DOUBLE_OLD it is the library of an old driver: no name with a version but what R367
// had, entries of 16 bytes, no MIG, no CUDA version.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <unistd.h>
#include <utility>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr int k_most_gpus = 16;
constexpr int k_most_processes = 256;
constexpr int k_most_migs = 7;
constexpr int k_most_troubles = 8;
constexpr int k_most_events = 32;

enum Code {
  ok = 0,
  uninitialized = 1,
  invalid_argument = 2,
  not_supported = 3,
  no_permission = 4,
  not_found = 6,
  insufficient_size = 7,
  timed_out = 10,
  is_lost = 15,
};

struct Listed {
  unsigned pid = 0;
  unsigned long long memory = 0;
  unsigned gi = ~0U, ci = ~0U;
  int kind = 0;
};

struct Sample {
  unsigned pid = 0, gpu = 0, memory = 0;
  unsigned long long age_ms = 0;
};

struct Mig {
  char uuid[96] = "", profile[32] = "";
  unsigned gi = 0, ci = 0;
  unsigned long long total = 0, used = 0;
};

struct Trouble {
  char function[80] = "";
  int code = 0; ///< -1: hangs
};

/// Numbers that the file may give, and whether it did.
template <int N>
struct Given {
  bool given = false;
  unsigned long long value[N] = {};
};

struct Gpu {
  char name[96] = "", uuid[96] = "", pci[32] = "";
  bool lost = false, private_list = false;
  Given<2> util, power;
  Given<3> memory;
  Given<1> temperature, throttle, mig, minor;
  Given<4> clocks, clocks_max, ecc, pcie;
  Listed processes[k_most_processes];
  int process_count = 0;
  Sample samples[k_most_processes];
  int sample_count = 0;
  int xids[k_most_events] = {};
  int xid_count = 0;
  Mig migs[k_most_migs];
  int mig_count = 0;
  Trouble troubles[k_most_troubles];
  int trouble_count = 0;
};

struct Script {
  char driver[80] = "", nvml[80] = "";
  int cuda = 0, init = 0, count_fails = 0;
  int process_bytes = 24;
  bool hangs_shutdown = false;
  Gpu gpus[k_most_gpus];
  int gpu_count = 0;
};

Script g_script;
bool g_initialized = false;
/// How many of a GPU's events have been told, or came before anybody was registered; -1: nobody is.
int g_told[k_most_gpus];

void bad(const char* line) {
  // A script with a mistake must not pass for a GPU that does not say something.
  std::fprintf(stderr, "nvml double: %s: is no line of a script\n", line);
  std::abort();
}

void copy(char* to, std::size_t size, const char* from) {
  std::snprintf(to, size, "%s", from);
}

template <int N>
bool read(Given<N>& into, const char* values) {
  char* end = nullptr;
  const char* at = values;
  for (auto& value : into.value) {
    value = std::strtoull(at, &end, 0);
    if (end == at) {
      return false;
    }
    at = end;
  }
  into.given = true;
  return true;
}

bool read_process(Gpu& gpu, const char* values, int kind) {
  Listed p;
  p.kind = kind;
  char memory[32];
  if (gpu.process_count == k_most_processes ||
      std::sscanf(values, "%u %31s %u %u", &p.pid, memory, &p.gi, &p.ci) < 2) {
    return false;
  }
  p.memory = std::strcmp(memory, "-") == 0 ? ~0ULL : std::strtoull(memory, nullptr, 10);
  gpu.processes[gpu.process_count++] = p;
  return true;
}

bool read_of_gpu(Gpu& gpu, const char* word, const char* values) {
  const auto is = [&](const char* w) { return std::strcmp(word, w) == 0; };
  if (is("uuid")) {
    return copy(gpu.uuid, sizeof gpu.uuid, values), true;
  }
  if (is("pci")) {
    return copy(gpu.pci, sizeof gpu.pci, values), true;
  }
  if (is("lost")) {
    return gpu.lost = true;
  }
  if (is("private_list")) {
    return gpu.private_list = true;
  }
  if (is("mig_device") && gpu.mig_count < k_most_migs) {
    auto& m = gpu.migs[gpu.mig_count++];
    return std::sscanf(values, "%95s %u %u %llu %llu %31s", m.uuid, &m.gi, &m.ci, &m.total, &m.used,
                       m.profile) >= 5;
  }
  if (is("sample") && gpu.sample_count < k_most_processes) {
    auto& sample = gpu.samples[gpu.sample_count++];
    return std::sscanf(values, "%u %u %u %llu", &sample.pid, &sample.gpu, &sample.memory,
                       &sample.age_ms) == 4;
  }
  if (is("xid") && gpu.xid_count < k_most_events) {
    return std::sscanf(values, "%d", &gpu.xids[gpu.xid_count++]) == 1;
  }
  if ((is("fails") || is("hangs")) && gpu.trouble_count < k_most_troubles) {
    auto& t = gpu.troubles[gpu.trouble_count++];
    t.code = -1;
    return std::sscanf(values, "%79s %d", t.function, &t.code) == (is("fails") ? 2 : 1);
  }
  return (is("util") && read(gpu.util, values)) || (is("memory") && read(gpu.memory, values)) ||
         (is("temperature") && read(gpu.temperature, values)) ||
         (is("power") && read(gpu.power, values)) || (is("clocks") && read(gpu.clocks, values)) ||
         (is("clocks_max") && read(gpu.clocks_max, values)) ||
         (is("throttle") && read(gpu.throttle, values)) || (is("ecc") && read(gpu.ecc, values)) ||
         (is("pcie") && read(gpu.pcie, values)) || (is("mig") && read(gpu.mig, values)) ||
         (is("minor") && read(gpu.minor, values)) ||
         (is("process") && read_process(gpu, values, 0)) ||
         (is("graphics") && read_process(gpu, values, 1)) ||
         (is("mps") && read_process(gpu, values, 2));
}

bool read_line(const char* word, const char* values) {
  const auto is = [&](const char* w) { return std::strcmp(word, w) == 0; };
  auto& s = g_script;
  if (is("gpu") && s.gpu_count < k_most_gpus) {
    return copy(s.gpus[s.gpu_count++].name, sizeof s.gpus[0].name, values), true;
  }
  if (is("driver")) {
    return copy(s.driver, sizeof s.driver, values), true;
  }
  if (is("nvml")) {
    return copy(s.nvml, sizeof s.nvml, values), true;
  }
  if (is("hangs_shutdown")) {
    return s.hangs_shutdown = true;
  }
  for (auto& [name, number] : {std::pair<const char*, int*>{"cuda", &s.cuda},
                               {"init", &s.init},
                               {"count_fails", &s.count_fails},
                               {"process_bytes", &s.process_bytes}}) {
    if (is(name)) {
      return std::sscanf(values, "%d", number) == 1;
    }
  }
  return s.gpu_count > 0 && read_of_gpu(s.gpus[s.gpu_count - 1], word, values);
}

void read_script() {
  g_script = Script();
  const char* path = std::getenv("NVML_DOUBLE");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "re");
  if (file == nullptr) {
    bad("(no file in $NVML_DOUBLE)");
  }
  char line[512];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#') {
      continue;
    }
    char word[40] = "";
    int at = 0;
    std::sscanf(line, "%39s %n", word, &at);
    if (!read_line(word, line + at)) {
      bad(line);
    }
  }
  std::fclose(file);
}

/// A handle says which GPU, and which MIG device of it: no address of ours, as with the real one.
struct Handle {
  Gpu* gpu = nullptr;
  Mig* mig = nullptr;
};

void* make_handle(unsigned gpu, unsigned mig_plus_1 = 0) {
  return reinterpret_cast<void*>(std::size_t{0x1000} + gpu * 0x10 + mig_plus_1);
}

/// The GPU of a handle, unless this function fails on it, as the script wants it.
int find(void* device, const char* function, Handle& out) {
  if (!g_initialized) {
    return uninitialized;
  }
  const auto number = reinterpret_cast<std::size_t>(device) - 0x1000;
  if (number / 0x10 >= static_cast<std::size_t>(g_script.gpu_count)) {
    return invalid_argument;
  }
  out.gpu = &g_script.gpus[number / 0x10];
  out.mig = number % 0x10 == 0 ? nullptr : &out.gpu->migs[number % 0x10 - 1];
  if (out.gpu->lost) {
    return is_lost;
  }
  for (int i = 0; i < out.gpu->trouble_count; ++i) {
    const auto& t = out.gpu->troubles[i];
    if (std::strcmp(t.function, function) == 0) {
      while (t.code < 0) {
        ::pause();
      }
      return t.code;
    }
  }
  return ok;
}

template <int N, typename Number>
int give(void* device, const char* function, Given<N> Gpu::*what, int index, Number* out) {
  Handle h;
  const int code = find(device, function, h);
  if (code != ok) {
    return code;
  }
  // An instance has no sensors, and no use of its own.
  if (h.mig != nullptr || !(h.gpu->*what).given || index >= N) {
    return not_supported;
  }
  *out = static_cast<Number>((h.gpu->*what).value[index]);
  return ok;
}

int give_text(const char* text, char* out, unsigned size) {
  if (*text == '\0') {
    return not_supported;
  }
  if (std::strlen(text) >= size) {
    return insufficient_size;
  }
  std::strcpy(out, text);
  return ok;
}

int list(void* device, const char* function, int kind, unsigned* count, void* entries,
         std::size_t size) {
  Handle h;
  const int code = find(device, function, h);
  if (code != ok) {
    return code;
  }
  if (h.gpu->private_list && h.mig == nullptr) {
    return no_permission;
  }
  const unsigned room = *count;
  unsigned n = 0;
  for (int i = 0; i < h.gpu->process_count; ++i) {
    const auto& p = h.gpu->processes[i];
    if (p.kind != kind || (h.mig != nullptr && (p.gi != h.mig->gi || p.ci != h.mig->ci))) {
      continue;
    }
    if (n++ >= room || entries == nullptr) {
      continue;
    }
    // pid, 4 bytes of padding, memory; then the instances; then the protected memory
    unsigned char entry[32] = {};
    std::memcpy(entry, &p.pid, 4);
    std::memcpy(entry + 8, &p.memory, 8);
    std::memcpy(entry + 16, &p.gi, 4);
    std::memcpy(entry + 20, &p.ci, 4);
    std::memcpy(static_cast<unsigned char*>(entries) + (n - 1) * size, entry, size);
  }
  *count = n;
  return n > room ? insufficient_size : ok;
}

struct Utilization {
  unsigned gpu, memory;
};
struct Memory {
  unsigned long long total, free, used;
};
struct MemoryV2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
struct Event {
  void* device;
  unsigned long long type, data;
  unsigned gi, ci; ///< written by _v2 only
};
static_assert(offsetof(Event, gi) == 24 && sizeof(Event) == 32);
constexpr unsigned long long k_xid = 8;

struct Pci {
  char legacy[16];
  unsigned domain, bus, device, id, subsystem;
  char bus_id[32];
};

int init() {
  read_script();
  for (auto& told : g_told) {
    told = -1;
  }
  g_initialized = g_script.init == 0;
  return g_script.init;
}

int count_gpus(unsigned* count) {
  if (!g_initialized) {
    return uninitialized;
  }
  read_script();
  *count = static_cast<unsigned>(g_script.gpu_count);
  return g_script.count_fails;
}

/// The set's address says nothing: there is one.
void* the_set() {
  return &g_told;
}

int next_event(void* set, unsigned timeout_ms, Event& out) {
  if (set != the_set()) {
    return invalid_argument;
  }
  for (int i = 0; i < g_script.gpu_count; ++i) {
    if (g_told[i] >= 0 && g_told[i] < g_script.gpus[i].xid_count) {
      // The newest code stands for each, as NVIDIA documents it.
      ++g_told[i];
      const auto code = g_script.gpus[i].xids[g_script.gpus[i].xid_count - 1];
      out = {make_handle(static_cast<unsigned>(i)), k_xid, static_cast<unsigned long long>(code),
             ~0U, ~0U};
      return ok;
    }
  }
  ::usleep(timeout_ms * 1000);
  return timed_out;
}

int by_index(unsigned index, void** device) {
  *device = make_handle(index);
  Handle h;
  return find(*device, "nvmlDeviceGetHandleByIndex", h);
}

} // namespace

EXPORTED int nvmlInit() {
  return init();
}
EXPORTED int nvmlShutdown() {
  while (g_script.hangs_shutdown) {
    ::pause();
  }
  g_initialized = false;
  return ok;
}
EXPORTED const char* nvmlErrorString(int code) {
  switch (code) {
  case 3:
    return "Not Supported";
  case 9:
    return "Driver Not Loaded";
  case 10:
    return "Timeout";
  case 15:
    return "GPU is lost";
  case 18:
    return "Driver/library version mismatch";
  default:
    return "Unknown Error";
  }
}
EXPORTED int nvmlSystemGetDriverVersion(char* out, unsigned size) {
  std::puts("chatter of a library"); // what must not come between the probe's answers
  std::fflush(stdout);
  return give_text(g_script.driver, out, size);
}
EXPORTED int nvmlSystemGetNVMLVersion(char* out, unsigned size) {
  return give_text(g_script.nvml, out, size);
}
EXPORTED int nvmlDeviceGetCount(unsigned* count) {
  return count_gpus(count);
}
EXPORTED int nvmlDeviceGetHandleByIndex(unsigned index, void** device) {
  return by_index(index, device);
}
EXPORTED int nvmlDeviceGetUUID(void* device, char* out, unsigned size) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetUUID", h);
  return code != ok ? code : give_text(h.mig != nullptr ? h.mig->uuid : h.gpu->uuid, out, size);
}
EXPORTED int nvmlDeviceGetName(void* device, char* out, unsigned size) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetName", h);
  if (code != ok || h.mig == nullptr || *h.mig->profile == '\0') {
    return code != ok ? code : give_text(h.gpu->name, out, size);
  }
  char name[160];
  std::snprintf(name, sizeof name, "%s MIG %s", h.gpu->name, h.mig->profile);
  return give_text(name, out, size);
}
/// The layout before R384: the bus id first, what is it now reserved.
EXPORTED int nvmlDeviceGetPciInfo_v2(void* device, Pci* out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetPciInfo", h);
  if (code != ok || *h.gpu->pci == '\0') {
    return code != ok ? code : not_supported;
  }
  std::memset(out, 0, sizeof *out);
  // 16 bytes hold a domain of four digits: 0000:00:04.0
  const bool is_long = std::strlen(h.gpu->pci) >= sizeof out->legacy;
  copy(out->legacy, sizeof out->legacy, h.gpu->pci + (is_long ? 4 : 0));
  return ok;
}
EXPORTED int nvmlDeviceGetUtilizationRates(void* device, Utilization* out) {
  const int code = give(device, "nvmlDeviceGetUtilizationRates", &Gpu::util, 0, &out->gpu);
  return code != ok ? code : give(device, "", &Gpu::util, 1, &out->memory);
}
EXPORTED int nvmlDeviceGetMemoryInfo(void* device, Memory* out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetMemoryInfo", h);
  if (code != ok) {
    return code;
  }
  if (h.mig != nullptr) {
    *out = {h.mig->total, h.mig->total - h.mig->used, h.mig->used};
    return ok;
  }
  const auto& m = h.gpu->memory;
  // What is reserved counts as used here, not in the newer form.
  *out = {m.value[0], m.value[0] - m.value[1] - m.value[2], m.value[1] + m.value[2]};
  return m.given ? ok : not_supported;
}
EXPORTED int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* out) {
  return sensor != 0 ? invalid_argument
                     : give(device, "nvmlDeviceGetTemperature", &Gpu::temperature, 0, out);
}
EXPORTED int nvmlDeviceGetPowerUsage(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetPowerUsage", &Gpu::power, 0, out);
}
EXPORTED int nvmlDeviceGetPowerManagementLimit(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetPowerManagementLimit", &Gpu::power, 1, out);
}
EXPORTED int nvmlDeviceGetClockInfo(void* device, int type, unsigned* out) {
  return give(device, "nvmlDeviceGetClockInfo", &Gpu::clocks, type, out);
}
EXPORTED int nvmlDeviceGetMaxClockInfo(void* device, int type, unsigned* out) {
  return give(device, "nvmlDeviceGetMaxClockInfo", &Gpu::clocks_max, type, out);
}
EXPORTED int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* out) {
  return give(device, "nvmlDeviceGetCurrentClocksThrottleReasons", &Gpu::throttle, 0, out);
}
EXPORTED int nvmlDeviceGetEccMode(void* device, int* now, int* pending) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetEccMode", h);
  *now = *pending = 1;
  return code != ok ? code : h.gpu->ecc.given && h.mig == nullptr ? ok : not_supported;
}
EXPORTED int nvmlDeviceGetTotalEccErrors(void* device, int kind, int counter,
                                         unsigned long long* out) {
  return give(device, "nvmlDeviceGetTotalEccErrors", &Gpu::ecc, counter * 2 + kind, out);
}
EXPORTED int nvmlDeviceGetCurrPcieLinkGeneration(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetCurrPcieLinkGeneration", &Gpu::pcie, 0, out);
}
EXPORTED int nvmlDeviceGetCurrPcieLinkWidth(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetCurrPcieLinkWidth", &Gpu::pcie, 1, out);
}
EXPORTED int nvmlDeviceGetMaxPcieLinkGeneration(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetMaxPcieLinkGeneration", &Gpu::pcie, 2, out);
}
EXPORTED int nvmlDeviceGetMaxPcieLinkWidth(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetMaxPcieLinkWidth", &Gpu::pcie, 3, out);
}
EXPORTED int nvmlDeviceGetComputeRunningProcesses(void* device, unsigned* count, void* entries) {
  return list(device, "nvmlDeviceGetComputeRunningProcesses", 0, count, entries, 16);
}
EXPORTED int nvmlDeviceGetGraphicsRunningProcesses(void* device, unsigned* count, void* entries) {
  return list(device, "nvmlDeviceGetGraphicsRunningProcesses", 1, count, entries, 16);
}
EXPORTED int nvmlDeviceGetIndex(void* device, unsigned* out) { // gpustat asks it, we do not
  Handle h;
  const int code = find(device, "nvmlDeviceGetIndex", h);
  *out = code == ok ? static_cast<unsigned>(h.gpu - g_script.gpus) : 0;
  return code;
}
EXPORTED int nvmlDeviceGetMinorNumber(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetMinorNumber", &Gpu::minor, 0, out);
}
/// Older than what it tells of: 24 bytes.
EXPORTED int nvmlEventSetWait(void* set, void* out, unsigned timeout_ms) {
  Event event{};
  const int code = next_event(set, timeout_ms, event);
  if (code == ok) {
    std::memcpy(out, &event, offsetof(Event, gi));
  }
  return code;
}
EXPORTED int nvmlEventSetCreate(void** set) {
  *set = the_set();
  return ok;
}
EXPORTED int nvmlDeviceRegisterEvents(void* device, unsigned long long types, void* set) {
  Handle h;
  const int code = find(device, "nvmlDeviceRegisterEvents", h);
  if (code != ok || h.mig != nullptr || types != k_xid || set != the_set()) {
    return code != ok ? code : invalid_argument;
  }
  g_told[h.gpu - g_script.gpus] = h.gpu->xid_count;
  return ok;
}

#ifndef NVML_DOUBLE_OLD

EXPORTED int nvmlEventSetWait_v2(void* set, Event* out, unsigned timeout_ms) {
  return next_event(set, timeout_ms, *out);
}
namespace {

struct UseSample {
  unsigned pid;
  unsigned long long time_us;
  unsigned sm, memory, encoder, decoder;
};
static_assert(sizeof(UseSample) == 32);

unsigned long long now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<unsigned long long>(now.tv_sec) * 1'000'000U +
         static_cast<unsigned long long>(now.tv_nsec) / 1000U;
}

} // namespace

EXPORTED int nvmlDeviceGetProcessUtilization(void* device, UseSample* out, unsigned* count,
                                             unsigned long long since_us) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetProcessUtilization", h);
  if (code != ok || h.mig != nullptr || h.gpu->mig.given) {
    return code != ok ? code : not_supported;
  }
  const unsigned room = *count;
  const auto now = now_us();
  unsigned n = 0;
  for (int i = 0; i < h.gpu->sample_count; ++i) {
    const auto& s = h.gpu->samples[i];
    // An age of 0 is a clock that is wrong: far in the future.
    const auto time = s.age_ms == 0 ? ~0ULL : now - s.age_ms * 1000;
    if (time > since_us && n++ < room && out != nullptr) {
      out[n - 1] = {s.pid, time, s.gpu, s.memory, 0, 0};
    }
  }
  *count = n;
  return n == 0 ? not_found : n > room || out == nullptr ? insufficient_size : ok;
}

EXPORTED int nvmlInit_v2() {
  return init();
}
EXPORTED int nvmlInitWithFlags(unsigned) { // what NVIDIA's Python binding calls
  return init();
}
EXPORTED int nvmlSystemGetCudaDriverVersion_v2(int* out) {
  *out = g_script.cuda;
  return g_script.cuda == 0 ? not_supported : ok;
}
EXPORTED int nvmlDeviceGetCount_v2(unsigned* count) {
  return count_gpus(count);
}
EXPORTED int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  return by_index(index, device);
}
EXPORTED int nvmlDeviceGetPciInfo_v3(void* device, Pci* out) {
  const int code = nvmlDeviceGetPciInfo_v2(device, out);
  if (code == ok) {
    Handle h;
    (void)find(device, "", h);
    std::memcpy(out->bus_id, h.gpu->pci, sizeof out->bus_id);
  }
  return code;
}
EXPORTED int nvmlDeviceGetMemoryInfo_v2(void* device, MemoryV2* out) {
  if (out->version != (sizeof(MemoryV2) | 2U << 24U)) {
    return 25; // NVML_ERROR_ARGUMENT_VERSION_MISMATCH
  }
  Memory all{};
  const int code = nvmlDeviceGetMemoryInfo(device, &all);
  if (code == ok) {
    Handle h;
    (void)find(device, "", h);
    const auto reserved = h.mig != nullptr ? 0 : h.gpu->memory.value[2];
    *out = {out->version, all.total, reserved, all.free, all.used - reserved};
  }
  return code;
}
EXPORTED int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* out) {
  return give(device, "nvmlDeviceGetEnforcedPowerLimit", &Gpu::power, 1, out);
}
EXPORTED int nvmlDeviceGetCurrentClocksEventReasons(void* device, unsigned long long* out) {
  return give(device, "nvmlDeviceGetCurrentClocksEventReasons", &Gpu::throttle, 0, out);
}
EXPORTED int nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) {
  *pending = 0;
  return give(device, "nvmlDeviceGetMigMode", &Gpu::mig, 0, now);
}
EXPORTED int nvmlDeviceGetMaxMigDeviceCount(void* device, unsigned* out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetMaxMigDeviceCount", h);
  *out = k_most_migs;
  return code;
}
EXPORTED int nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetMigDeviceHandleByIndex", h);
  if (code != ok || index >= static_cast<unsigned>(h.gpu->mig_count)) {
    return code != ok ? code : not_found;
  }
  *out = make_handle(static_cast<unsigned>(h.gpu - g_script.gpus), index + 1);
  return ok;
}
EXPORTED int nvmlDeviceGetGpuInstanceId(void* device, unsigned* out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetGpuInstanceId", h);
  *out = h.mig != nullptr ? h.mig->gi : 0;
  return code != ok ? code : h.mig != nullptr ? ok : not_supported;
}
EXPORTED int nvmlDeviceGetComputeInstanceId(void* device, unsigned* out) {
  Handle h;
  const int code = find(device, "nvmlDeviceGetComputeInstanceId", h);
  *out = h.mig != nullptr ? h.mig->ci : 0;
  return code != ok ? code : h.mig != nullptr ? ok : not_supported;
}
EXPORTED int nvmlDeviceGetComputeRunningProcesses_v2(void* device, unsigned* count, void* entries) {
  return list(device, "nvmlDeviceGetComputeRunningProcesses_v2", 0, count, entries, 24);
}
EXPORTED int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, void* entries) {
  return list(device, "nvmlDeviceGetComputeRunningProcesses_v3", 0, count, entries,
              static_cast<std::size_t>(g_script.process_bytes));
}
EXPORTED int nvmlDeviceGetGraphicsRunningProcesses_v3(void* device, unsigned* count,
                                                      void* entries) {
  return list(device, "nvmlDeviceGetGraphicsRunningProcesses_v3", 1, count, entries,
              static_cast<std::size_t>(g_script.process_bytes));
}
EXPORTED int nvmlDeviceGetMPSComputeRunningProcesses_v3(void* device, unsigned* count,
                                                        void* entries) {
  return list(device, "nvmlDeviceGetMPSComputeRunningProcesses_v3", 2, count, entries,
              static_cast<std::size_t>(g_script.process_bytes));
}

#endif
