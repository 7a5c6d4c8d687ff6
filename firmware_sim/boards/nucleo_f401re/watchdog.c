/* The independent watchdog, 8.2 s from its own oscillator, which the data sheet gives as 32 kHz, but
   anywhere from 17 to 47: 5.6 s at least, longer than what is waited for an erase (5 s) and than the
   longest refits, and short enough that a hang heals by itself. */
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
