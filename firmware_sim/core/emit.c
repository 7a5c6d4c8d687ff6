#include <string.h>

#include "core.h"

/* `window` is asked about, and the stream from `since` on, which is no other. */
void odl_emit_query(int64_t window, int32_t utility, int64_t expires, int64_t since)
{
    odl_event event;
    memset(&event, 0, sizeof event);
    event.kind = ODL_EMIT_QUERY;
    event.window = window;
    event.value = utility;
    event.expires = expires;
    event.at = since;
    odl_emit(&event);
}

/* A label was learned from. */
void odl_emit_learned(int64_t at, int64_t window, unsigned cls, unsigned head)
{
    odl_event event;
    memset(&event, 0, sizeof event);
    event.kind = ODL_EMIT_LEARNED;
    event.at = at;
    event.window = window;
    event.cls = (uint8_t)cls;
    event.head = (uint8_t)head;
    odl_emit(&event);
}

/* Something had no effect. */
void odl_emit_dropped(int64_t at, int64_t window, unsigned why)
{
    odl_event event;
    memset(&event, 0, sizeof event);
    event.kind = ODL_EMIT_DROPPED;
    event.at = at;
    event.window = window;
    event.why = (uint8_t)why;
    odl_emit(&event);
}
