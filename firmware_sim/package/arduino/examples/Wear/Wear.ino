// The session on the board: its sensor, a light, a button, and the serial line to a host.
// What depends on your board is in board.h. With a host: odl live --port auto
#include <odl_wear.h>

#include "board.h"

void setup() {
  board_start();
  if (odl_wear_start(&board) != 0) {
    for (;;) {  // the model image cannot be used: a quick blink
      board_light(millis() / 128 % 2);
    }
  }
}

void loop() {
  odl_wear_step();
}
