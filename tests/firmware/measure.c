/* Further commands of echo.c, on an STM32: a known piece of work, measured. */
#include "board.h"
#include "echo.h"
#include "registers.h"

static int quiet;
uint32_t work(uint32_t n);

/* Flags, carries, conditional instructions, loads and stores: what an interrupt in the wrong
   place would spoil. */
static uint32_t table[16];
__attribute__((noinline)) uint32_t work(uint32_t n)
{
    uint64_t state = 88172645463325252u;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        table[state & 15u] += (uint32_t)(state >> 40);
        if (state & 64u)
            sum += table[state >> 5 & 15u];
        else
            sum ^= (uint32_t)state;
    }
    return sum;
}

/* n, counted by a loop that keeps the flags over a jump, where an interrupt may come. */
__attribute__((noinline)) static uint32_t flags_over_a_jump(uint32_t n)
{
    uint32_t count = 0;

    __asm__ volatile("1: cmp %1, %1\n"
                     "b 2f\n"
                     "2: bne 3f\n"
                     "adds %0, %0, #1\n"
                     "3: subs %1, %1, #1\n"
                     "bne 1b\n"
                     : "+r"(count), "+r"(n)
                     :
                     : "cc");
    return count;
}

int echo_more(uint8_t command)
{
    switch (command) {
    case 12: /* no ticks while measuring */
        quiet = 1;
        return 1;
    case 11: /* instructions of a known piece of work, where an instruction is a cycle */
    {
        uint32_t ticking = SYST_CSR;
        SYST_CSR = quiet ? 0 : ticking;
        TIM2_PSC = 0;
        TIM2_EGR = 1;
        uint32_t start = TIM2_CNT;
        uint32_t sum = work(20000);
        say_number(TIM2_CNT - start);
        say_number(sum);
        SYST_CSR = ticking;
        return 1;
    }
    case 13:
        say_number(flags_over_a_jump(30000));
        return 1;
    default:
        return 0;
    }
}
