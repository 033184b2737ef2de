/* A file system without locks: flock and the locks of fcntl fail for files under $NO_LOCKS_UNDER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refused(int fd) {
  const char *under = getenv("NO_LOCKS_UNDER");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!under || length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, under, strlen(under))) return 0;
  errno = atoi(getenv("NO_LOCKS_ERRNO"));
  return 1;
}

int flock(int fd, int operation) {
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  return refused(fd) ? -1 : real(fd, operation);
}

static int controlled(const char *name, int fd, int command, void *argument) {
  int locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK;
  int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
  return locks && refused(fd) ? -1 : real(fd, command, argument);
}

#define CONTROL(name)                                \
  int name(int fd, int command, ...) {               \
    va_list rest;                                    \
    va_start(rest, command);                         \
    void *argument = va_arg(rest, void *);           \
    va_end(rest);                                    \
    return controlled(#name, fd, command, argument); \
  }
CONTROL(fcntl)
CONTROL(fcntl64)
