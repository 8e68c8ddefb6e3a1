/* The directory of an instance, and how a bridge finds its rings. Header only, C11 or C++17, Linux.
 *
 *     struct mam_bridge bridge;
 *     int status = mam_attach("prod", "lp1", MAM_SCHEMA_FINGERPRINT, &bridge);
 *     if (status != 0) { fprintf(stderr, "%s\n", mam_error_text(status)); exit(1); }
 *     mam_ring_write(&bridge.in, MAM_QUOTE_ID, &quote, sizeof quote);          to the engine
 *     mam_ring_read(&bridge.out, buffer, sizeof buffer, &type);                from the engine
 *
 * Objects of instance NAME in POSIX shared memory; names are 1 ... 31 characters of A-Z a-z 0-9 _ -
 *   /mam.NAME.directory   this layout, read-only for vendors; written by the daemon alone
 *   /mam.NAME.in.BRIDGE   ring, bridge -> engine            /mam.NAME.journal    ring, engine -> audit writer
 *   /mam.NAME.out.BRIDGE  ring, engine -> bridge            /mam.NAME.counters   counters, for anyone to read
 *
 *   directory, 8,448 bytes, little-endian
 *      0  uint64  magic "MAMDIR01", written last: without it nothing else is valid
 *      8  uint32  version, 1
 *     12  uint32  bridge count, 0 ... 64
 *     16  uint64  layout fingerprint of the messages (MAM_SCHEMA_FINGERPRINT of messages.h)
 *     24  int64   pid of the daemon
 *     32  int64   its start time, clock ticks since boot (field 22 of /proc/PID/stat): pids come again
 *     40  uint64  generation: grows whenever regions were made anew
 *     48  int64   created at, ns since the Unix epoch
 *     56  uint32  capacity of the journal ring, bytes
 *     60  uint32  counters in the counters region
 *     64  char    instance[32], zero padded
 *     96          zero
 *    128  int64   heartbeat of the daemon, ns since the Unix epoch; on a cache line of its own
 *    136          zero
 *    256  bridge entries, 64 x 128 bytes
 *
 *   bridge entry
 *      0  char    name[32], zero padded
 *     32  uint32  id, from 1 in the order of the configuration
 *     36  uint32  role, MAM_ROLE_*
 *     40  uint32  capacity of the in ring, bytes
 *     44  uint32  capacity of the out ring, bytes
 *     48  uint64  generation of its two rings: a bridge that sees it change attaches again
 *     56  uint32  state of the in ring
 *     60  uint32  state of the out ring
 *     64          zero
 *
 *   (M) release of magic by the daemon -> acquire by whoever attaches: all constant fields are whole
 *   (S) release of a ring's state by the daemon -> acquire by its bridge: the ring is ready, or dead
 *
 * Hazard: a process with write access can truncate a region, and the other side then dies of SIGBUS.
 * A bridge's rings are writable for that bridge's user only; directory and counters for the daemon only.
 */
#ifndef MAM_DIRECTORY_H
#define MAM_DIRECTORY_H

#if !defined(_GNU_SOURCE) && !defined(_POSIX_C_SOURCE)
/* shm_open under -std=c11: include this header first, or define it yourself */
#define _POSIX_C_SOURCE 200809L
#endif

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mam/ring.h"

#define MAM_DIRECTORY_MAGIC 0x31305249444d414dULL /* "MAMDIR01" in memory */

/* cdef: begin */
#define MAM_DIRECTORY_VERSION 1
#define MAM_DIRECTORY_SIZE 8448 /* bytes */
#define MAM_BRIDGES_MAX 64
#define MAM_NAME_SIZE 32 /* bytes; the last is zero */
#define MAM_ROLE_BROKER 1
#define MAM_ROLE_LP 2
#define MAM_ROLE_CONTROL 3
#define MAM_STATE_CLOSED 0 /* not there, or not yet */
#define MAM_STATE_OPEN 1
#define MAM_STATE_FENCED 2 /* found broken; the daemon no longer looks at it */

/* Results of the functions below; 0 is success. */
#define MAM_ERROR_NAME -64        /* not 1 ... 31 characters of A-Z a-z 0-9 _ - */
#define MAM_ERROR_NO_INSTANCE -65 /* no such directory: the daemon does not run */
#define MAM_ERROR_DENIED -66      /* no permission for the directory or a ring */
#define MAM_ERROR_SYSTEM -67      /* open, fstat or mmap failed; see errno */
#define MAM_ERROR_SIZE -68        /* a region has not the size that it must have */
#define MAM_ERROR_MAGIC -69       /* the directory is not (yet) whole */
#define MAM_ERROR_VERSION -70     /* made by a daemon with another directory layout */
#define MAM_ERROR_FINGERPRINT -71 /* the daemon was built with other messages: take its headers */
#define MAM_ERROR_NO_BRIDGE -72   /* the instance has no bridge of that name */
#define MAM_ERROR_CLOSED -73      /* the bridge's rings are not open */
#define MAM_ERROR_FENCED -74      /* the bridge's rings are fenced; operations must renew them */
#define MAM_ERROR_NO_RING -75     /* a ring of the bridge is missing */
#define MAM_ERROR_RING -76        /* a ring's positions are corrupt */
#define MAM_ERROR_DIRECTORY -77   /* the directory's fields contradict each other */

struct mam_directory_bridge {
    char name[32];
    uint32_t id;
    uint32_t role;
    uint32_t in_capacity;
    uint32_t out_capacity;
    uint64_t generation;
    uint32_t in_state;
    uint32_t out_state;
    uint8_t zero[64];
};

struct mam_directory {
    uint64_t magic;
    uint32_t version;
    uint32_t bridge_count;
    uint64_t fingerprint;
    int64_t pid;
    int64_t pid_start;
    uint64_t generation;
    int64_t created_ns;
    uint32_t journal_capacity;
    uint32_t counters_capacity;
    char instance[32];
    uint8_t zero0[32];
    int64_t heartbeat_ns;
    uint8_t zero1[120];
    struct mam_directory_bridge bridges[64];
};

/* What a bridge holds after mam_attach. */
struct mam_bridge {
    struct mam_ring in;                    /* the bridge writes */
    struct mam_ring out;                   /* the bridge reads */
    const struct mam_directory *directory; /* mapped read-only */
    const struct mam_directory_bridge *entry;
    uint64_t generation; /* of the rings, when attached */
    uint32_t id;
    uint32_t role;
};

/* Is this memory a whole directory of these messages? 0, MAM_ERROR_SIZE, MAGIC, VERSION, FINGERPRINT,
 * DIRECTORY. */
static inline int mam_directory_check(const void *memory, size_t length, uint64_t fingerprint);
/* The bridge's entry, or NULL. The directory must have been checked. */
static inline struct mam_directory_bridge *mam_directory_find(struct mam_directory *directory,
                                                              const char *name);
/* Daemon: write the magic, when all constant fields are set. */
static inline void mam_directory_publish(struct mam_directory *directory);
/* Daemon: the directory is void from now on. */
static inline void mam_directory_withdraw(struct mam_directory *directory);
/* Daemon: say that we live. ns since the Unix epoch. */
static inline void mam_directory_beat(struct mam_directory *directory, int64_t now_ns);
static inline int64_t mam_directory_heartbeat(const struct mam_directory *directory);
/* Daemon: set MAM_STATE_* of a bridge's rings. */
static inline void mam_directory_set_state(struct mam_directory_bridge *entry, uint32_t in_state,
                                           uint32_t out_state);
static inline uint32_t mam_directory_in_state(const struct mam_directory_bridge *entry);
static inline uint32_t mam_directory_out_state(const struct mam_directory_bridge *entry);

/* Bridge: map the instance's directory and the bridge's rings, with every check. 0 or MAM_ERROR_*; *out is
 * only written on success. System calls, no allocation. One process a bridge. */
static inline int mam_attach(const char *instance, const char *bridge, uint64_t fingerprint,
                             struct mam_bridge *out);
/* Bridge: unmap. The rings stay. */
static inline void mam_detach(struct mam_bridge *bridge);
/* Bridge: 0 while the rings are those that we attached to and open; CLOSED or FENCED: stop, detach, attach
 * again. */
static inline int mam_bridge_check(const struct mam_bridge *bridge);
/* A MAM_ERROR_* or MAM_RING_* code as a sentence, in static memory. */
static inline const char *mam_error_text(int code);
/* Touch every page of a writable mapping, so that the first message meets no page fault, and lock it in
 * memory. 0, or the errno of mlock (the pages are touched all the same). */
static inline int mam_memory_prepare(void *memory, size_t length);
/* cdef: end */

static_assert(offsetof(struct mam_directory_bridge, in_state) == 56, "directory layout");
static_assert(sizeof(struct mam_directory_bridge) == 128, "directory layout");
static_assert(offsetof(struct mam_directory, fingerprint) == 16, "directory layout");
static_assert(offsetof(struct mam_directory, generation) == 40, "directory layout");
static_assert(offsetof(struct mam_directory, counters_capacity) == 60, "directory layout");
static_assert(offsetof(struct mam_directory, heartbeat_ns) == 128, "directory layout");
static_assert(offsetof(struct mam_directory, bridges) == 256, "directory layout");
static_assert(sizeof(struct mam_directory) == MAM_DIRECTORY_SIZE, "directory layout");

/* Length of a valid name, else 0. */
static inline size_t mam_name_length(const char *name) {
    size_t length = 0;
    for (; length < MAM_NAME_SIZE && name[length] != 0; length++) {
        char c = name[length];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-'))
            return 0;
    }
    return length < MAM_NAME_SIZE ? length : 0;
}

static inline int mam_directory_check(const void *memory, size_t length, uint64_t fingerprint) {
    const struct mam_directory *directory = (const struct mam_directory *)memory;
    if (length != MAM_DIRECTORY_SIZE)
        return MAM_ERROR_SIZE;
    if (__atomic_load_n(&directory->magic, __ATOMIC_ACQUIRE) != MAM_DIRECTORY_MAGIC) /* (M) */
        return MAM_ERROR_MAGIC;
    if (directory->version != MAM_DIRECTORY_VERSION)
        return MAM_ERROR_VERSION;
    if (directory->fingerprint != fingerprint)
        return MAM_ERROR_FINGERPRINT;
    if (directory->bridge_count > MAM_BRIDGES_MAX || mam_name_length(directory->instance) == 0)
        return MAM_ERROR_DIRECTORY;
    for (uint32_t i = 0; i < directory->bridge_count; i++)
        if (mam_name_length(directory->bridges[i].name) == 0 || directory->bridges[i].id != i + 1)
            return MAM_ERROR_DIRECTORY;
    return 0;
}

static inline struct mam_directory_bridge *mam_directory_find(struct mam_directory *directory,
                                                              const char *name) {
    uint32_t count = directory->bridge_count <= MAM_BRIDGES_MAX ? directory->bridge_count : MAM_BRIDGES_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(directory->bridges[i].name, name, MAM_NAME_SIZE) == 0)
            return &directory->bridges[i];
    return NULL;
}

static inline void mam_directory_publish(struct mam_directory *directory) {
    __atomic_store_n(&directory->magic, MAM_DIRECTORY_MAGIC, __ATOMIC_RELEASE); /* (M) */
}

static inline void mam_directory_withdraw(struct mam_directory *directory) {
    __atomic_store_n(&directory->magic, (uint64_t)0, __ATOMIC_RELEASE);
}

static inline void mam_directory_beat(struct mam_directory *directory, int64_t now_ns) {
    __atomic_store_n(&directory->heartbeat_ns, now_ns, __ATOMIC_RELEASE);
}

static inline int64_t mam_directory_heartbeat(const struct mam_directory *directory) {
    return __atomic_load_n(&directory->heartbeat_ns, __ATOMIC_ACQUIRE);
}

static inline void mam_directory_set_state(struct mam_directory_bridge *entry, uint32_t in_state,
                                           uint32_t out_state) {
    __atomic_store_n(&entry->in_state, in_state, __ATOMIC_RELEASE);   /* (S) */
    __atomic_store_n(&entry->out_state, out_state, __ATOMIC_RELEASE); /* (S) */
}

static inline uint32_t mam_directory_in_state(const struct mam_directory_bridge *entry) {
    return __atomic_load_n(&entry->in_state, __ATOMIC_ACQUIRE); /* (S) */
}

static inline uint32_t mam_directory_out_state(const struct mam_directory_bridge *entry) {
    return __atomic_load_n(&entry->out_state, __ATOMIC_ACQUIRE); /* (S) */
}

/* "/mam." + instance + suffix, suffix being ".directory", or ".in." and a name. */
static inline void mam_object_name(char *out, const char *instance, const char *kind, const char *bridge) {
    const char *parts[] = {"/mam.", instance, kind, bridge};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t length = strlen(parts[i]);
        assert(used + length < 128);
        memcpy(out + used, parts[i], length);
        used += length;
    }
    out[used] = 0;
}

/* Map a whole shared-memory object, which must have `length` bytes exactly. */
static inline int mam_map(const char *name, size_t length, int writable, int missing, void **memory) {
    int fd = shm_open(name, writable ? O_RDWR : O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? missing : errno == EACCES ? MAM_ERROR_DENIED : MAM_ERROR_SYSTEM;
    struct stat info;
    int status = fstat(fd, &info) != 0 ? MAM_ERROR_SYSTEM : 0;
    if (status == 0 && (info.st_size < 0 || (uint64_t)info.st_size != length))
        status = MAM_ERROR_SIZE;
    if (status == 0) {
        *memory = mmap(NULL, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
        status = *memory == MAP_FAILED ? MAM_ERROR_SYSTEM : 0;
    }
    int kept = errno;
    close(fd);
    errno = kept;
    return status;
}

static inline int mam_map_ring(const char *instance, const char *kind, const char *bridge, uint32_t capacity,
                               struct mam_ring *ring) {
    char name[128];
    void *memory = NULL;
    size_t length = (size_t)capacity + MAM_RING_TRAILER;
    mam_object_name(name, instance, kind, bridge);
    int status = mam_map(name, length, 1, MAM_ERROR_NO_RING, &memory);
    if (status != 0)
        return status;
    if (mam_ring_attach(ring, memory, length) == 0)
        return 0;
    munmap(memory, length);
    return MAM_ERROR_RING;
}

static inline void mam_unmap_ring(struct mam_ring *ring) {
    if (ring->buffer != NULL)
        munmap(ring->buffer, (size_t)ring->capacity + MAM_RING_TRAILER);
    ring->buffer = NULL;
}

static inline int mam_bridge_check(const struct mam_bridge *bridge) {
    uint32_t in_state = mam_directory_in_state(bridge->entry);
    uint32_t out_state = mam_directory_out_state(bridge->entry);
    if (__atomic_load_n(&bridge->directory->magic, __ATOMIC_ACQUIRE) != MAM_DIRECTORY_MAGIC)
        return MAM_ERROR_CLOSED;
    if (in_state == MAM_STATE_FENCED || out_state == MAM_STATE_FENCED)
        return MAM_ERROR_FENCED;
    if (in_state != MAM_STATE_OPEN || out_state != MAM_STATE_OPEN)
        return MAM_ERROR_CLOSED;
    uint64_t generation = __atomic_load_n(&bridge->entry->generation, __ATOMIC_ACQUIRE);
    return generation == bridge->generation ? 0 : MAM_ERROR_CLOSED;
}

/* Map both rings of a bridge whose entry stands in `made`. */
static inline int mam_attach_rings(const char *instance, struct mam_bridge *made) {
    int status = mam_bridge_check(made);
    if (status == 0)
        status = mam_map_ring(instance, ".in.", made->entry->name, made->entry->in_capacity, &made->in);
    if (status == 0)
        status = mam_map_ring(instance, ".out.", made->entry->name, made->entry->out_capacity, &made->out);
    if (status == 0)
        status = mam_bridge_check(made); /* renewed between the two maps? */
    return status;
}

static inline int mam_attach(const char *instance, const char *bridge, uint64_t fingerprint,
                             struct mam_bridge *out) {
    char name[128];
    void *memory = NULL;
    struct mam_bridge made;
    if (mam_name_length(instance) == 0 || mam_name_length(bridge) == 0)
        return MAM_ERROR_NAME;
    memset(&made, 0, sizeof made);
    mam_object_name(name, instance, ".directory", "");
    int status = mam_map(name, MAM_DIRECTORY_SIZE, 0, MAM_ERROR_NO_INSTANCE, &memory);
    if (status != 0)
        return status;
    made.directory = (const struct mam_directory *)memory;
    status = mam_directory_check(memory, MAM_DIRECTORY_SIZE, fingerprint);
    made.entry = status == 0 ? mam_directory_find((struct mam_directory *)memory, bridge) : NULL;
    if (status == 0 && made.entry == NULL)
        status = MAM_ERROR_NO_BRIDGE;
    if (status == 0) {
        made.generation = __atomic_load_n(&made.entry->generation, __ATOMIC_ACQUIRE);
        made.id = made.entry->id;
        made.role = made.entry->role;
        status = mam_attach_rings(instance, &made);
    }
    if (status != 0)
        mam_detach(&made);
    else
        *out = made;
    return status;
}

static inline void mam_detach(struct mam_bridge *bridge) {
    mam_unmap_ring(&bridge->in);
    mam_unmap_ring(&bridge->out);
    if (bridge->directory != NULL)
        munmap((void *)(uintptr_t)bridge->directory, MAM_DIRECTORY_SIZE);
    bridge->directory = NULL;
    bridge->entry = NULL;
}

static inline const char *mam_error_text(int code) {
    switch (code) {
    case 0:
        return "success";
    case MAM_ERROR_NAME:
        return "a name must be 1 to 31 characters of A-Z a-z 0-9 _ -";
    case MAM_ERROR_NO_INSTANCE:
        return "no such instance: its daemon does not run";
    case MAM_ERROR_DENIED:
        return "no permission for the instance's shared memory";
    case MAM_ERROR_SYSTEM:
        return "the system refused to open or map shared memory";
    case MAM_ERROR_SIZE:
        return "a shared-memory object has the wrong size";
    case MAM_ERROR_MAGIC:
        return "the instance's directory is not complete";
    case MAM_ERROR_VERSION:
        return "the daemon uses another version of the directory layout";
    case MAM_ERROR_FINGERPRINT:
        return "the daemon was built with other messages than this program";
    case MAM_ERROR_NO_BRIDGE:
        return "the instance has no bridge of that name";
    case MAM_ERROR_CLOSED:
        return "the bridge's rings are closed, or were renewed";
    case MAM_ERROR_FENCED:
        return "the bridge's rings are fenced";
    case MAM_ERROR_NO_RING:
        return "a ring of the bridge is missing";
    case MAM_ERROR_RING:
        return "a ring's positions are corrupt";
    case MAM_ERROR_DIRECTORY:
        return "the directory's fields contradict each other";
    default:
        return mam_ring_text(code);
    }
}

static inline int mam_memory_prepare(void *memory, size_t length) {
    /* adding nothing is a write, and safe while others use the memory */
    for (size_t offset = 0; offset < length; offset += 4096)
        __atomic_fetch_add((uint8_t *)memory + offset, (uint8_t)0, __ATOMIC_RELAXED);
    return mlock(memory, length) == 0 ? 0 : errno;
}

#endif
