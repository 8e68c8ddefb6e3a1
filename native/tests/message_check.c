/* Reads framed bytes (uint32 length, then that many); prints what mam_message_check says: "reason field". */
#include <stdio.h>
#include <stdlib.h>

#include <mam/messages.h>

int main(void) {
    uint32_t length = 0;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        uint8_t *bytes = (uint8_t *)malloc(length); /* of that size: a sanitizer sees one byte too many */
        if (length > 0 && (bytes == NULL || fread(bytes, length, 1, stdin) != 1)) {
            return 1;
        }
        uint16_t field = 7;
        enum mam_reason reason = mam_message_check(bytes, length, &field);
        printf("%d %d\n", (int)reason, (int)field);
        free(bytes);
    }
    return 0;
}
