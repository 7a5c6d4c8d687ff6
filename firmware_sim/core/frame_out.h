/* Frames to the line, field by field. */
#ifndef ODL_FRAME_OUT_H
#define ODL_FRAME_OUT_H

#include "core.h"

void odl_begin_frame(odl_link *link, unsigned type);
void odl_put(odl_link *link, const void *bytes, size_t n);
void odl_put_number(odl_link *link, uint32_t value, uint32_t n); /* the lowest n bytes, 1 to 4 */
void odl_put_index(odl_link *link, int64_t value);               /* eight bytes */
void odl_end_frame(odl_link *link);

#endif
