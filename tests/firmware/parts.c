/* A main program that only waits: the tests call the board's functions one by one. */
#include "board.h"
#include "odl.h"

__attribute__((used)) odl_log_entry given;
__attribute__((used)) int16_t sample[ODL_CHANNELS];
uint8_t spare[64];

/* Kept by the linker because main could call them. */
static const void *const parts[] = {
    (const void *)board_log_open,      (const void *)board_log_compact, (const void *)board_log_torn,
    (const void *)odl_log_append,      (const void *)odl_log_strike,    (const void *)odl_log_clear,
    (const void *)odl_log_at,          (const void *)odl_sensor_read,   (const void *)board_sensor_start,
    (const void *)board_flash_program, (const void *)board_flash_erase, (const void *)board_i2c_read,
    (const void *)board_i2c_write,
};

int main(void)
{
    board_start();
    for (;;) {
        if (spare[0] != 0)
            odl_board_write((const uint8_t *)&parts[spare[0] % (sizeof parts / sizeof parts[0])], 4);
        board_idle();
    }
}
