/* libFuzzer target, the decoder of messages: clang -fsanitize=fuzzer,address,undefined -Inative/include. */
#include <stdlib.h>

#include <mam/messages.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint16_t field = 0;
    enum mam_reason reason = mam_message_check(data, (uint32_t)size, &field);
    if (reason == MAM_REASON_NONE && (size < sizeof(struct mam_header) || field != 0)) {
        abort();
    }
    if ((reason == MAM_REASON_OUT_OF_RANGE) != (field != 0)) {
        abort();
    }
    return 0;
}
