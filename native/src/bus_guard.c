#include "bus_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include "assert.h"

struct region {
    uintptr_t first, past;
    volatile sig_atomic_t lost;
};

static struct region regions[MAM_BUS_REGIONS];
static int count;
static volatile sig_atomic_t lost_count;

static struct region *region_of(uintptr_t address) {
    for (int i = 0; i < count; i++) {
        if (regions[i].first <= address && address < regions[i].past) {
            return &regions[i];
        }
    }
    return NULL;
}

/* mmap is a plain system call here; glibc's wrapper takes no lock. */
static void on_bus(int number, siginfo_t *info, void *context) {
    (void)context;
    struct region *region = region_of((uintptr_t)info->si_addr);
    if (region == NULL || region->lost) {
        signal(number, SIG_DFL); /* not ours: the access is made again, and ends the process */
        return;
    }
    void *base = (void *)region->first;
    if (mmap(base, region->past - region->first, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != base) {
        _exit(1);
    }
    region->lost = 1;
    lost_count++;
}

void mam_bus_guard_begin(struct sigaction *before) {
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    count = 0;
    lost_count = 0;
    sigaction(SIGBUS, &action, before);
}

void mam_bus_guard_end(const struct sigaction *before) {
    sigaction(SIGBUS, before, NULL);
}

int mam_bus_guard_add(void *memory, size_t length) {
    MAM_ASSERT(count < MAM_BUS_REGIONS);
    regions[count] = (struct region){.first = (uintptr_t)memory, .past = (uintptr_t)memory + length};
    return count++;
}

void mam_bus_guard_replace(int region, void *memory, size_t length) {
    MAM_ASSERT(region >= 0 && region < count);
    regions[region] = (struct region){.first = (uintptr_t)memory, .past = (uintptr_t)memory + length};
}

int mam_bus_guard_lost(void) {
    return lost_count;
}

int mam_bus_guard_is_lost(int region) {
    return regions[region].lost;
}
