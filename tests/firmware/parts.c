/* A main program that only waits: the tests call the board's functions one by one. */
#include <string.h>

#include "board.h"
#include "odl.h"

#undef memset

odl_log_entry given;
int16_t sample[ODL_CHANNELS];
odl_session session;
uint8_t piece[512];
static volatile uint8_t wanted;

/* Kept by the linker because main could call them. */
static const void *const parts[] = {
    (const void *)board_log_open,      (const void *)odl_board_compact, (const void *)odl_log_append,
    (const void *)odl_log_remove,      (const void *)odl_log_clear,
    (const void *)odl_log_at,          (const void *)odl_sensor_read,   (const void *)board_sensor_start,
    (const void *)board_flash_program, (const void *)board_flash_erase, (const void *)memset,            &given,
    (const void *)odl_board_upload,    (const void *)odl_board_install, (const void *)board_slots_open,
    (const void *)board_slots_settle,  sample,                          &session,
    piece,                             (const void *)board_sensor_empty,
};

int main(void)
{
    board_start();
    for (;;) {
        if (wanted)
            odl_board_write((const uint8_t *)&parts[wanted], 4);
        board_idle();
    }
}
