/* Why the processor started: the flags that RCC keeps. */
#include "board.h"
#include "registers.h"

int board_reset_flags(void)
{
    uint32_t flags = RCC_CSR;

    RCC_CSR |= CSR_CLEAR_FLAGS;
    if (flags & CSR_WATCHDOG)
        return BOARD_RESET_WATCHDOG;
    if (flags & CSR_POWER)
        return BOARD_RESET_POWER;
    return flags & CSR_SOFTWARE ? BOARD_RESET_SOFTWARE : BOARD_RESET_PIN;
}
