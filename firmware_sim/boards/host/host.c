/* The core on the machine that builds it: the log is memory, outputs are kept to be fetched. */
#include <stdio.h>
#include <string.h>

#include "core.h"

#define MOST_EVENTS 4096

static odl_log_entry *log_entries;
static uint32_t log_capacity;
static uint32_t log_used;
static odl_event events[MOST_EVENTS];
static uint32_t n_events;
static odl_link *listener;

/* Which session's log the board functions speak of: `used` of `capacity` entries. */
void odl_host_use_log(odl_log_entry *entries, uint32_t capacity, uint32_t used);
void odl_host_use_log(odl_log_entry *entries, uint32_t capacity, uint32_t used)
{
    log_entries = entries;
    log_capacity = capacity;
    log_used = used;
}

const odl_log_entry *odl_log_at(uint32_t index)
{
    return &log_entries[index];
}

int odl_log_append(const odl_log_entry *entry)
{
    if (log_used >= log_capacity)
        return -1;
    log_entries[log_used++] = *entry;
    return 0;
}

int odl_log_strike(uint32_t index)
{
    log_entries[index].kind = ODL_ENTRY_UNDONE;
    return 0;
}

int odl_log_clear(void)
{
    memset(log_entries, 0, log_capacity * sizeof *log_entries);
    log_used = 0;
    return 0;
}

/* Send outputs to a link from now on, instead of keeping them. */
void odl_host_listen(odl_link *link);
void odl_host_listen(odl_link *link)
{
    listener = link;
}

void odl_emit(const odl_event *event)
{
    if (listener != NULL) {
        odl_link_event(listener, event);
        return;
    }
    if (n_events < MOST_EVENTS)
        events[n_events] = *event;
    n_events += 1;
}

/* The outputs since the last call, and how many. */
uint32_t odl_host_take(const odl_event **taken);
uint32_t odl_host_take(const odl_event **taken)
{
    uint32_t n = n_events;
    *taken = events;
    n_events = 0;
    return n;
}

/* Sizes that the caller allocates by. */
uint32_t odl_host_session_size(void);
uint32_t odl_host_session_size(void)
{
    return sizeof(odl_session);
}

void odl_board_write(const uint8_t *bytes, size_t n)
{
    fwrite(bytes, 1, n, stdout);
}

uint32_t odl_board_micros(void)
{
    return 0; /* equal inputs give equal bytes */
}

const char *odl_board_version(void)
{
    return "host";
}
