/* The registers of the STM32F401 that this board uses, named as in its reference manual
   (RM0368), and those of the Cortex-M4 (ARM DDI 0439). Nothing else is declared. */
#ifndef BOARD_REGISTERS_H
#define BOARD_REGISTERS_H

#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

/* Core: SysTick, interrupt controller, system control. */
#define SYST_CSR REG32(0xE000E010u) /* 0 enable, 1 interrupt, 2 core clock */
#define SYST_RVR REG32(0xE000E014u)
#define SYST_CVR REG32(0xE000E018u)
#define NVIC_ISER(n) REG32(0xE000E100u + 4u * (n))
#define SCB_AIRCR REG32(0xE000ED0Cu)
#define AIRCR_RESET 0x05FA0004u /* key and SYSRESETREQ */

/* Clocks and power. */
#define RCC_CR REG32(0x40023800u)
#define RCC_PLLCFGR REG32(0x40023804u)
#define RCC_CFGR REG32(0x40023808u)
#define RCC_AHB1ENR REG32(0x40023830u)
#define RCC_APB1ENR REG32(0x40023840u)
#define RCC_CSR REG32(0x40023874u)
/* What has just been given its clock ignores a few cycles of writes (ST's errata sheet of the F401,
   "Delay after an RCC peripheral clock enabling"; of the ways round it that are named there, reading
   back has been seen to fail on a relative). */
#define AFTER_CLOCK_ON() __asm__ volatile("dsb" ::: "memory")
#define CR_PLL_ON (1u << 24)
#define CR_PLL_READY (1u << 25)
#define CFGR_SWITCH_MASK (3u << 2)
#define CFGR_SWITCHED_TO_PLL (2u << 2)
#define APB1_TIM2 (1u << 0)
#define APB1_USART2 (1u << 17)
#define APB1_I2C1 (1u << 21)
#define APB1_PWR (1u << 28)
#define CSR_LSI_ON (1u << 0)
#define CSR_CLEAR_FLAGS (1u << 24)
#define CSR_PIN (1u << 26)
#define CSR_POWER (1u << 27)
#define CSR_SOFTWARE (1u << 28)
#define CSR_WATCHDOG (1u << 29)
#define PWR_CR REG32(0x40007000u)

/* Pins. */
#define GPIO_A 0x40020000u
#define GPIO_B 0x40020400u
#define GPIO_C 0x40020800u
#define GPIO_MODER(port) REG32((port) + 0x00u)
#define GPIO_OTYPER(port) REG32((port) + 0x04u)
#define GPIO_PUPDR(port) REG32((port) + 0x0Cu)
#define GPIO_IDR(port) REG32((port) + 0x10u)
#define GPIO_BSRR(port) REG32((port) + 0x18u)
#define GPIO_AFRL(port) REG32((port) + 0x20u)
#define GPIO_AFRH(port) REG32((port) + 0x24u)

/* Serial line. */
#define USART2_SR REG32(0x40004400u)
#define USART2_DR REG32(0x40004404u)
#define USART2_BRR REG32(0x40004408u)
#define USART2_CR1 REG32(0x4000440Cu)
#define SR_OVERRUN (1u << 3)
#define SR_RECEIVED (1u << 5)
#define SR_SENDABLE (1u << 7)
#define CR1_RECEIVE (1u << 2)
#define CR1_TRANSMIT (1u << 3)
#define CR1_ON_RECEIVED (1u << 5)
#define CR1_ON_SENDABLE (1u << 7)
#define CR1_ENABLE (1u << 13)
#define USART2_IRQ 38u

/* Timer 2, 32 bits. */
#define TIM2_CR1 REG32(0x40000000u)
#define TIM2_EGR REG32(0x40000014u)
#define TIM2_CNT REG32(0x40000024u)
#define TIM2_PSC REG32(0x40000028u)
#define TIM2_ARR REG32(0x4000002Cu)

/* Independent watchdog. */
#define IWDG_KR REG32(0x40003000u)
#define IWDG_PR REG32(0x40003004u)
#define IWDG_RLR REG32(0x40003008u)
#define IWDG_SR REG32(0x4000300Cu)

/* Flash controller. */
#define FLASH_ACR REG32(0x40023C00u)
#define FLASH_KEYR REG32(0x40023C04u)
#define FLASH_SR REG32(0x40023C0Cu)
#define FLASH_CR REG32(0x40023C10u)
#define FLASH_BUSY (1u << 16)
#define FLASH_ERRORS 0xF2u /* WRPERR, PGAERR, PGPERR, PGSERR, OPERR */
#define FLASH_PROGRAM (1u << 0)
#define FLASH_ERASE (1u << 1)
#define FLASH_WORDS (2u << 8) /* 32 bits at a time */
#define FLASH_START (1u << 16)
#define FLASH_LOCK (1u << 31)

/* I2C 1. */
#define I2C1_CR1 REG32(0x40005400u)
#define I2C1_CR2 REG32(0x40005404u)
#define I2C1_DR REG32(0x40005410u)
#define I2C1_SR1 REG32(0x40005414u)
#define I2C1_SR2 REG32(0x40005418u)
#define I2C1_CCR REG32(0x4000541Cu)
#define I2C1_TRISE REG32(0x40005420u)

/* Handlers of interrupts, for the vector table. */
void board_systick(void);
void board_uart_interrupt(void);
#define BOARD_SYSTICK board_systick
#define BOARD_IRQS 85
#define BOARD_HANDLERS [USART2_IRQ] = board_uart_interrupt

/* clock.c: hertz; 16 MHz if the PLL stays away */
uint32_t board_clock_of_core(void);
uint32_t board_clock_of_apb1(void);

#endif
