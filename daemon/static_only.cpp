// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <netdb.h>

/// A statically linked program can load no library: on another libc the attempt aborts. What would
/// (SQLite's extensions, names of hosts) is not used here, and is told so instead.
extern "C" {

void* dlopen(const char*, int) noexcept {
  return nullptr;
}
void* dlsym(void*, const char*) noexcept {
  return nullptr;
}
int dlclose(void*) noexcept {
  return -1;
}
char* dlerror() noexcept {
  static char text[] = "statically linked: no library can be loaded";
  return text;
}

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
  return EAI_FAIL;
}
void freeaddrinfo(addrinfo*) noexcept {}
hostent* gethostbyname(const char*) {
  return nullptr;
}
}
