/* The registers of the nRF52840 that this board uses, named as in its product specification, and those of
   the Cortex-M4 (ARM DDI 0439). Nothing else is declared. */
#ifndef BOARD_REGISTERS_H
#define BOARD_REGISTERS_H

#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

/* Core: interrupt controller, system control. */
#define NVIC_ISER(n) REG32(0xE000E100u + 4u * (n))
#define SCB_AIRCR REG32(0xE000ED0Cu)
#define AIRCR_RESET 0x05FA0004u /* key and SYSRESETREQ */

/* Clocks and power. */
#define CLOCK_HFCLKSTART REG32(0x40000000u)
#define CLOCK_HFCLKSTARTED REG32(0x40000100u)
#define POWER_RESETREAS REG32(0x40000400u)
#define POWER_DCDCEN REG32(0x40000578u)
#define RESETREAS_PIN (1u << 0)
#define RESETREAS_WATCHDOG (1u << 1)
#define RESETREAS_SOFTWARE (1u << 2)
#define RESETREAS_LOCKUP (1u << 3)

/* Pins of port 0. */
#define P0_OUTSET REG32(0x50000508u)
#define P0_OUTCLR REG32(0x5000050Cu)
#define P0_IN REG32(0x50000510u)
#define P0_DIRSET REG32(0x50000518u)
#define P0_DIRCLR REG32(0x5000051Cu)
#define P0_PIN_CNF(pin) REG32(0x50000700u + 4u * (pin))
#define PIN_OUTPUT 3u               /* input buffer off */
#define PIN_INPUT 0u
#define PIN_INPUT_PULLED_UP (3u << 2)
#define PIN_OPEN_DRAIN (6u << 8 | 3u << 2) /* drives low only, pulled up; input on */

/* Serial line: the UART without DMA, which has a memory of 6 bytes. */
#define UART_STARTRX REG32(0x40002000u)
#define UART_STARTTX REG32(0x40002008u)
#define UART_RXDRDY REG32(0x40002108u)
#define UART_TXDRDY REG32(0x4000211Cu)
#define UART_ERROR REG32(0x40002124u)
#define UART_INTENSET REG32(0x40002304u)
#define UART_INTENCLR REG32(0x40002308u)
#define UART_ERRORSRC REG32(0x40002480u)
#define UART_ENABLE REG32(0x40002500u)
#define UART_PSELTXD REG32(0x4000250Cu)
#define UART_PSELRXD REG32(0x40002514u)
#define UART_RXD REG32(0x40002518u)
#define UART_TXD REG32(0x4000251Cu)
#define UART_BAUDRATE REG32(0x40002524u)
#define UART_ON_RXDRDY (1u << 2)
#define UART_ON_TXDRDY (1u << 7)
#define UART_ON_ERROR (1u << 9)
#define UART_OVERRUN 1u
#define UART_115200 0x01D7E000u
#define UART_ENABLED 4u
#define UART_IRQ 2u

/* Timers, 32 bits: 0 counts microseconds, 1 ticks. */
#define TIMER_START(n) REG32(0x40008000u + 0x1000u * (n))
#define TIMER_CAPTURE(n, c) REG32(0x40008040u + 0x1000u * (n) + 4u * (c))
#define TIMER_COMPARED(n) REG32(0x40008140u + 0x1000u * (n))
#define TIMER_SHORTS(n) REG32(0x40008200u + 0x1000u * (n))
#define TIMER_INTENSET(n) REG32(0x40008304u + 0x1000u * (n))
#define TIMER_BITMODE(n) REG32(0x40008508u + 0x1000u * (n))
#define TIMER_PRESCALER(n) REG32(0x40008510u + 0x1000u * (n))
#define TIMER_CC(n, c) REG32(0x40008540u + 0x1000u * (n) + 4u * (c))
#define TIMER_CLEAR_ON_COMPARE 1u
#define TIMER_ON_COMPARE (1u << 16)
#define TIMER_32_BITS 3u
#define TIMER_1_MHZ 4u /* 16 MHz / 2^4 */
#define TIMER1_IRQ 9u

/* Watchdog. */
#define WDT_START REG32(0x40010000u)
#define WDT_CRV REG32(0x40010504u)
#define WDT_RREN REG32(0x40010508u)
#define WDT_CONFIG REG32(0x4001050Cu)
#define WDT_RR0 REG32(0x40010600u)
#define WDT_RELOAD 0x6E524635u

/* Flash controller. */
#define NVMC_READY REG32(0x4001E400u)
#define NVMC_CONFIG REG32(0x4001E504u)
#define NVMC_ERASEPAGE REG32(0x4001E508u)
#define NVMC_ICACHECNF REG32(0x4001E540u)
#define NVMC_READ 0u
#define NVMC_WRITE 1u
#define NVMC_ERASE 2u

/* Two-wire interface 0, without DMA. */
#define TWI_STARTRX REG32(0x40003000u)
#define TWI_STARTTX REG32(0x40003008u)
#define TWI_STOP REG32(0x40003014u)
#define TWI_RESUME REG32(0x40003020u)
#define TWI_STOPPED REG32(0x40003104u)
#define TWI_RXDREADY REG32(0x40003108u)
#define TWI_TXDSENT REG32(0x4000311Cu)
#define TWI_ERROR REG32(0x40003124u)
#define TWI_SHORTS REG32(0x40003200u)
#define TWI_ERRORSRC REG32(0x400034C4u)
#define TWI_ENABLE REG32(0x40003500u)
#define TWI_PSELSCL REG32(0x40003508u)
#define TWI_PSELSDA REG32(0x4000350Cu)
#define TWI_RXD REG32(0x40003518u)
#define TWI_TXD REG32(0x4000351Cu)
#define TWI_FREQUENCY REG32(0x40003524u)
#define TWI_ADDRESS REG32(0x40003588u)
#define TWI_SUSPEND_ON_BYTE 1u
#define TWI_STOP_ON_BYTE 2u
#define TWI_400_KHZ 0x06680000u
#define TWI_ENABLED 5u

/* Handlers of interrupts, for the vector table. SysTick stands still while this processor sleeps. */
void board_uart_interrupt(void);
void board_timer_interrupt(void);
#define BOARD_SYSTICK 0
#define BOARD_IRQS 48
#define BOARD_HANDLERS [UART_IRQ] = board_uart_interrupt, [TIMER1_IRQ] = board_timer_interrupt

#endif
