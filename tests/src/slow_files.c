/* Preloaded into a program under test: calls of the C library that name a path with /slow/ in it do not return before the file
   $SLOW_RELEASE exists. Each of them creates the file $SLOW_REACHED. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for(const char *path) {
    const char *release = getenv("SLOW_RELEASE"), *reached = getenv("SLOW_REACHED");
    if (!path || !release || !reached || !strstr(path, "/slow/")) return;
    int file = syscall(SYS_openat, AT_FDCWD, reached, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) close(file);
    while (syscall(SYS_faccessat, AT_FDCWD, release, F_OK) != 0) usleep(1000);
}

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

char *realpath(const char *path, char *resolved) {
    wait_for(path);
    return NEXT("realpath", char *(*)(const char *, char *))(path, resolved);
}

ssize_t readlink(const char *path, char *buffer, size_t size) {
    wait_for(path);
    return NEXT("readlink", ssize_t (*)(const char *, char *, size_t))(path, buffer, size);
}

int statx(int folder, const char *path, int flags, unsigned mask, struct statx *result) {
    wait_for(path);
    return NEXT("statx", int (*)(int, const char *, int, unsigned, struct statx *))(folder, path, flags, mask, result);
}

DIR *opendir(const char *path) {
    wait_for(path);
    return NEXT("opendir", DIR *(*)(const char *))(path);
}

int open64(const char *path, int flags, ...) {
    wait_for(path);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return NEXT("open64", int (*)(const char *, int, ...))(path, flags, mode);
}
