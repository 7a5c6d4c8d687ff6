/* Why the processor started: flags that stay until they are cleared. None: the power came on. */
#include "board.h"
#include "registers.h"

int board_reset_flags(void)
{
    uint32_t flags = POWER_RESETREAS;

    POWER_RESETREAS = flags; /* written ones clear */
    if (flags & RESETREAS_WATCHDOG)
        return BOARD_RESET_WATCHDOG;
    if (flags & RESETREAS_LOCKUP)
        return BOARD_RESET_FAULT;
    if (flags & RESETREAS_SOFTWARE)
        return BOARD_RESET_SOFTWARE;
    return flags & RESETREAS_PIN ? BOARD_RESET_PIN : BOARD_RESET_POWER;
}
