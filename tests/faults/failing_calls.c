/* Counts the file system calls of one kind on files below a folder, and fails the N-th: see failing_files.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char under[4096];
static char armed[16];
static long fail_at, seen;
static int error_number, goes_on;

void arm(const char *call, const char *folder, long at, int error, int from_then_on) {
    snprintf(under, sizeof under, "%s", folder);
    snprintf(armed, sizeof armed, "%s", call);
    seen = 0, fail_at = at, error_number = error, goes_on = from_then_on;
}

long disarm(void) {
    armed[0] = 0;
    return seen;
}

static int fails(const char *call, const char *path) {
    if (!armed[0] || strcmp(call, armed) || strncmp(path, under, strlen(under))) return 0;
    long number = __sync_add_and_fetch(&seen, 1);
    if (!(goes_on ? number >= fail_at : number == fail_at)) return 0;
    errno = error_number;
    return 1;
}

static int fails_on(const char *call, int descriptor) {
    char link[64], path[4096];
    if (!armed[0] || strcmp(call, armed)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags, mode) return fails("open", path) ? -1 : REAL(open)(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return fails("open", path) ? -1 : REAL(open64)(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, mode) return fails("open", path) ? -1 : REAL(openat)(at, path, flags, mode); }
ssize_t write(int to, const void *data, size_t size) { return fails_on("write", to) ? -1 : REAL(write)(to, data, size); }
ssize_t pwrite(int to, const void *data, size_t size, off_t at) { return fails_on("write", to) ? -1 : REAL(pwrite)(to, data, size, at); }
ssize_t pwrite64(int to, const void *data, size_t size, off64_t at) { return fails_on("write", to) ? -1 : REAL(pwrite64)(to, data, size, at); }
int ftruncate(int file, off_t size) { return fails_on("write", file) ? -1 : REAL(ftruncate)(file, size); }
int ftruncate64(int file, off64_t size) { return fails_on("write", file) ? -1 : REAL(ftruncate64)(file, size); }
int fsync(int file) { return fails_on("fsync", file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return fails_on("fsync", file) ? -1 : REAL(fdatasync)(file); }
int rename(const char *from, const char *to) { return fails("rename", from) ? -1 : REAL(rename)(from, to); }
