#include "core.h"

/* xorshift64 (Marsaglia 2003, triple 13, 7, 17); never 0 from a state that is not 0. */
uint64_t odl_next_state(uint64_t state)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^ (state << 17);
}

/* A number in [0, n) from the state's upper half; n 1 to 2**31 - 1. */
uint32_t odl_below(uint64_t state, uint64_t n)
{
    return (uint32_t)(((state >> 32) * n) >> 32);
}

/* Shuffle order[0..n) in place (Fisher and Yates, from the end); the new state. */
uint64_t odl_shuffle(uint16_t *order, uint32_t n, uint64_t state)
{
    for (uint32_t i = n; i-- > 1;) {
        state = odl_next_state(state);
        uint32_t j = odl_below(state, i + 1);
        uint16_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    return state;
}
