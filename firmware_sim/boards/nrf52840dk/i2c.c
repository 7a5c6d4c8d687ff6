/* Two-wire interface 0 at 400 kHz on P0.27 (clock) and P0.26 (data), by polling; every wait is bounded. */
#include "board.h"
#include "registers.h"

enum { SDA = 26, SCL = 27, PATIENCE = 20000 }; /* turns, some ms; a byte takes 23 us */

/* A sensor that was being read when the processor was reset may hold the data line until it
   has been clocked through the rest of its byte. */
static void free_bus(void)
{
    P0_OUTSET = 1u << SCL;
    P0_DIRSET = 1u << SCL;
    for (int i = 0; i < 9; i++) {
        P0_OUTCLR = 1u << SCL;
        board_wait(5);
        P0_OUTSET = 1u << SCL;
        board_wait(5);
    }
    P0_DIRCLR = 1u << SCL;
}

void board_i2c_start(void)
{
    TWI_ENABLE = 0;
    P0_PIN_CNF(SCL) = PIN_OPEN_DRAIN;
    P0_PIN_CNF(SDA) = PIN_OPEN_DRAIN;
    free_bus();
    TWI_PSELSCL = SCL;
    TWI_PSELSDA = SDA;
    TWI_FREQUENCY = TWI_400_KHZ;
    TWI_ENABLE = TWI_ENABLED;
}

static int wait_for(volatile uint32_t *event)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (TWI_ERROR)
            return 0;
        if (*event) {
            *event = 0;
            return 1;
        }
    }
    return 0;
}

static int give_up(void)
{
    TWI_SHORTS = 0;
    TWI_STOP = 1;
    TWI_ERRORSRC = TWI_ERRORSRC; /* written ones clear */
    TWI_ERROR = 0;
    board_i2c_start();
    return 0;
}

static int put(uint8_t value)
{
    TWI_TXD = value;
    return wait_for(&TWI_TXDSENT);
}

static int begin(uint8_t device, uint8_t reg)
{
    TWI_TXDSENT = TWI_RXDREADY = TWI_STOPPED = TWI_ERROR = 0;
    TWI_SHORTS = 0;
    TWI_ADDRESS = device;
    TWI_STARTTX = 1;
    return put(reg);
}

int board_i2c_write(uint8_t device, uint8_t reg, uint8_t value)
{
    if (!begin(device, reg) || !put(value))
        return give_up();
    TWI_STOP = 1;
    return wait_for(&TWI_STOPPED) || give_up();
}

/* The bus is held after each byte until it was read, and stops by itself after the last. */
int board_i2c_read(uint8_t device, uint8_t reg, uint8_t *bytes, size_t n)
{
    if (!begin(device, reg))
        return give_up();
    for (size_t i = 0; i < n; i++) {
        TWI_SHORTS = i == n - 1 ? TWI_STOP_ON_BYTE : TWI_SUSPEND_ON_BYTE;
        if (i == 0)
            TWI_STARTRX = 1;
        else
            TWI_RESUME = 1;
        if (!wait_for(&TWI_RXDREADY))
            return give_up();
        bytes[i] = (uint8_t)TWI_RXD;
    }
    return wait_for(&TWI_STOPPED) || give_up();
}
