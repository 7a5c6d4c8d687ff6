/* The label log: in RAM while the program runs, and a copy of it in the board's store. */
#ifndef ODL_STORE_H
#define ODL_STORE_H

#include "odl.h"

/* An empty log for the model image of this checksum. */
void odl_store_open(const odl_device_setup *setup, uint32_t image);

/* Read the store: how many entries it has for this model image, or -1 without a store. */
int odl_store_load(void);

/* Write what changed: 1, 0 if nothing had, -1 if it could not be written. */
int odl_store_save(void);

#endif
