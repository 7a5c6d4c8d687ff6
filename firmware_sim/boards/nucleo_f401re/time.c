/* Time is TIM2, which counts microseconds by itself: ticks of SysTick are lost whenever the
   processor stalls on flash, so nothing is derived from their number. */
#include "board.h"
#include "registers.h"

void board_systick(void);

void board_time_start(uint32_t core_hz)
{
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

/* Bounded by turns as well, should the timer stand still. */
void board_wait(uint32_t micros)
{
    uint32_t start = odl_board_micros();

    for (uint32_t turns = 0; turns < 100u * micros && odl_board_micros() - start < micros; turns++)
        __asm__ volatile("nop");
}

void board_systick(void)
{
    board_button_poll(odl_board_micros());
}
