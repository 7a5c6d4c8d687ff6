#include "core.h"
#include "odl_tables.h"

/* exp(-logit_below / 2**format) in Q15; 0 <= logit_below < 2**47, format 8 to 28.
 *
 * The exponent is cut to 1/256 and held below 16 (e**-16 < 2**-23 of one). Never rises with
 * logit_below. */
int32_t odl_exp_q15(int64_t logit_below, unsigned format)
{
    uint64_t steps = (uint64_t)logit_below >> (format - 8);
    uint32_t index = steps > 4095 ? 4095 : (uint32_t)steps;
    uint64_t product = (uint64_t)odl_exp_whole[index >> 8] * odl_exp_fraction[index & 255]; /* <= 2**45 */
    return (int32_t)((product + ((uint32_t)1 << 29)) >> 30);
}

/* Q15 probabilities of n logits (integers over 2**format), n 1 to 64.
 *
 * out[i] = (exp_i * 32768 + sum / 2) / sum. The largest logit gives exp 32768, so the sum lies
 * in [32768, 64 * 32768] and the dividend is at most 2**30 + 32 * 32768. */
void odl_softmax(const int64_t *logits, uint32_t n, unsigned format, int32_t *out)
{
    int64_t top = logits[0];
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > top)
            top = logits[i];
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = odl_exp_q15(top - logits[i], format);
        total += (uint32_t)out[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = (int32_t)(((uint32_t)out[i] * ODL_ONE + total / 2) / total);
}
