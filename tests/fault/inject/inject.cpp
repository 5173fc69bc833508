// SPDX-License-Identifier: Apache-2.0
// Preloaded into the dynamic programs by tests/fault/inject_test.py: counts the calls they make
// into the C library, tells call sites apart by the whole stack, and makes one of them fail when
// told to.
//
//   GJ_INJECT_DIR   what all processes of one run share: `table` (counters, see Shared) and `log`
//   GJ_INJECT       "WHO FUNCTION SITE NTH TIMES ERROR": WHO is gpujobd, helper or gpujob-shim;
//   SITE
//                   a hash from the log, or * for any; ERROR a number, or "short" for half the
//                   bytes. Without it everything is only counted.
//
// `log` has a line for each new site, "site WHO FUNCTION SITE FRAMES...", and one for each failure
// made, "fired ...". A FRAME is PROGRAM+OFFSET. Nothing here allocates or takes a lock.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <new>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

namespace {

constexpr std::size_t k_slots = 1U << 14U;
constexpr int k_frames = 48;

struct Shared {
  std::atomic<std::uint32_t> armed; ///< written by the test: 0 switches failures off
  std::atomic<std::uint32_t> fired;
  std::atomic<std::uint64_t> passages;
  struct Slot {
    std::atomic<std::uint64_t> key, count;
  } slots[k_slots];
};

struct Order {
  char function[32] = "";
  std::uint64_t site = 0;
  std::uint64_t nth = 0, times = 0;
  int error = 0; ///< k_short: half the bytes
};

constexpr int k_short = -1;

Shared* g_shared = nullptr;
int g_log = -1;
const char* g_who = nullptr;
Order g_order;
bool g_ordered = false;
thread_local bool t_busy __attribute__((tls_model("initial-exec"))) = false;

constexpr std::uint64_t k_fnv = 1469598103934665603ULL;

std::uint64_t mix(std::uint64_t hash, const char* text) {
  for (; *text != '\0'; ++text) {
    hash = (hash ^ static_cast<unsigned char>(*text)) * 1099511628211ULL;
  }
  return hash;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t number) {
  for (int i = 0; i < 8; ++i, number >>= 8U) {
    hash = (hash ^ (number & 0xffU)) * 1099511628211ULL;
  }
  return hash;
}

struct Stack {
  std::uintptr_t at[k_frames];
  int depth = 0;
};

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* stack) {
  auto& s = *static_cast<Stack*>(stack);
  if (const auto ip = _Unwind_GetIP(context); ip != 0) {
    s.at[s.depth++] = ip;
  }
  return s.depth == k_frames ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/// Program and offset of a frame; false for this library's own.
bool locate(std::uintptr_t ip, const char*& name, std::uintptr_t& offset) {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(ip), &info) == 0 || info.dli_fname == nullptr) {
    name = "?";
    offset = 0;
    return true;
  }
  const char* slash = std::strrchr(info.dli_fname, '/');
  name = slash == nullptr ? info.dli_fname : slash + 1;
  offset = ip - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  return std::strncmp(name, "libgpujob_inject", 16) != 0;
}

void log_stack(const char* word, const char* function, std::uint64_t site, const Stack& stack) {
  char line[4096];
  int at = std::snprintf(line, sizeof line, "%s %s %s %016llx", word, g_who, function,
                         static_cast<unsigned long long>(site));
  for (int i = 0; i < stack.depth && at < static_cast<int>(sizeof line) - 80; ++i) {
    const char* name = nullptr;
    std::uintptr_t offset = 0;
    if (locate(stack.at[i], name, offset)) {
      at += std::snprintf(line + at, sizeof line - static_cast<std::size_t>(at), " %.40s+%lx", name,
                          static_cast<unsigned long>(offset));
    }
  }
  line[at++] = '\n';
  ::syscall(SYS_write, g_log, line, static_cast<std::size_t>(at));
}

/// How often `key` has been passed, this time included, and whether that is news.
std::uint64_t count(std::uint64_t key, bool& fresh) {
  key |= 1U; // 0 is an empty slot
  for (std::size_t i = 0; i < k_slots; ++i) {
    auto& slot = g_shared->slots[(key + i) % k_slots];
    std::uint64_t found = 0;
    fresh = slot.key.compare_exchange_strong(found, key);
    if (fresh || found == key) {
      return slot.count.fetch_add(1) + 1;
    }
  }
  return 0; // full: the test sees that from the log
}

bool ordered(std::uint64_t nth) {
  return nth >= g_order.nth && nth - g_order.nth < g_order.times && g_shared->armed.load() != 0;
}

/// The error this call is to end with, 0 for none.
int passage(const char* function, bool with_site) {
  const bool named = g_ordered && std::strcmp(function, g_order.function) == 0;
  bool fresh = false;
  const auto any = mix(mix(k_fnv, g_who), function);
  const auto nth = count(any, fresh);
  const bool by_number = named && g_order.site == 0;
  if (!with_site) {
    if (by_number && ordered(nth)) {
      g_shared->fired.fetch_add(1);
      log_stack("fired", function, 0, {});
      return g_order.error;
    }
    return 0;
  }
  g_shared->passages.fetch_add(1);
  Stack stack;
  _Unwind_Backtrace(&on_frame, &stack);
  auto site = any;
  for (int i = 0; i < stack.depth; ++i) {
    const char* name = nullptr;
    std::uintptr_t offset = 0;
    if (locate(stack.at[i], name, offset)) {
      site = mix(mix(site, name), offset);
    }
  }
  site |= 1U;
  const auto times = count(site, fresh);
  if (fresh) {
    log_stack("site", function, site, stack);
  }
  const bool due = by_number ? ordered(nth) : named && site == g_order.site && ordered(times);
  if (!due) {
    return 0;
  }
  g_shared->fired.fetch_add(1);
  log_stack("fired", function, site, stack);
  return g_order.error;
}

int pass(const char* function, bool with_site = true) {
  if (g_who == nullptr || t_busy) {
    return 0;
  }
  const int before = errno;
  t_busy = true;
  const int error = passage(function, with_site);
  t_busy = false;
  errno = before;
  return error;
}

template <typename F>
F* next(const char* name) {
  const bool before = t_busy;
  t_busy = true;
  auto* found = reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
  t_busy = before;
  return found;
}

const char* kind_of(int fd, const char* file, const char* socket, const char* other) {
  struct stat st {};
  if (g_who == nullptr || ::syscall(SYS_fstat, fd, &st) != 0) {
    return other;
  }
  return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? file : S_ISSOCK(st.st_mode) ? socket : other;
}

std::size_t half(std::size_t size) {
  return size > 1 ? size / 2 : size;
}

const char* who_am_i() {
  char exe[256] = "";
  const auto n = ::readlink("/proc/self/exe", exe, sizeof exe - 1);
  const char* slash = n > 0 ? std::strrchr(exe, '/') : nullptr;
  if (slash != nullptr && std::strcmp(slash, "/gpujob-shim") == 0) {
    return "gpujob-shim";
  }
  if (slash == nullptr || std::strcmp(slash, "/gpujobd") != 0) {
    return nullptr;
  }
  char line[512] = "";
  const int fd = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  const auto size = ::read(fd, line, sizeof line - 1);
  ::close(fd);
  const auto first = std::strlen(line) + 1;
  return size > 0 && std::strcmp(line + first, "--helper") == 0 ? "helper" : "gpujobd";
}

void read_order(const char* text) {
  char who[32] = "";
  char site[32] = "";
  char error[16] = "";
  unsigned long long nth = 0;
  unsigned long long times = 0;
  if (std::sscanf(text, "%31s %31s %31s %llu %llu %15s", who, g_order.function, site, &nth, &times,
                  error) != 6) {
    return;
  }
  g_order.site = std::strcmp(site, "*") == 0 ? 0 : std::strtoull(site, nullptr, 16);
  g_order.nth = nth;
  g_order.times = times;
  g_order.error = std::strcmp(error, "short") == 0 ? k_short : std::atoi(error);
  g_ordered = std::strcmp(who, g_who) == 0;
}

/// High up, and close-on-exec: out of the way of programs that count on the lowest number.
int open_high(const char* dir, const char* name, int flags) {
  char path[512];
  std::snprintf(path, sizeof path, "%s/%s", dir, name);
  const int low = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
  const int high = static_cast<int>(::syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 200));
  ::syscall(SYS_close, high < 0 ? -1 : low);
  return high < 0 ? low : high;
}

/// Nothing that fails may end in one of these.
void on_crash(int signal) {
  t_busy = true;
  Stack stack;
  _Unwind_Backtrace(&on_frame, &stack);
  log_stack("crashed", ::sigabbrev_np(signal), 0, stack);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

__attribute__((constructor)) void begin() {
  const char* dir = ::getenv("GJ_INJECT_DIR");
  const char* who = dir == nullptr ? nullptr : who_am_i();
  if (who == nullptr) {
    return;
  }
  const int table = open_high(dir, "table", O_RDWR);
  void* at = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, table, 0);
  ::syscall(SYS_close, table);
  g_log = open_high(dir, "log", O_WRONLY | O_APPEND);
  if (at == MAP_FAILED || g_log < 0) {
    return;
  }
  g_shared = static_cast<Shared*>(at);
  g_who = who;
  if (const char* order = ::getenv("GJ_INJECT")) {
    read_order(order);
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) {
    ::signal(signal, &on_crash);
  }
}

} // namespace

// The C library's own declarations carry attributes; a hook has another C++ name and the same
// symbol.
#define HOOK(RESULT, NAME, PARAMETERS)                                                             \
  extern "C" __attribute__((visibility("default"))) RESULT hook_##NAME PARAMETERS __asm__(#NAME);  \
  RESULT hook_##NAME PARAMETERS

#define PLAIN(RESULT, NAME, FUNCTION, PARAMETERS, ARGUMENTS, FAILURE)                              \
  HOOK(RESULT, NAME, PARAMETERS) {                                                                 \
    static auto* const real = next<RESULT PARAMETERS>(#NAME);                                      \
    if (const int error = pass(FUNCTION)) {                                                        \
      errno = error;                                                                               \
      return FAILURE;                                                                              \
    }                                                                                              \
    return real ARGUMENTS;                                                                         \
  }

// What can be short: half the bytes are done, and the count says so.
#define PARTIAL(NAME, FUNCTION, PARAMETERS, SIZE, ARGUMENTS)                                       \
  HOOK(ssize_t, NAME, PARAMETERS) {                                                                \
    static auto* const real = next<ssize_t PARAMETERS>(#NAME);                                     \
    if (const int error = pass(kind_of(fd, FUNCTION ".file", FUNCTION ".socket", FUNCTION))) {     \
      if (error != k_short) {                                                                      \
        errno = error;                                                                             \
        return -1;                                                                                 \
      }                                                                                            \
      SIZE = half(SIZE);                                                                           \
    }                                                                                              \
    return real ARGUMENTS;                                                                         \
  }

#define OPEN(NAME)                                                                                 \
  HOOK(int, NAME, (const char* path, int flags, ...)) {                                            \
    static auto* const real = next<int(const char*, int, ...)>(#NAME);                             \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0U;          \
    va_end(more);                                                                                  \
    if (const int error = pass((flags & O_CREAT) != 0 ? "open.create" : "open")) {                 \
      errno = error;                                                                               \
      return -1;                                                                                   \
    }                                                                                              \
    return real(path, flags, mode);                                                                \
  }

#define OPENAT(NAME)                                                                               \
  HOOK(int, NAME, (int at, const char* path, int flags, ...)) {                                    \
    static auto* const real = next<int(int, const char*, int, ...)>(#NAME);                        \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0U;          \
    va_end(more);                                                                                  \
    if (const int error = pass((flags & O_CREAT) != 0 ? "open.create" : "open")) {                 \
      errno = error;                                                                               \
      return -1;                                                                                   \
    }                                                                                              \
    return real(at, path, flags, mode);                                                            \
  }

#define FCNTL(NAME)                                                                                \
  HOOK(int, NAME, (int fd, int command, ...)) {                                                    \
    static auto* const real = next<int(int, int, ...)>(#NAME);                                     \
    va_list more;                                                                                  \
    va_start(more, command);                                                                       \
    const auto argument = va_arg(more, long);                                                      \
    va_end(more);                                                                                  \
    const bool dup = command == F_DUPFD || command == F_DUPFD_CLOEXEC;                             \
    const bool lock = command == F_SETLK && reinterpret_cast<Lock*>(argument)->l_type != F_UNLCK;  \
    if (const int error = dup ? pass("fcntl.dup") : lock ? pass("fcntl.lock") : 0) {               \
      errno = error;                                                                               \
      return -1;                                                                                   \
    }                                                                                              \
    return real(fd, command, argument);                                                            \
  }

using Lock = struct flock;
using Stat = struct stat;
using Vfs = struct statvfs;
using Socket = const struct sockaddr*;

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FCNTL(fcntl)
FCNTL(fcntl64)
PLAIN(DIR*, opendir, "opendir", (const char* path), (path), nullptr)
PLAIN(DIR*, fdopendir, "opendir", (int fd), (fd), nullptr)
PLAIN(dirent*, readdir, "readdir", (DIR * dir), (dir), nullptr)
PLAIN(int, socket, "socket", (int a, int b, int c), (a, b, c), -1)
PLAIN(int, accept4, "accept4", (int a, void* b, void* c, int d), (a, b, c, d), -1)
PLAIN(int, pipe, "pipe", (int* ends), (ends), -1)
PLAIN(int, pipe2, "pipe", (int* ends, int flags), (ends, flags), -1)
PLAIN(int, memfd_create, "memfd_create", (const char* name, unsigned flags), (name, flags), -1)
PLAIN(int, epoll_create1, "epoll_create1", (int flags), (flags), -1)
PLAIN(int, epoll_ctl, "epoll_ctl", (int a, int b, int c, void* d), (a, b, c, d), -1)
PLAIN(int, timerfd_create, "timerfd_create", (int clock, int flags), (clock, flags), -1)
PLAIN(int, timerfd_settime, "timerfd_settime", (int a, int b, const void* c, void* d), (a, b, c, d),
      -1)
PLAIN(int, eventfd, "eventfd", (unsigned value, int flags), (value, flags), -1)
PLAIN(int, signalfd, "signalfd", (int fd, const void* mask, int flags), (fd, mask, flags), -1)
PLAIN(int, dup2, "dup2", (int from, int to), (from, to), -1)
PLAIN(int, connect, "connect", (int fd, Socket to, unsigned size), (fd, to, size), -1)
PLAIN(int, bind, "bind", (int fd, Socket to, unsigned size), (fd, to, size), -1)
PLAIN(int, listen, "listen", (int fd, int length), (fd, length), -1)
PLAIN(int, getsockopt, "getsockopt", (int a, int b, int c, void* d, void* e), (a, b, c, d, e), -1)
PLAIN(int, setsockopt, "setsockopt", (int a, int b, int c, const void* d, unsigned e),
      (a, b, c, d, e), -1)
PLAIN(ssize_t, recvmsg, "recvmsg", (int fd, void* message, int flags), (fd, message, flags), -1)
PLAIN(ssize_t, sendmsg, "sendmsg", (int fd, const void* message, int flags), (fd, message, flags),
      -1)
PARTIAL(recv, "recv", (int fd, void* at, std::size_t size, int flags), size, (fd, at, size, flags))
PARTIAL(send, "send", (int fd, const void* at, std::size_t size, int flags), size,
        (fd, at, size, flags))
PARTIAL(read, "read", (int fd, void* at, std::size_t size), size, (fd, at, size))
PARTIAL(pread, "pread", (int fd, void* at, std::size_t size, off_t from), size,
        (fd, at, size, from))
PARTIAL(pread64, "pread", (int fd, void* at, std::size_t size, off_t from), size,
        (fd, at, size, from))
PARTIAL(write, "write", (int fd, const void* at, std::size_t size), size, (fd, at, size))
PARTIAL(pwrite, "pwrite", (int fd, const void* at, std::size_t size, off_t to), size,
        (fd, at, size, to))
PARTIAL(pwrite64, "pwrite", (int fd, const void* at, std::size_t size, off_t to), size,
        (fd, at, size, to))
PLAIN(int, fsync, "fsync", (int fd), (fd), -1)
PLAIN(int, fdatasync, "fsync", (int fd), (fd), -1)
PLAIN(int, ftruncate, "ftruncate", (int fd, off_t size), (fd, size), -1)
PLAIN(int, ftruncate64, "ftruncate", (int fd, off_t size), (fd, size), -1)
PLAIN(int, fallocate, "fallocate", (int fd, int mode, off_t at, off_t size), (fd, mode, at, size),
      -1)
PLAIN(int, rename, "rename", (const char* from, const char* to), (from, to), -1)
PLAIN(int, mkdir, "mkdir", (const char* path, mode_t mode), (path, mode), -1)
PLAIN(int, unlink, "unlink", (const char* path), (path), -1)
PLAIN(int, unlinkat, "unlink", (int at, const char* path, int flags), (at, path, flags), -1)
PLAIN(int, rmdir, "unlink", (const char* path), (path), -1)
PLAIN(int, chmod, "chmod", (const char* path, mode_t mode), (path, mode), -1)
PLAIN(int, fchmod, "chmod", (int fd, mode_t mode), (fd, mode), -1)
PLAIN(int, stat, "stat", (const char* path, Stat* st), (path, st), -1)
PLAIN(int, stat64, "stat", (const char* path, Stat* st), (path, st), -1)
PLAIN(int, lstat, "stat", (const char* path, Stat* st), (path, st), -1)
PLAIN(int, lstat64, "stat", (const char* path, Stat* st), (path, st), -1)
PLAIN(int, fstat, "fstat", (int fd, Stat* st), (fd, st), -1)
PLAIN(int, fstat64, "fstat", (int fd, Stat* st), (fd, st), -1)
PLAIN(int, statvfs, "statvfs", (const char* path, Vfs* vfs), (path, vfs), -1)
PLAIN(int, access, "access", (const char* path, int mode), (path, mode), -1)
PLAIN(ssize_t, readlink, "readlink", (const char* path, char* at, std::size_t size),
      (path, at, size), -1)
PLAIN(int, flock, "flock", (int fd, int operation), (fd, operation), -1)
PLAIN(off_t, lseek, "lseek", (int fd, off_t at, int whence), (fd, at, whence), -1)
PLAIN(void*, mmap64, "mmap", (void* at, std::size_t n, int p, int f, int fd, off_t o),
      (at, n, p, f, fd, o), MAP_FAILED)
PLAIN(int, chdir, "chdir", (const char* path), (path), -1)
PLAIN(int, fork, "fork", (), (), -1)
PLAIN(int, execve, "execve", (const char* path, char* const* argv, char* const* env),
      (path, argv, env), -1)
PLAIN(int, execv, "execve", (const char* path, char* const* argv), (path, argv), -1)
PLAIN(int, prctl, "prctl",
      (int a, unsigned long b, unsigned long c, unsigned long d, unsigned long e), (a, b, c, d, e),
      -1)

// The descriptor is gone in any case, as with the kernel's own EIO.
HOOK(int, close, (int fd)) {
  static auto* const real = next<int(int)>("close");
  if (fd >= 0 && fd == g_log) {
    return 0; // close_range(3, ~0) of the shim does not come by here
  }
  const int error = pass(kind_of(fd, "close.file", "close", "close"));
  const int result = real(fd);
  if (error != 0) {
    errno = error;
    return -1;
  }
  return result;
}

// A number that came out wrong must not end everything that runs here.
HOOK(int, kill, (int pid, int signal)) {
  static auto* const real = next<int(int, int)>("kill");
  if (g_who != nullptr && signal != 0 && (pid == -1 || pid == 0 || pid == 1)) {
    Stack stack;
    _Unwind_Backtrace(&on_frame, &stack);
    log_stack("crashed", "kill", 0, stack);
    errno = EPERM;
    return -1;
  }
  return real(pid, signal);
}

// pidfd_open and its like have no wrapper in older C libraries.
HOOK(long, syscall, (long number, long a, long b, long c, long d, long e, long f)) {
  static auto* const real = next<long(long, long, long, long, long, long, long)>("syscall");
  const int error = number == SYS_pidfd_open          ? pass("pidfd_open")
                    : number == SYS_pidfd_send_signal ? pass("pidfd_send_signal")
                                                      : 0;
  if (error != 0) {
    errno = error;
    return -1;
  }
  if (number == SYS_close_range && g_log >= 0 && c == 0 && a <= g_log) {
    // The shim closes what it inherited: all but our log.
    real(number, a, g_log - 1, c, 0, 0, 0);
    return real(number, g_log + 1, b, c, 0, 0, 0);
  }
  return real(number, a, b, c, d, e, f);
}

// Memory: by number only, there are thousands of places.
#ifdef GPUJOB_INJECT_NO_MALLOC
// A sanitizer's malloc cannot be got round: here is what the C++ library does when it gets none.
HOOK(void*, _Znwm, (std::size_t size)) {
  static auto* const real = next<void*(std::size_t)>("_Znwm");
  while (pass("memory", false) != 0) {
    const auto handler = std::get_new_handler();
    if (handler == nullptr) {
      throw std::bad_alloc();
    }
    handler();
  }
  return real(size);
}
#else
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* __libc_realloc(void*, std::size_t);

HOOK(void*, malloc, (std::size_t size)) {
  if (const int error = pass("memory", false)) {
    errno = error;
    return nullptr;
  }
  return __libc_malloc(size);
}

HOOK(void*, realloc, (void* at, std::size_t size)) {
  if (const int error = pass("memory", false)) {
    errno = error;
    return nullptr;
  }
  return __libc_realloc(at, size);
}
#endif
