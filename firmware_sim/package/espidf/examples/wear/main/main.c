/* The session on the board: its sensor, a light, a button, and the serial line to a host.
   What depends on your board is in board.h. With a host: odl live --port auto */
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include <odl_wear.h>

#include "board.h"

void app_main(void)
{
    board_start();
    if (odl_wear_start(&board) != 0)
        return; /* the model image cannot be used */
    for (;;) {
        odl_wear_step();
        vTaskDelay(1);
    }
}
