/* What the three targets share: a small model, a fresh session for each input, a reader of that input. */
#ifndef ODL_FUZZ_H
#define ODL_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "host.h"

/* The input, taken from the front; what is read beyond its end is 0. */
typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_input;

static inline uint8_t fuzz_u8(fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left -= 1;
    return *in->at++;
}

static inline uint64_t fuzz_number(fuzz_input *in, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)fuzz_u8(in) << (8 * i);
    return value;
}

static inline size_t fuzz_bytes(fuzz_input *in, uint8_t *to, size_t n)
{
    if (n > in->left)
        n = in->left;
    memcpy(to, in->at, n);
    in->at += n;
    in->left -= n;
    return n;
}

static inline void fuzz_need(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "broken promise: %s\n", what);
        abort();
    }
}

extern uint8_t *fuzz_model; /* a sound image of fuzz_model_size bytes */
extern size_t fuzz_model_size;
extern odl_session fuzz_opened; /* a session whose image is open */

/* An empty log, and outputs that nobody takes. */
void fuzz_start(odl_session *session);

/* What holds at any moment, whatever came before; of a `whole` session, which took no log over, the
   counters too. */
void fuzz_check(const odl_session *session, int whole);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
