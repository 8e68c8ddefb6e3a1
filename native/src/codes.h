/* Return codes of MT5, MT4 and of LPs that use MT5's: what each means for us (docs/developer.md). */
#ifndef MAM_CODES_H
#define MAM_CODES_H

#include <stdint.h>

/* cdef: begin */
enum mam_code_table { MAM_CODES_MT5 = 0, MAM_CODES_MT4 = 1 };

enum mam_code_class {
    MAM_CODE_DONE = 0,
    MAM_CODE_PROGRESS = 1, /* no outcome yet */
    MAM_CODE_PRICE = 2,    /* may be tried again within the deviation */
    MAM_CODE_BUSY = 3,     /* may be tried again later */
    MAM_CODE_UNKNOWN = 4,  /* outcome unknown: reconcile, never send again; also every code not listed */
    MAM_CODE_REJECTED = 5,
    MAM_CODE_CLOSED = 6,  /* market closed */
    MAM_CODE_ACCOUNT = 7, /* final for this account */
    MAM_CODE_STATE = 8,   /* the server's state is another: read it again */
    MAM_CODE_CONFIG = 9,  /* a person must correct something */
};

/* The class of a code; a code that the table does not have is MAM_CODE_UNKNOWN. */
enum mam_code_class mam_code_class(enum mam_code_table table, uint32_t code);
/* cdef: end */

/* The class of an LP's rejection. LPs have codes of their own: one that MT5 does not have is
 * MAM_CODE_REJECTED. */
enum mam_code_class mam_rejection_class(uint32_t code);

#endif
