/* From reset to main, and back after a fault. */
#include "board.h"
#include "registers.h"

extern uint32_t _stack_limit, _stack_top;
extern const uint32_t _data_source;
extern uint32_t _data_start, _data_end, _bss_start, _bss_end;

int main(void);
void board_reset(void);
void board_fault(void);
void board_fault_record(const uint32_t *frame);

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler system[15];
    handler irq[BOARD_IRQS];
} vectors = {
    &_stack_top,
    {board_reset, board_fault, board_fault, board_fault, board_fault, board_fault, 0, 0, 0, 0,
     board_fault, board_fault, 0, board_fault, BOARD_SYSTICK},
    {BOARD_HANDLERS},
};

/* Survives a reset, so what a fault leaves here is found at the next start. */
#define FAULT_MARK 0xFA171C0Du
__attribute__((section(".noinit"))) static volatile uint32_t fault_mark, fault_address;

static int cause;
static uint32_t address;

/* The stack is filled with a pattern so that its deepest use can be read off later. Volatile,
   so that the compiler makes no call of memset of a loop that overwrites the stack. */
void board_reset(void)
{
    volatile uint32_t *p;
    const uint32_t *from = &_data_source;
    volatile uint32_t *here;

    __asm__ volatile("mov %0, sp" : "=r"(here));
    for (p = &_stack_limit; p < here; p++)
        *p = 0xC5C5C5C5u;
    for (p = &_data_start; p < &_data_end; p++)
        *p = *from++;
    for (p = &_bss_start; p < &_bss_end; p++)
        *p = 0;
    main();
    board_restart();
}

/* The stack pointer at a fault is the frame that the processor pushed. The stack may be what
   ran out, so the handler takes it from the top: nobody goes back. */
__attribute__((naked)) void board_fault(void)
{
    __asm__ volatile("mov r0, sp\n"
                     "movw r1, #:lower16:_stack_top\n"
                     "movt r1, #:upper16:_stack_top\n"
                     "mov sp, r1\n"
                     "b board_fault_record\n");
}

__attribute__((used)) void board_fault_record(const uint32_t *frame)
{
    /* The fault may be the stack running out: then there is no frame to read. */
    int readable = frame >= &_stack_limit && frame + 8 <= &_stack_top;

    fault_mark = FAULT_MARK;
    fault_address = readable ? frame[6] : 0;
    board_restart();
}

void board_restart(void)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;)
        __asm__ volatile("nop");
}

static void find_cause(void)
{
    int flags = board_reset_flags();

    cause = fault_mark == FAULT_MARK ? BOARD_RESET_FAULT : flags;
    address = cause == BOARD_RESET_FAULT ? fault_address : 0;
    fault_mark = 0;
}

int board_reset_cause(void)
{
    return cause;
}

uint32_t board_fault_address(void)
{
    return address;
}

void board_start(void)
{
    board_clock_start();
    find_cause();
    board_time_start();
    board_uart_start();
    board_pins_start();
    board_watchdog_start();
    __asm__ volatile("cpsie i" ::: "memory");
}

/* A byte that comes between the question and WFI waits for the next tick, at most 1 ms. */
void board_idle(void)
{
    board_watchdog_feed();
    if (board_line_waiting() == 0)
        __asm__ volatile("wfi" ::: "memory");
}

void board_tick(void)
{
    board_button_poll(odl_board_micros());
}

/* Bounded by turns as well, should the timer stand still. */
void board_wait(uint32_t micros)
{
    uint32_t start = odl_board_micros();

    for (uint32_t turns = 0; turns < 100u * micros && odl_board_micros() - start < micros; turns++)
        __asm__ volatile("nop");
}
