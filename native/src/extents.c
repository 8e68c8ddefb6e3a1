#include "extents.h"

#include "assert.h"

static uint32_t order_of(uint32_t count) {
    MAM_ASSERT(count > 0 && count <= UINT32_C(1) << (MAM_EXTENT_ORDERS - 1));
    return count == 1 ? 0 : 32 - (uint32_t)__builtin_clz(count - 1);
}

static void push(struct mam_extents *extents, uint32_t first, uint32_t order) {
    uint32_t head = extents->heads[order];
    extents->links[first] =
        (struct mam_extent_link){.next = head, .previous = MAM_EXTENT_NONE, .free_order = order + 1};
    if (head != MAM_EXTENT_NONE) {
        extents->links[head].previous = first;
    }
    extents->heads[order] = first;
}

static void unlink_run(struct mam_extents *extents, uint32_t first) {
    struct mam_extent_link link = extents->links[first];
    MAM_ASSERT(link.free_order > 0);
    if (link.previous == MAM_EXTENT_NONE) {
        extents->heads[link.free_order - 1] = link.next;
    } else {
        extents->links[link.previous].next = link.next;
    }
    if (link.next != MAM_EXTENT_NONE) {
        extents->links[link.next].previous = link.previous;
    }
    extents->links[first].free_order = 0;
}

void mam_extents_init(struct mam_extents *extents, struct mam_extent_link *links, uint32_t units) {
    MAM_ASSERT(units > 0 && (units & (units - 1)) == 0);
    extents->links = links;
    extents->units = units;
    extents->free_units = units;
    for (uint32_t order = 0; order < MAM_EXTENT_ORDERS; order++) {
        extents->heads[order] = MAM_EXTENT_NONE;
    }
    for (uint32_t unit = 0; unit < units; unit++) {
        links[unit] = (struct mam_extent_link){.next = MAM_EXTENT_NONE, .previous = MAM_EXTENT_NONE};
    }
    push(extents, 0, order_of(units));
}

uint32_t mam_extents_take(struct mam_extents *extents, uint32_t count) {
    uint32_t order = order_of(count);
    uint32_t found = order;
    while (found < MAM_EXTENT_ORDERS && extents->heads[found] == MAM_EXTENT_NONE) {
        found++;
    }
    if (found == MAM_EXTENT_ORDERS) {
        return MAM_EXTENT_NONE;
    }
    uint32_t first = extents->heads[found];
    unlink_run(extents, first);
    while (found > order) {
        found--;
        push(extents, first + (UINT32_C(1) << found), found);
    }
    MAM_ASSERT(extents->free_units >= UINT32_C(1) << order);
    extents->free_units -= UINT32_C(1) << order;
    return first;
}

void mam_extents_give(struct mam_extents *extents, uint32_t first, uint32_t count) {
    uint32_t order = order_of(count);
    MAM_ASSERT(first < extents->units && (first & ((UINT32_C(1) << order) - 1)) == 0);
    MAM_ASSERT(extents->links[first].free_order == 0);
    extents->free_units += UINT32_C(1) << order;
    MAM_ASSERT(extents->free_units <= extents->units);
    while ((UINT32_C(1) << order) < extents->units) {
        uint32_t buddy = first ^ (UINT32_C(1) << order);
        if (extents->links[buddy].free_order != order + 1) {
            break;
        }
        unlink_run(extents, buddy);
        first &= ~(UINT32_C(1) << order);
        order++;
    }
    push(extents, first, order);
}
