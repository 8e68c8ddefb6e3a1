/* CRC-32C (Castagnoli, RFC 3720 B.4): reflected polynomial 0x82F63B78, initial and final value inverted. */
#ifndef MAM_CRC32C_H
#define MAM_CRC32C_H

#include <stdint.h>

/* cdef: begin */
#define MAM_CRC32C_AUTOMATIC 0
#define MAM_CRC32C_PORTABLE 1
#define MAM_CRC32C_INSTRUCTIONS 2

/* The CRC of what `crc` stood for (0: nothing) followed by `length` bytes: crc(a || b) == crc(crc(0, a), b).
 */
uint32_t mam_crc32c(uint32_t crc, const uint8_t *data, uint64_t length);
/* For tests: asks for one implementation (MAM_CRC32C_…); returns the one that is now in use. */
int mam_crc32c_select(int implementation);
/* cdef: end */

#endif
