// A shim that is preloaded into the real binary and lets system calls that change files of the data directory fail.
//
// Only the main process is concerned: what it forks or starts passes through. The test that compiles it, `faults.rs`,
// says by variables what happens:
//
//   MYRMEX_FAULT_DIR     the data directory, absolute and without symbolic links
//   MYRMEX_FAULT_REPORT  a file of sizeof(struct report) bytes that is mapped, so that it outlives SIGKILL
//   MYRMEX_FAULT         count | die:N | torn:N | eio:N | enospc:N | sync-once:N | sync-ever:N | full:PATH
//
// N counts the calls from 1; for sync-… it counts the syncs. `die` and `torn` kill the process before the call took
// place or after half of the bytes were written. `full` refuses whatever needs space while the file PATH exists.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The test reads this as little-endian numbers and a path.
struct report {
    _Atomic uint64_t calls;
    _Atomic uint64_t syncs;
    // How often a fault took place.
    _Atomic uint64_t fired;
    // Syncs that were tried again on a file whose sync had failed, without opening it anew.
    _Atomic uint64_t resyncs;
    // What the first fault hit: the call's name, a space, the file's name below the data directory.
    char what[256];
};

enum mode { OFF, COUNT, DIE, TORN, FAIL_IO, FAIL_SPACE, SYNC_ONCE, SYNC_EVER, FULL };
enum need { NO_SPACE_NEEDED, SPACE_NEEDED };

static enum mode mode = OFF;
static uint64_t chosen;
static char flag[PATH_MAX];
static char directory[PATH_MAX];
static size_t directory_length;
static pid_t owner;
static struct report *report;
// Files whose sync has failed, by descriptor. A descriptor that is closed is forgotten.
static _Atomic unsigned char tainted[4096];

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_close)(int);

static int is_named(const char *name, const char *word) { return strncmp(name, word, strlen(word)) == 0; }

static void choose(const char *text) {
    static const struct { const char *word; enum mode mode; } MODES[] = {
        {"count", COUNT},  {"die:", DIE},           {"torn:", TORN},           {"eio:", FAIL_IO},
        {"enospc:", FAIL_SPACE}, {"sync-once:", SYNC_ONCE}, {"sync-ever:", SYNC_EVER}, {"full:", FULL},
    };
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        if (!is_named(text, MODES[i].word)) continue;
        mode = MODES[i].mode;
        const char *rest = text + strlen(MODES[i].word);
        if (mode == FULL) snprintf(flag, sizeof flag, "%s", rest);
        else chosen = strtoull(rest, NULL, 10);
    }
}

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    real_close = dlsym(RTLD_NEXT, "close");
    const char *text = getenv("MYRMEX_FAULT"), *below = getenv("MYRMEX_FAULT_DIR");
    const char *path = getenv("MYRMEX_FAULT_REPORT");
    if (!text || !below || !path) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (report == MAP_FAILED) return;
    directory_length = (size_t)snprintf(directory, sizeof directory, "%s", below);
    owner = getpid();
    choose(text);
    // Programs that tasks start are not concerned.
    unsetenv("LD_PRELOAD");
    unsetenv("MYRMEX_FAULT");
}

// Returns the name below the data directory, or nothing.
static const char *below(const char *path) {
    if (strncmp(path, directory, directory_length) != 0) return NULL;
    return path[directory_length] == '/' ? path + directory_length + 1 : NULL;
}

static const char *name_of(int fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    return below(path);
}

static int is_concerned(void) { return mode != OFF && getpid() == owner; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void fire(const char *call, const char *name) {
    if (atomic_fetch_add(&report->fired, 1) == 0)
        snprintf(report->what, sizeof report->what, "%s %s", call, name);
}

// Counts a call and returns the error that it is to have; 0 if none. May not return. `*is_torn` asks for half of it.
static int judge(const char *call, const char *name, enum need need, int *is_torn) {
    if (mode == FULL) {
        if (need == NO_SPACE_NEEDED || access(flag, F_OK) != 0) return 0;
        fire(call, name);
        return ENOSPC;
    }
    uint64_t number = atomic_fetch_add(&report->calls, 1) + 1;
    if (number != chosen || mode == COUNT || mode == SYNC_ONCE || mode == SYNC_EVER) return 0;
    fire(call, name);
    if (mode == FAIL_IO) return EIO;
    if (mode == FAIL_SPACE) return need == SPACE_NEEDED ? ENOSPC : EIO;
    if (mode == TORN && is_torn) {
        *is_torn = 1;
        return 0;
    }
    die();
    return 0;
}

static int judge_fd(const char *call, int fd, enum need need, int *is_torn) {
    char path[PATH_MAX];
    if (fd <= 2 || !is_concerned()) return 0;
    int before = errno;
    const char *name = name_of(fd, path);
    int error = name ? judge(call, name, need, is_torn) : 0;
    errno = before;
    return error;
}

static int judge_path(const char *call, const char *path, enum need need) {
    if (!is_concerned()) return 0;
    const char *name = below(path);
    return name ? judge(call, name, need, NULL) : 0;
}

static int refuse(int error) {
    errno = error;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    int is_torn = 0, error = judge_fd("write", fd, SPACE_NEEDED, &is_torn);
    if (error) return refuse(error);
    if (is_torn) {
        real_write(fd, bytes, count / 2);
        die();
    }
    return real_write(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    int is_torn = 0, error = judge_fd("pwrite", fd, SPACE_NEEDED, &is_torn);
    if (error) return refuse(error);
    if (is_torn) {
        real_pwrite(fd, bytes, count / 2, offset);
        die();
    }
    return real_pwrite(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    int is_torn = 0, error = judge_fd("writev", fd, SPACE_NEEDED, &is_torn);
    if (error) return refuse(error);
    if (is_torn) {
        real_writev(fd, parts, count / 2);
        die();
    }
    return real_writev(fd, parts, count);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    int is_torn = 0, error = judge_fd("pwritev", fd, SPACE_NEEDED, &is_torn);
    if (error) return refuse(error);
    if (is_torn) {
        real_pwritev(fd, parts, count / 2, offset);
        die();
    }
    return real_pwritev(fd, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(fd, parts, count, offset);
}

static enum need need_of_length(int fd, off_t length) {
    struct stat stat;
    return fstat(fd, &stat) == 0 && length <= stat.st_size ? NO_SPACE_NEEDED : SPACE_NEEDED;
}

int ftruncate64(int fd, off_t length) {
    int error = judge_fd("ftruncate", fd, need_of_length(fd, length), NULL);
    return error ? refuse(error) : real_ftruncate(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_with(int (*real)(int), const char *call, int fd) {
    int error = judge_fd(call, fd, NO_SPACE_NEEDED, NULL);
    char path[PATH_MAX];
    const char *name = is_concerned() ? name_of(fd, path) : NULL;
    if (name) {
        uint64_t number = atomic_fetch_add(&report->syncs, 1) + 1;
        if ((mode == SYNC_ONCE && number == chosen) || (mode == SYNC_EVER && number >= chosen)) {
            fire(call, name);
            error = EIO;
        }
        size_t slot = (size_t)fd % (sizeof tainted / sizeof *tainted);
        if (atomic_load(&tainted[slot])) atomic_fetch_add(&report->resyncs, 1);
        if (error) atomic_store(&tainted[slot], 1);
    }
    return error ? refuse(error) : real(fd);
}

int fsync(int fd) { return sync_with(real_fsync, "fsync", fd); }

int fdatasync(int fd) { return sync_with(real_fdatasync, "fdatasync", fd); }

int close(int fd) {
    if (is_concerned()) atomic_store(&tainted[(size_t)fd % (sizeof tainted / sizeof *tainted)], 0);
    return real_close ? real_close(fd) : -1;
}

int rename(const char *from, const char *to) {
    int error = judge_path("rename", to, SPACE_NEEDED);
    return error ? refuse(error) : real_rename(from, to);
}

int unlink(const char *path) {
    int error = judge_path("unlink", path, NO_SPACE_NEEDED);
    return error ? refuse(error) : real_unlink(path);
}

int mkdir(const char *path, mode_t permissions) {
    int error = judge_path("mkdir", path, SPACE_NEEDED);
    return error ? refuse(error) : real_mkdir(path, permissions);
}
