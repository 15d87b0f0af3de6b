/*
 * A disk that loses power, fills up and fails, for the files of one folder. Loaded with LD_PRELOAD before the C library, so that a whole
 * process, its SQLite included, writes through it.
 *
 * Beside the folder stands its image: what the medium holds. A write goes to the real file, as into the kernel's page cache; only fsync and
 * fdatasync copy it into the image, and only a synced folder gives a new file its name there. After a kill, the real files are what the page
 * cache still knew and the image is what a loss of power leaves.
 *
 *   METERING_DISK_FOLDER   the folder, absolute, without links
 *   METERING_DISK_IMAGE    the image's folder, with a folder ".state" in it
 *   METERING_DISK_CONTROL  a file of 4,096 bytes that both sides map: struct control
 *
 * Not modelled: renames, writing through a memory map (SQLite's -shm, which need not last), and names that outlive their removal.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096
#define MAX_FILES 64
#define MAX_DESCRIPTORS 65536

/* The test reads and writes the same fields at the same offsets: 8 bytes each, in this order. */
struct control {
    volatile int64_t operations;   /* writes, truncations, synced blocks and syncs so far */
    volatile int64_t writes;
    volatile int64_t syncs;        /* that succeeded */
    volatile int64_t failures;     /* calls that a fault of the disk made fail */
    volatile int64_t kill_at;      /* the process dies as this operation begins; 0: never */
    volatile int64_t room;         /* bytes that can still be written; negative: any number */
    volatile int64_t write_error;  /* writes fail with this errno; 0: they don't */
    volatile int64_t kill_at_sync; /* 1: the process dies as the next sync begins */
    volatile int64_t fail_syncs;   /* 1: syncs fail with EIO, and what they should have written counts as clean, as on Linux */
};

struct file {
    char name[NAME_MAX + 1];
    int linked;      /* the image's folder has the name */
    uint8_t *dirty;  /* one byte a block: written since the last sync */
    uint8_t *lost;   /* one byte a block: a sync failed, and the page cache holds it as clean */
    size_t blocks;
};

static struct control *control;
static char folder[PATH_MAX], image[PATH_MAX];
static size_t folder_length;
static struct file files[MAX_FILES];
static size_t file_count;
static struct file the_folder; /* marks descriptors of the folder itself */
static struct file *by_descriptor[MAX_DESCRIPTORS];
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (real == NULL) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int real_open(const char *path, int flags, mode_t mode) { REAL(int, "open", const char *, int, ...); return real(path, flags, mode); }
static int real_close(int fd) { REAL(int, "close", int); return real(fd); }
static ssize_t real_pwrite(int fd, const void *bytes, size_t count, off_t at) { REAL(ssize_t, "pwrite", int, const void *, size_t, off_t); return real(fd, bytes, count, at); }
static ssize_t real_write(int fd, const void *bytes, size_t count) { REAL(ssize_t, "write", int, const void *, size_t); return real(fd, bytes, count); }
static int real_ftruncate(int fd, off_t length) { REAL(int, "ftruncate", int, off_t); return real(fd, length); }

static void fatal(const char *what) { perror(what); abort(); }

__attribute__((constructor)) static void start(void) {
    const char *from = getenv("METERING_DISK_FOLDER"), *to = getenv("METERING_DISK_IMAGE"), *page = getenv("METERING_DISK_CONTROL");
    if (from == NULL || to == NULL || page == NULL) return;
    int fd = real_open(page, O_RDWR, 0);
    if (fd < 0) fatal("METERING_DISK_CONTROL");
    void *mapped = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) fatal("METERING_DISK_CONTROL");
    real_close(fd);
    snprintf(folder, sizeof folder, "%s", from);
    snprintf(image, sizeof image, "%s", to);
    folder_length = strlen(folder);
    control = mapped;
}

static void image_path(char *path, const char *name, const char *sub, const char *suffix) { snprintf(path, PATH_MAX, "%s/%s%s%s", image, sub, name, suffix); }

static void data_path(char *path, const struct file *file) { image_path(path, file->name, file->linked ? "" : ".state/", ""); }

static void grow(struct file *file, size_t blocks) {
    if (blocks <= file->blocks) return;
    file->dirty = realloc(file->dirty, blocks);
    file->lost = realloc(file->lost, blocks);
    if (file->dirty == NULL || file->lost == NULL) fatal("memory");
    memset(file->dirty + file->blocks, 0, blocks - file->blocks);
    memset(file->lost + file->blocks, 0, blocks - file->blocks);
    file->blocks = blocks;
}

static void mark(struct file *file, off_t from, off_t to) {
    if (to <= from) return;
    size_t last = (size_t)((to - 1) / BLOCK);
    grow(file, last + 1);
    for (size_t block = (size_t)(from / BLOCK); block <= last; block++) {
        file->dirty[block] = 1;
        file->lost[block] = 0;
    }
}

/* A process before this one may have died with unsynced blocks in the page cache: all that is not in the image for certain is dirty, but for
 * what a failed sync left clean. */
static void inherit(struct file *file) {
    char path[PATH_MAX];
    struct stat status;
    image_path(path, file->name, "", "");
    file->linked = stat(path, &status) == 0;
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    if (stat(path, &status) == 0) mark(file, 0, status.st_size);
    image_path(path, file->name, ".state/", ".lost");
    int fd = real_open(path, O_RDONLY, 0);
    if (fd < 0) return;
    uint64_t block;
    while (read(fd, &block, sizeof block) == (ssize_t)sizeof block) {
        if (block >= file->blocks) continue;
        file->dirty[block] = 0;
        file->lost[block] = 1;
    }
    real_close(fd);
}

static struct file *find(const char *name) {
    for (size_t index = 0; index < file_count; index++)
        if (strcmp(files[index].name, name) == 0) return &files[index];
    if (file_count == MAX_FILES) fatal("too many files");
    struct file *file = &files[file_count++];
    snprintf(file->name, sizeof file->name, "%s", name);
    inherit(file);
    return file;
}

static const char *name_of(const char *path) {
    if (control == NULL || strncmp(path, folder, folder_length) != 0) return NULL;
    const char *rest = path + folder_length;
    if (*rest == '\0') return rest;
    size_t length = strlen(rest);
    if (*rest != '/' || strchr(rest + 1, '/') != NULL) return NULL;
    return length > 4 && strcmp(rest + length - 4, "-shm") == 0 ? NULL : rest + 1;
}

static struct file *of(int fd) { return control != NULL && fd >= 0 && fd < MAX_DESCRIPTORS ? by_descriptor[fd] : NULL; }

/* The power fails: no handler runs, and nothing that was not synced is ever synced. */
static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void step(void) {
    control->operations++;
    if (control->kill_at != 0 && control->operations >= control->kill_at) die();
}

static int fault(int error) {
    control->failures++;
    errno = error;
    return -1;
}

/* How much of a write the disk takes; -1 with errno for none. A disk that fills up takes a part. */
static ssize_t admit(size_t count) {
    control->writes++;
    if (control->write_error) return fault((int)control->write_error);
    if (control->room < 0 || count == 0) return (ssize_t)count;
    if (control->room == 0) return fault(ENOSPC);
    if ((int64_t)count > control->room) count = (size_t)control->room;
    control->room -= (int64_t)count;
    return (ssize_t)count;
}

static ssize_t write_at(struct file *file, int fd, const void *bytes, size_t count, off_t at) {
    pthread_mutex_lock(&gate);
    step();
    ssize_t taken = admit(count);
    if (taken >= 0) taken = real_pwrite(fd, bytes, (size_t)taken, at);
    if (taken > 0) mark(file, at, at + taken);
    pthread_mutex_unlock(&gate);
    return taken;
}

static void copy_block(int from, int to, size_t block) {
    char bytes[BLOCK];
    off_t at = (off_t)block * BLOCK;
    ssize_t count = pread(from, bytes, BLOCK, at);
    if (count > 0 && real_pwrite(to, bytes, (size_t)count, at) != count) fatal("image");
}

static void forget(struct file *file) {
    char path[PATH_MAX];
    image_path(path, file->name, ".state/", ".lost");
    int fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0) fatal("image");
    for (uint64_t block = 0; block < file->blocks; block++) {
        if (!file->dirty[block]) continue;
        file->dirty[block] = 0;
        file->lost[block] = 1;
        if (real_write(fd, &block, sizeof block) != (ssize_t)sizeof block) fatal("image");
    }
    real_close(fd);
}

/* Blocks reach the medium one after another, so that the power can fail between them. */
static void sync_file(struct file *file) {
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    int from = real_open(path, O_RDONLY, 0);
    if (from < 0) return;
    data_path(path, file);
    int to = real_open(path, O_RDWR | O_CREAT, 0600);
    if (to < 0 || fstat(from, &status) != 0 || real_ftruncate(to, status.st_size) != 0) fatal("image");
    for (size_t block = 0; block < file->blocks; block++) {
        if (!file->dirty[block]) continue;
        step();
        copy_block(from, to, block);
        file->dirty[block] = 0;
    }
    real_close(from);
    real_close(to);
}

static void sync_names(void) {
    for (size_t index = 0; index < file_count; index++) {
        struct file *file = &files[index];
        char real[PATH_MAX], pending[PATH_MAX], linked[PATH_MAX];
        snprintf(real, sizeof real, "%s/%s", folder, file->name);
        if (file->linked || access(real, F_OK) != 0) continue;
        image_path(pending, file->name, ".state/", "");
        image_path(linked, file->name, "", "");
        if (rename(pending, linked) != 0) real_close(real_open(linked, O_WRONLY | O_CREAT, 0600));
        file->linked = 1;
    }
}

static int sync_descriptor(struct file *file) {
    int result = 0;
    pthread_mutex_lock(&gate);
    step();
    if (control->kill_at_sync) die();
    if (control->fail_syncs) {
        if (file != &the_folder) forget(file);
        result = fault(EIO);
    } else {
        if (file == &the_folder) sync_names(); else sync_file(file);
        control->syncs++;
    }
    pthread_mutex_unlock(&gate);
    return result;
}

static int opened(const char *path, int fd, int flags) {
    const char *name = fd < 0 || fd >= MAX_DESCRIPTORS ? NULL : name_of(path);
    if (name == NULL) return fd;
    pthread_mutex_lock(&gate);
    struct file *file = *name == '\0' ? &the_folder : find(name);
    if (flags & O_TRUNC) mark(file, 0, (off_t)file->blocks * BLOCK);
    by_descriptor[fd] = file;
    pthread_mutex_unlock(&gate);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags) return opened(path, real_open(path, flags, mode), flags); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(path, real_open(path, flags | O_LARGEFILE, mode), flags); }
int creat(const char *path, mode_t mode) { return opened(path, real_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode), O_TRUNC); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    REAL(int, "openat", int, const char *, int, ...);
    return opened(path, real(at, path, flags, mode), flags);
}
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return openat(at, path, flags | O_LARGEFILE, mode); }

int close(int fd) {
    if (of(fd) != NULL) by_descriptor[fd] = NULL;
    return real_close(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    struct file *file = of(fd);
    return file == NULL ? real_pwrite(fd, bytes, count, at) : write_at(file, fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return pwrite(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
    struct file *file = of(fd);
    if (file == NULL) return real_write(fd, bytes, count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t taken = write_at(file, fd, bytes, count, at);
    if (taken > 0) lseek(fd, at + taken, SEEK_SET);
    return taken;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    struct file *file = of(fd);
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    if (file == NULL) return real(fd, parts, count, at);
    ssize_t total = 0;
    for (int part = 0; part < count; part++) {
        ssize_t taken = write_at(file, fd, parts[part].iov_base, parts[part].iov_len, at + total);
        if (taken < 0) return total > 0 ? total : taken;
        total += taken;
        if ((size_t)taken < parts[part].iov_len) break;
    }
    return total;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { return pwritev(fd, parts, count, at); }

int ftruncate(int fd, off_t length) {
    struct file *file = of(fd);
    if (file == NULL) return real_ftruncate(fd, length);
    pthread_mutex_lock(&gate);
    step();
    int result = control->write_error ? fault((int)control->write_error) : real_ftruncate(fd, length);
    if (result == 0) mark(file, length - length % BLOCK, (off_t)file->blocks * BLOCK);
    pthread_mutex_unlock(&gate);
    return result;
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int fsync(int fd) {
    struct file *file = of(fd);
    REAL(int, "fsync", int);
    return file == NULL ? real(fd) : sync_descriptor(file);
}
int fdatasync(int fd) {
    struct file *file = of(fd);
    REAL(int, "fdatasync", int);
    return file == NULL ? real(fd) : sync_descriptor(file);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    const char *name = name_of(path);
    if (name == NULL || *name == '\0') return real(path);
    pthread_mutex_lock(&gate);
    step();
    int result = control->write_error ? fault((int)control->write_error) : real(path);
    if (result == 0) {
        char lasting[PATH_MAX];
        struct file *file = find(name);
        data_path(lasting, file);
        real(lasting);
        file->linked = 0;
        memset(file->dirty, 0, file->blocks);
        memset(file->lost, 0, file->blocks);
    }
    pthread_mutex_unlock(&gate);
    return result;
}
