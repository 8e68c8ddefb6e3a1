/*
 * Rounding `carry` against adversaries: how far can a member's cumulative deviation be driven? Prints, per
 * adversary, the largest deviation in steps; aborts when one passes the bound of docs/allocation.md, (n - 1)
 * / 2. carry_bound ORDERS SEED
 */
#include "allocate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assert.h"

#define MEMBERS 64

static uint64_t state;

static uint64_t draw(uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

struct book {
    uint32_t count;
    uint64_t login[MEMBERS];
    int64_t weight[MEMBERS], carry[MEMBERS];
    int64_t quota[MEMBERS], floor_volume[MEMBERS], remainder[MEMBERS], result[MEMBERS];
    uint16_t excluded[MEMBERS], reason[MEMBERS];
    uint8_t capped[MEMBERS];
};

/* The adversary sees the carries, and sets weights, who takes part, and the volume (which it returns). */
typedef int64_t (*adversary)(struct book *book);

/* The same weights and volume for ever. */
static int64_t constant(struct book *book) {
    for (uint32_t i = 0; i < book->count; i++) {
        book->weight[i] = 1 + (int64_t)(i * i);
    }
    return 7;
}

static int64_t random_weights(struct book *book) {
    for (uint32_t i = 0; i < book->count; i++) {
        book->weight[i] = (int64_t)draw(1000);
        book->excluded[i] = draw(4) == 0;
    }
    book->weight[0] = 1;
    book->excluded[0] = 0;
    return 1 + (int64_t)draw(100);
}

/* The cup game's: equal shares among those that are owed most, and the set shrinks with every order. */
static int64_t most_owed(struct book *book) {
    static uint32_t size = 0;
    size = size <= 2 ? book->count : size - 1;
    for (uint32_t i = 0; i < book->count; i++) {
        uint32_t more = 0;
        for (uint32_t j = 0; j < book->count; j++) {
            more += book->carry[j] > book->carry[i] || (book->carry[j] == book->carry[i] && j < i);
        }
        book->weight[i] = 1;
        book->excluded[i] = more >= size;
    }
    return 1;
}

/* Two that are near to each other in the order of carries, at random: the car pool's. */
static int64_t pairs(struct book *book) {
    uint32_t rank = (uint32_t)draw(book->count - 1);
    for (uint32_t i = 0; i < book->count; i++) {
        uint32_t more = 0;
        for (uint32_t j = 0; j < book->count; j++) {
            more += book->carry[j] > book->carry[i] || (book->carry[j] == book->carry[i] && j < i);
        }
        book->weight[i] = 1;
        book->excluded[i] = more != rank && more != rank + 1;
    }
    return 1;
}

/* Always the two whose carries are equal or closest: pushes the sorted carries into a staircase. */
static int64_t closest_pair(struct book *book) {
    uint32_t a = 0;
    uint32_t b = 1;
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < book->count; i++) {
        for (uint32_t j = i + 1; j < book->count; j++) {
            int64_t gap = llabs(book->carry[i] - book->carry[j]);
            if (gap < least || (gap == least && draw(2) == 0)) {
                least = gap;
                a = i;
                b = j;
            }
        }
    }
    for (uint32_t i = 0; i < book->count; i++) {
        book->weight[i] = 1;
        book->excluded[i] = i != a && i != b;
    }
    return 1;
}

static int64_t play(struct book *book, adversary choose, void *scratch) {
    memset(book->excluded, 0, sizeof book->excluded);
    struct mam_allocation a = {.count = book->count,
                               .rounding = MAM_ROUNDING_CARRY,
                               .volume = choose(book),
                               .step = 1,
                               .minimum = 1,
                               .overflow_index = UINT32_MAX,
                               .login = book->login,
                               .weight = book->weight,
                               .excluded = book->excluded,
                               .carry = book->carry,
                               .quota = book->quota,
                               .floor_volume = book->floor_volume,
                               .remainder = book->remainder,
                               .result = book->result,
                               .reason = book->reason,
                               .capped = book->capped};
    MAM_ASSERT(mam_allocate(&a, scratch) == MAM_REASON_NONE);
    int64_t widest = 0;
    int64_t sum = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        sum += book->carry[i];
        widest = llabs(book->carry[i]) > widest ? llabs(book->carry[i]) : widest;
    }
    MAM_ASSERT(sum == 0);
    MAM_ASSERT(2 * widest <= (int64_t)(book->count - 1) * MAM_CARRY_ONE);
    return widest;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        adversary choose;
    } adversaries[] = {{"constant", constant},
                       {"random", random_weights},
                       {"most_owed", most_owed},
                       {"pairs", pairs},
                       {"closest_pair", closest_pair}};
    static struct book book;
    long orders = argc > 1 ? atol(argv[1]) : 20000;
    void *scratch = malloc(mam_scratch_size(MEMBERS));
    MAM_ASSERT(scratch != NULL);
    for (size_t which = 0; which < sizeof adversaries / sizeof *adversaries; which++) {
        for (uint32_t count = 2; count <= MEMBERS; count *= 2) {
            memset(&book, 0, sizeof book);
            state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252u;
            book.count = count;
            for (uint32_t i = 0; i < count; i++) {
                book.login[i] = i + 1;
            }
            int64_t widest = 0;
            for (long n = 0; n < orders; n++) {
                int64_t now = play(&book, adversaries[which].choose, scratch);
                widest = now > widest ? now : widest;
            }
            printf("%s %u %lld.%03lld\n", adversaries[which].name, count, (long long)(widest / MAM_CARRY_ONE),
                   (long long)(widest % MAM_CARRY_ONE * 1000 / MAM_CARRY_ONE));
        }
    }
    free(scratch);
    return 0;
}
