/* Stand-ins with the signatures of ESP-IDF 5.1's documentation, to compile an example's source against. */
#pragma once
#include <stdint.h>
typedef uint32_t TickType_t;
#define pdMS_TO_TICKS(ms) ((TickType_t)(ms))
