/* The independent watchdog, about 8 s from its own 32 kHz oscillator: longer than the longest
   erase (4 s) and the longest refit, short enough that a hang heals by itself. */
#include "board.h"
#include "registers.h"

void board_watchdog_start(void)
{
    IWDG_KR = 0xCCCCu; /* start; switches its oscillator on as well */
    IWDG_KR = 0x5555u;
    IWDG_PR = 4; /* 32 kHz / 64 */
    IWDG_RLR = 0xFFFu;
    board_watchdog_feed();
}

void board_watchdog_feed(void)
{
    IWDG_KR = 0xAAAAu;
}
