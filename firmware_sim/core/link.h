/* What the halves of the link say to each other. */
#ifndef ODL_LINK_H
#define ODL_LINK_H

#include "core.h"

void odl_send_ready(odl_link *link);
void odl_send_refused(odl_link *link, unsigned message, int why);
void odl_send_info(odl_link *link);
void odl_send_status(odl_link *link);
void odl_send_description(odl_link *link);
void odl_send_data(odl_link *link, unsigned area, uint32_t offset, uint32_t size);
void odl_send_echo(odl_link *link, const uint8_t *message, uint32_t size);
/* Bytes of an area that Read can read; 0 if there is no such area. */
uint32_t odl_area_size(const odl_link *link, unsigned area);
void odl_dispatch(odl_link *link, uint8_t *message, uint32_t size);

#endif
