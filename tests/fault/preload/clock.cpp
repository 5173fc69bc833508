// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: clocks that a test sets under running programs. GJ_TEST_CLOCK names a file of two
// 64-bit numbers: nanoseconds by which CLOCK_REALTIME and CLOCK_BOOTTIME shall be ahead of the
// kernel's. It is mapped, so that what the test writes counts at once in every program.
//
// A timer on CLOCK_BOOTTIME is armed for the shifted instant. One that is armed already learns of a
// later shift only when its program wakes and arms it again; the kernel's own would fire.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace {

constexpr std::int64_t k_second = 1'000'000'000;

struct Shift {
  std::atomic<std::int64_t> real, boot;
};

Shift* map_shift() {
  static Shift none{};
  const char* path = std::getenv("GJ_TEST_CLOCK");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  void* mapped = fd < 0 ? MAP_FAILED
                        : ::mmap(nullptr, sizeof(Shift), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) {
    ::close(fd);
  }
  return mapped == MAP_FAILED ? &none : static_cast<Shift*>(mapped);
}

std::int64_t shift_of(clockid_t clock) {
  static Shift* const shift = map_shift();
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_REALTIME_COARSE:
    return shift->real;
  case CLOCK_BOOTTIME:
    return shift->boot;
  default:
    return 0;
  }
}

std::int64_t to_ns(const timespec& t) {
  return t.tv_sec * k_second + t.tv_nsec;
}

timespec to_timespec(std::int64_t ns) {
  return {ns / k_second, ns % k_second};
}

constexpr std::size_t k_descriptors = 65536;
std::array<std::atomic<bool>, k_descriptors> g_on_boottime{};

} // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const auto rc = static_cast<int>(::syscall(SYS_clock_gettime, clock, out));
  if (rc == 0) {
    *out = to_timespec(to_ns(*out) + shift_of(clock));
  }
  return rc;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

std::time_t time(std::time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) {
    *out = now.tv_sec;
  }
  return now.tv_sec;
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  const auto fd = static_cast<int>(::syscall(SYS_timerfd_create, clock, flags));
  if (fd >= 0 && static_cast<std::size_t>(fd) < k_descriptors) {
    g_on_boottime[static_cast<std::size_t>(fd)] = clock == CLOCK_BOOTTIME;
  }
  return fd;
}

int timerfd_settime(int fd, int flags, const itimerspec* wanted, itimerspec* before) noexcept {
  auto spec = *wanted;
  const bool boot = fd >= 0 && static_cast<std::size_t>(fd) < k_descriptors &&
                    g_on_boottime[static_cast<std::size_t>(fd)];
  const auto at = to_ns(spec.it_value);
  if (boot && (flags & TFD_TIMER_ABSTIME) != 0 && at != 0) {
    // Zero would disarm; an instant in the past fires at once.
    const auto kernels = at - shift_of(CLOCK_BOOTTIME);
    spec.it_value = to_timespec(kernels > 1 ? kernels : 1);
  }
  return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, &spec, before));
}

} // extern "C"
