/* What the host adds to the core. */
#ifndef ODL_HOST_H
#define ODL_HOST_H

#include "odl.h"

typedef void odl_host_writer(const uint8_t *bytes, size_t n);

/* Which session's log the board functions speak of: `used` of `capacity` entries. */
void odl_host_use_log(odl_log_entry *entries, uint32_t capacity, uint32_t used);

/* From now on the session goes by `settings`, which are sound. */
void odl_host_use_settings(odl_session *session, const odl_settings *settings);

/* Where an uploaded model image is put, aligned to 8; without it there is no room for one. */
void odl_host_use_slot(uint8_t *bytes, uint32_t room);

/* Fetch the outputs since the last time, at most `room`; how many. */
uint32_t odl_host_take(odl_event *to, uint32_t room);

/* From now on send outputs to `link` instead, whose bytes go to `write`. */
void odl_host_listen(odl_link *link, odl_host_writer *write);

/* The size that a caller allocates by, and what is in shift.h as functions. */
uint32_t odl_host_session_size(void);
int64_t odl_host_round_shift(int64_t value, uint32_t shift);
int32_t odl_host_round_shift32(int32_t value, uint32_t shift);
int64_t odl_host_root(int64_t value);

#endif
