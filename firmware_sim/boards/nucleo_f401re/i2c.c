/* I2C 1 at 400 kHz on PB8 (clock) and PB9 (data), by polling; every wait is bounded. */
#include "board.h"
#include "registers.h"

enum {
    PATIENCE = 20000, /* turns, some ms; a byte takes 23 us */
    CR1_ON = 1 << 0,
    CR1_START = 1 << 8,
    CR1_STOP = 1 << 9,
    CR1_ACK = 1 << 10,
    CR1_RESET = 1 << 15,
    SR1_STARTED = 1 << 0,
    SR1_ADDRESSED = 1 << 1,
    SR1_FINISHED = 1 << 2,
    SR1_RECEIVED = 1 << 6,
    SR1_SENDABLE = 1 << 7,
    SR1_NO_ANSWER = 1 << 10,
};

static uint32_t apb1;

/* A sensor that was being read when the processor was reset may hold the data line until it
   has been clocked through the rest of its byte. */
static void free_bus(void)
{
    GPIO_BSRR(GPIO_B) = 3u << 8;
    GPIO_MODER(GPIO_B) = (GPIO_MODER(GPIO_B) & ~0xF0000u) | 0x50000u;
    for (int i = 0; i < 9; i++) {
        GPIO_BSRR(GPIO_B) = 1u << 24;
        board_wait(5);
        GPIO_BSRR(GPIO_B) = 1u << 8;
        board_wait(5);
    }
}

void board_i2c_start(void)
{
    apb1 = board_clock_of_apb1();
    RCC_AHB1ENR |= 2u;
    RCC_APB1ENR |= APB1_I2C1;
    AFTER_CLOCK_ON();
    GPIO_OTYPER(GPIO_B) |= 3u << 8;
    GPIO_PUPDR(GPIO_B) = (GPIO_PUPDR(GPIO_B) & ~0xF0000u) | 0x50000u;
    GPIO_AFRH(GPIO_B) = (GPIO_AFRH(GPIO_B) & ~0xFFu) | 0x44u;
    free_bus();
    GPIO_MODER(GPIO_B) = (GPIO_MODER(GPIO_B) & ~0xF0000u) | 0xA0000u;
    I2C1_CR1 = CR1_RESET;
    I2C1_CR1 = 0;
    I2C1_CR2 = apb1 / 1000000u;
    I2C1_CCR = (1u << 15) | (apb1 + 1199999u) / 1200000u; /* fast mode, low twice as long as high */
    I2C1_TRISE = apb1 / 1000000u * 300u / 1000u + 1u;
    I2C1_CR1 = CR1_ON;
}

static int wait_for(uint32_t flag)
{
    for (int i = 0; i < PATIENCE; i++) {
        uint32_t status = I2C1_SR1;
        if (status & SR1_NO_ANSWER)
            return 0;
        if (status & flag)
            return 1;
    }
    return 0;
}

static int give_up(void)
{
    board_i2c_start();
    return 0;
}

static int begin(uint8_t address)
{
    for (int i = 0; i < PATIENCE && (I2C1_CR1 & CR1_STOP); i++)
        continue; /* the last transfer's stop is still on the wire */
    I2C1_CR1 |= CR1_START;
    if (!wait_for(SR1_STARTED))
        return 0;
    I2C1_DR = address;
    return wait_for(SR1_ADDRESSED);
}

static int put(uint8_t value)
{
    if (!wait_for(SR1_SENDABLE))
        return 0;
    I2C1_DR = value;
    return 1;
}

int board_i2c_write(uint8_t device, uint8_t reg, uint8_t value)
{
    if (!begin((uint8_t)(device << 1)))
        return give_up();
    (void)I2C1_SR2; /* reading SR1, then SR2, releases the clock */
    if (!put(reg) || !put(value) || !wait_for(SR1_FINISHED))
        return give_up();
    I2C1_CR1 |= CR1_STOP;
    return 1;
}

/* Read `n` registers, at least 2. While the last byte is shifted in, 22 us after the one before
   it was taken, the acknowledge must go off and the stop be asked for (RM0368, EV7_1); our
   interrupts take less. With one byte that would have to happen before it begins. */
int board_i2c_read(uint8_t device, uint8_t reg, uint8_t *bytes, size_t n)
{
    if (!begin((uint8_t)(device << 1)))
        return give_up();
    (void)I2C1_SR2;
    if (!put(reg) || !wait_for(SR1_FINISHED))
        return give_up();
    I2C1_CR1 |= CR1_ACK;
    if (!begin((uint8_t)(device << 1 | 1)))
        return give_up();
    (void)I2C1_SR2;
    for (size_t i = 0; i < n; i++) {
        if (i == n - 1)
            I2C1_CR1 = (I2C1_CR1 & ~(uint32_t)CR1_ACK) | CR1_STOP;
        if (!wait_for(SR1_RECEIVED))
            return give_up();
        bytes[i] = (uint8_t)I2C1_DR;
    }
    return 1;
}
