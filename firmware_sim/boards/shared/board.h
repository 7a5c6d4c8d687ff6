/* A board: what the main program and the core may ask of it.

   The core calls the functions that odl.h says a board supplies; all else is between the files of this
   folder, those of the board's own, and a main program. Times are microseconds of a counter that wraps
   after 71 minutes, so only differences mean anything. The board's own registers.h also says which
   handlers its interrupts have. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "board_places.h" /* written by the build: where log, images and marks lie in flash */
#include "odl.h"

enum {
    /* Powers of two. A host sends one frame and waits for the answer, so the ring only has to
       bridge what the main program does between two looks: 22 ms of a full line. */
    BOARD_RECEIVE_RING = 256,
    BOARD_TRANSMIT_RING = 128,
};

/* Why the processor started. */
enum {
    BOARD_RESET_POWER = 1,
    BOARD_RESET_PIN = 2,
    BOARD_RESET_SOFTWARE = 3,
    BOARD_RESET_WATCHDOG = 4,
    BOARD_RESET_FAULT = 5,
};

/* --- what each board's own folder has ------------------------------------------------ */

/* clock.c */
void board_clock_start(void);

/* reset.c: why the processor started, by its flags, which are cleared. */
int board_reset_flags(void);

/* time.c: microseconds, and a call of board_tick every millisecond, also while the processor sleeps. */
void board_time_start(void);
uint32_t odl_board_micros(void);

/* uart.c: 115200 baud, 8 bits, no parity, one byte at a time. Its interrupt hands what came to
   board_line_take, and calls board_line_send_next if the line can send and board_uart_notify asked for it. */
void board_uart_start(void);
int board_uart_sendable(void);
void board_uart_send(uint8_t byte);
void board_uart_notify(int on); /* interrupt when it is sendable */

/* pins.c: a button and a light. */
void board_pins_start(void);
int board_button_down(void);
void board_led(int on);

/* watchdog.c: it resets after 5.5 s at the earliest, and 20 s at the latest. */
void board_watchdog_start(void);
void board_watchdog_feed(void);

/* flash.c: places that each begin a unit of their own. Programming and erasing return 1, or 0
   if the controller refused or did not finish in time. */
enum {
    BOARD_FLASH_LOG = 0,   /* and 1: the banks of the label log */
    BOARD_FLASH_SLOT = 2,  /* and 3: the two places for a model image */
    BOARD_FLASH_MARKS = 4, /* which of them is in use: one unit */
};
#define BOARD_FLASH_ERASED 0xFFFFFFFFu
uintptr_t board_flash_bank(unsigned bank);
int board_flash_program(uintptr_t address, const void *words, size_t bytes);
int board_flash_erase(unsigned bank); /* from its first byte on, and perhaps not what is blank */

/* i2c.c, on a board with a bus for a sensor: 1, or 0 if the bus did not answer in time. */
void board_i2c_start(void);
int board_i2c_write(uint8_t device, uint8_t reg, uint8_t value);
int board_i2c_read(uint8_t device, uint8_t reg, uint8_t *bytes, size_t n);

/* --- what all boards share ------------------------------------------------------------ */

/* startup.c */
int board_reset_cause(void);
uint32_t board_fault_address(void); /* of the instruction, after BOARD_RESET_FAULT */
void board_restart(void);
void board_start(void); /* clock, time, serial line, button, LED, watchdog */
void board_idle(void);  /* sleeps until an interrupt if nothing was received */
void board_tick(void);
void board_wait(uint32_t micros);

/* line.c: a ring each way */
void board_line_take(uint8_t byte);
void board_line_lose(void); /* a byte came and could not be taken */
void board_line_send_next(void);
size_t board_line_read(uint8_t *bytes, size_t room);
size_t board_line_waiting(void);
uint32_t odl_board_missed(void); /* bytes that came and found no room */
void odl_board_write(const uint8_t *bytes, size_t n);

/* button.c */
void board_button_poll(uint32_t now);
/* Presses of a finished pattern (0: none), the last of them held long if *held is set. */
int board_button_pattern(int *held);

/* blank.c */
int board_flash_blank(uintptr_t address, size_t bytes);

/* log.c: the label log in flash */
uint32_t board_log_open(uint32_t image_checksum); /* number of entries found for this image */

/* slots.c: the model images in flash; odl_board_upload and odl_board_install are in odl.h */
int board_slots_open(odl_session *session); /* odl_open with the image in use, or with the other */
void board_slots_settle(void);              /* starts afresh if an image was installed */

/* sensor_link.c or sensor_lsm6dso.c, by the build */
int board_sensor_start(void);           /* 1, or 0 if there is none */
void board_sensor_empty(void);          /* what it has kept until now is forgotten */
int odl_sensor_read(int16_t *sample);   /* 1 if a new sample was there */
uint32_t board_sensor_lost(void);       /* how many were lost right before it; told once */

#endif
