/* 64 MHz, from the board's 32 MHz crystal. The wait is bounded: without the crystal the processor runs
   from its internal oscillator, at the same frequency, but less exactly. */
#include "board.h"
#include "registers.h"

enum { PATIENCE = 100000 }; /* turns, some ms; the crystal starts within 0.4 ms */

void board_clock_start(void)
{
    POWER_DCDCEN = 1; /* the board has the coil for it: half the current */
    NVMC_ICACHECNF = 1;
    CLOCK_HFCLKSTART = 1;
    for (int i = 0; i < PATIENCE && CLOCK_HFCLKSTARTED == 0; i++)
        continue;
}
