/* Assertions that stay on in release: a broken assumption ends the process before it can do harm. */
#ifndef MAM_ASSERT_H
#define MAM_ASSERT_H

#include <stdio.h>
#include <stdlib.h>

#define MAM_ASSERT(expression)                                                                               \
    do {                                                                                                     \
        if (__builtin_expect(!(expression), 0)) {                                                            \
            fprintf(stderr, "mam: assertion failed at %s:%d: %s\n", __FILE__, __LINE__, #expression);        \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
