/* What a worn board does all the time: reads its sensor on time, serves the line, shows with a light that
   a question is open, takes answers from a button, and stores what was learned. An example's main
   program calls odl_wear_start once and odl_wear_step for ever; the board's own part is `odl_wear_board`. */
#ifndef ODL_WEAR_H
#define ODL_WEAR_H

#include "odl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    odl_device_setup device;
    /* Read the sensor's newest sample, in the units of odl_model.h; 0 when done. */
    int (*sample)(float *values);
    size_t (*read)(uint8_t *bytes, size_t room); /* bytes that came from the host; NULL: no line */
    int (*button)(void);                         /* 1 while it is pressed; NULL: none */
    void (*light)(int on);                       /* NULL: none */
} odl_wear_board;

int odl_wear_start(const odl_wear_board *board); /* as odl_device_init */
void odl_wear_step(void);

#ifdef __cplusplus
}
#endif

#endif
