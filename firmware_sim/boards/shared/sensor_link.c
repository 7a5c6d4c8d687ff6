/* The sensor that is none: samples come from the host, over the link. */
#include "board.h"

int board_sensor_start(void)
{
    return 0;
}

void board_sensor_empty(void)
{
}

uint32_t board_sensor_lost(void)
{
    return 0;
}

int odl_sensor_read(int16_t *sample)
{
    (void)sample;
    return 0;
}
