/* Timer 0 counts microseconds by itself. Timer 1 interrupts every millisecond: what it interrupts for
   while the processor stalls on flash is lost, so nothing is derived from the number of its ticks. */
#include "board.h"
#include "registers.h"

enum { MICROS = 0, TICK = 1 };

static void start(unsigned timer)
{
    TIMER_BITMODE(timer) = TIMER_32_BITS;
    TIMER_PRESCALER(timer) = TIMER_1_MHZ;
    TIMER_START(timer) = 1;
}

void board_time_start(void)
{
    start(MICROS);
    TIMER_CC(TICK, 0) = 1000;
    TIMER_SHORTS(TICK) = TIMER_CLEAR_ON_COMPARE;
    TIMER_INTENSET(TICK) = TIMER_ON_COMPARE;
    start(TICK);
    NVIC_ISER(0) = 1u << TIMER1_IRQ;
}

/* An interrupt between the two lines captures a later time, which is as right. */
uint32_t odl_board_micros(void)
{
    TIMER_CAPTURE(MICROS, 0) = 1;
    return TIMER_CC(MICROS, 0);
}

void board_timer_interrupt(void)
{
    TIMER_COMPARED(TICK) = 0;
    (void)TIMER_COMPARED(TICK); /* it has reached the timer before the handler ends */
    board_tick();
}
