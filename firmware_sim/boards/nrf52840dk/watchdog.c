/* The watchdog, 8.2 s of the 32,768 Hz oscillator, which it starts by itself: longer than what is waited
   for an erase (5 s) and than the longest refits, and short enough that a hang heals by itself. */
#include "board.h"
#include "registers.h"

void board_watchdog_start(void)
{
    WDT_CONFIG = 1; /* runs while the processor sleeps, and stands while a debugger stops it */
    WDT_CRV = 268697u;
    WDT_RREN = 1;
    WDT_START = 1;
    board_watchdog_feed();
}

void board_watchdog_feed(void)
{
    WDT_RR0 = WDT_RELOAD;
}
