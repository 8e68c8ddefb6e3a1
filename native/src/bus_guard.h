/*
 * What happens when somebody truncates a region that we have mapped: the next touch of it is SIGBUS, which
 * would end the engine for every vendor. Here it ends that one region: its pages are replaced by private
 * zeroed memory, where the access then succeeds, and the region is marked as lost, to be fenced. A named
 * object cannot be sealed against truncation, so this cannot be prevented.
 *
 * One user a process. A SIGBUS anywhere else is as deadly as ever.
 */
#ifndef MAM_BUS_GUARD_H
#define MAM_BUS_GUARD_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define MAM_BUS_REGIONS 128

/* Starts guarding; forgets former regions. `before` gets what was installed. */
void mam_bus_guard_begin(struct sigaction *before);
void mam_bus_guard_end(const struct sigaction *before);
/* Guards a mapping, page aligned. Returns its number, from 0. */
int mam_bus_guard_add(void *memory, size_t length);
/* Guards another mapping under that number. */
void mam_bus_guard_replace(int region, void *memory, size_t length);
/* How many regions have been lost so far: cheap to ask often. */
int mam_bus_guard_lost(void);
int mam_bus_guard_is_lost(int region);

#endif
