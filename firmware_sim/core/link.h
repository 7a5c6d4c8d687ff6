/* What the halves of the link say to each other. */
#ifndef ODL_LINK_H
#define ODL_LINK_H

#include "core.h"

void odl_send_ready(odl_link *link);
void odl_send_refused(odl_link *link, unsigned message, int why);
void odl_send_info(odl_link *link);
void odl_send_state(odl_link *link, uint32_t offset, uint32_t size);
void odl_dispatch(odl_link *link, const uint8_t *message, uint32_t size);

#endif
