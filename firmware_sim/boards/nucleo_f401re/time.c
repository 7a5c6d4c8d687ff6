/* Time is TIM2, which counts microseconds by itself: ticks of SysTick are lost whenever the
   processor stalls on flash, so nothing is derived from their number. */
#include "board.h"
#include "registers.h"

void board_time_start(void)
{
    uint32_t core_hz = board_clock_of_core();

    RCC_APB1ENR |= APB1_TIM2;
    AFTER_CLOCK_ON();
    TIM2_PSC = core_hz / 1000000u - 1u; /* timers run at the core clock */
    TIM2_ARR = 0xFFFFFFFFu;
    TIM2_EGR = 1; /* loads the prescaler */
    TIM2_CR1 = 1;

    SYST_RVR = core_hz / 1000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

uint32_t odl_board_micros(void)
{
    return TIM2_CNT;
}

void board_systick(void)
{
    board_tick();
}
