/* The session on the board: its sensor, a light, a button, and the serial line to a host.
   What depends on your board is in board.h. With a host: odl live --port auto */
#include <odl_wear.h>

#include "board.h"

int main(void)
{
	board_start();
	if (odl_wear_start(&board) != 0)
		return 1; /* the model image cannot be used */
	for (;;) {
		odl_wear_step();
		k_sleep(K_USEC(500));
	}
}
