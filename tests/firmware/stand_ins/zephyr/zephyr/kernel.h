/* Stand-ins with the signatures of Zephyr 3.7's documentation, to compile a sample's source against. */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
typedef struct { int64_t ticks; } k_timeout_t;
#define K_USEC(n) ((k_timeout_t){n})
int32_t k_sleep(k_timeout_t timeout);
int64_t k_uptime_ticks(void);
uint64_t k_ticks_to_us_floor64(uint64_t ticks);
