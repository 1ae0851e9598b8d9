// A library to be preloaded, which lets system calls on files below a folder fail. What it is told by the environment:
//   FAULTS_UNDER   the folder; calls on other files are left alone
//   FAULTS_CALL    open, write, rename, fsync, flock, mkdir or truncate
//   FAULTS_AT      which of these calls, counted from 1
//   FAULTS_KIND    a number of errno; or "short": half of the bytes are written; or "kill": the process dies there,
//   half of the bytes being written FAULTS_KEEP    where set, all later calls fail too, as on a full disk FAULTS_COUNT
//   a file that is told at the end how many calls of each kind there were FAULTS_CLOCK   seconds that the clock of the
//   day jumps by, after a while
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"open", "write", "rename", "fsync", "flock", "mkdir", "truncate"};
#define NAMES (sizeof names / sizeof *names)
static atomic_long calls[NAMES], readings;
static const char *under, *call, *kind;
static long at;
static int keep;

__attribute__((constructor)) static void begin(void) {
  under = getenv("FAULTS_UNDER");
  call = getenv("FAULTS_CALL");
  kind = getenv("FAULTS_KIND");
  at = getenv("FAULTS_AT") ? atol(getenv("FAULTS_AT")) : -1;
  keep = getenv("FAULTS_KEEP") != NULL;
}

__attribute__((destructor)) static void end(void) {
  const char *file = getenv("FAULTS_COUNT");
  FILE *out = file ? fopen(file, "w") : NULL;
  if (!out) return;
  for (size_t i = 0; i < NAMES; i++) fprintf(out, "%s %ld\n", names[i], atomic_load(&calls[i]));
  fclose(out);
}

static int isUnder(const char *path) {
  char whole[4096];
  if (!under || !path) return 0;
  if (path[0] != '/') {
    if (!getcwd(whole, sizeof whole)) return 0;
    size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    path = whole;
  }
  return strncmp(path, under, strlen(under)) == 0;
}

static int isFileUnder(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return isUnder(path);
}

// Whether this call fails; where it is to die, and has nothing to write first, it does.
static int fails(const char *name) {
  size_t which = 0;
  while (strcmp(names[which], name) != 0) which++;
  long number = atomic_fetch_add(&calls[which], 1) + 1;
  if (!call || strcmp(call, name) != 0) return 0;
  if (number != at && !(keep && at > 0 && number > at)) return 0;
  if (strcmp(kind, "kill") == 0) {
    if (strcmp(name, "write") == 0) return 1;
    kill(getpid(), SIGKILL);
  }
  if (strcmp(kind, "short") == 0) return strcmp(name, "write") == 0;
  errno = atoi(kind);
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                                                                     \
  int name(const char *path, int flags, ...) {                                                                         \
    mode_t mode = 0;                                                                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                               \
      va_list rest;                                                                                                    \
      va_start(rest, flags);                                                                                           \
      mode = va_arg(rest, mode_t);                                                                                     \
      va_end(rest);                                                                                                    \
    }                                                                                                                  \
    if (isUnder(path) && fails("open")) return -1;                                                                     \
    return REAL(name)(path, flags, mode);                                                                              \
  }
OPEN(open)
OPEN(open64)

// Half of `count` bytes where they are cut short or the process dies, which it then does.
#define WRITE(name, parameters, half, whole)                                                                           \
  ssize_t name parameters {                                                                                            \
    if (!isFileUnder(file) || !fails("write")) return whole;                                                           \
    if (strcmp(kind, "short") != 0 && strcmp(kind, "kill") != 0) return -1;                                            \
    ssize_t written = half;                                                                                            \
    if (strcmp(kind, "kill") == 0) kill(getpid(), SIGKILL);                                                            \
    return written;                                                                                                    \
  }
WRITE(write, (int file, const void *bytes, size_t count), REAL(write)(file, bytes, (count + 1) / 2),
      REAL(write)(file, bytes, count))
WRITE(pwrite, (int file, const void *bytes, size_t count, off_t offset),
      REAL(pwrite)(file, bytes, (count + 1) / 2, offset), REAL(pwrite)(file, bytes, count, offset))
WRITE(pwrite64, (int file, const void *bytes, size_t count, off64_t offset),
      REAL(pwrite64)(file, bytes, (count + 1) / 2, offset), REAL(pwrite64)(file, bytes, count, offset))

int rename(const char *from, const char *to) { return isUnder(to) && fails("rename") ? -1 : REAL(rename)(from, to); }
int fsync(int file) { return isFileUnder(file) && fails("fsync") ? -1 : REAL(fsync)(file); }
int flock(int file, int operation) { return isFileUnder(file) && fails("flock") ? -1 : REAL(flock)(file, operation); }
int mkdir(const char *path, mode_t mode) { return isUnder(path) && fails("mkdir") ? -1 : REAL(mkdir)(path, mode); }
int ftruncate(int file, off_t size) {
  return isFileUnder(file) && fails("truncate") ? -1 : REAL(ftruncate)(file, size);
}
int ftruncate64(int file, off64_t size) {
  return isFileUnder(file) && fails("truncate") ? -1 : REAL(ftruncate64)(file, size);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int status = REAL(clock_gettime)(clock, time);
  const char *jump = getenv("FAULTS_CLOCK");
  if (jump && clock == CLOCK_REALTIME && atomic_fetch_add(&readings, 1) > 20) time->tv_sec += atol(jump);
  return status;
}
