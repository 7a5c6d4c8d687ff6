#include <string.h>

#include "link.h"
#include "odl_messages.h"

/* Bytes to frames. A frame is decoded into the link's buffer as it comes, so nothing longer
   than that buffer is ever kept, and a delimiter always starts afresh. */

#define ENVELOPE 6u /* seq u16, time u32 */
#define CHECKSUM 4u

enum { TELL = 5000000, STATUS = 1000000, QUIET = 50000 }; /* microseconds */

void odl_link_begin(odl_link *link, odl_session *session, uint32_t n_log)
{
    memset(link, 0, sizeof *link);
    link->session = session;
    session->state.n_log = (int32_t)n_log; /* so that the log can be read before a Configure */
}

static void push(odl_link *link, uint8_t byte)
{
    if (link->n_in < ODL_LINK_FRAME)
        link->in.bytes[link->n_in++] = byte;
    else
        link->bad = 1;
}

/* A byte that is not a delimiter: a code that begins a group, or a member of one. */
static void unstuff(odl_link *link, uint8_t byte)
{
    if (link->left > 0) {
        push(link, byte);
        link->left -= 1;
        return;
    }
    if (link->code != 0 && link->code != 255) /* a group ended before, and not the full one */
        push(link, 0);
    link->code = byte;
    link->left = (uint8_t)(byte - 1);
}

static int sound(const odl_link *link)
{
    const uint8_t *bytes = link->in.bytes;
    uint32_t n = link->n_in, crc;
    if (link->bad || link->left != 0 || n <= ENVELOPE + CHECKSUM)
        return 0;
    crc = (uint32_t)bytes[n - 4] | (uint32_t)bytes[n - 3] << 8 | (uint32_t)bytes[n - 2] << 16 |
          (uint32_t)bytes[n - 1] << 24;
    return odl_crc32(0, bytes, n - CHECKSUM) == crc;
}

static void end_of_frame(odl_link *link)
{
    if (link->code != 0) { /* else: two delimiters met */
        if (sound(link)) {
            link->reply = (uint16_t)(link->in.bytes[0] | link->in.bytes[1] << 8);
            odl_dispatch(link, link->in.bytes + ENVELOPE, link->n_in - ENVELOPE - CHECKSUM);
        } else {
            link->damaged += 1;
            link->reply = 0;
            odl_send_refused(link, 0, ODL_REFUSAL_DAMAGED);
        }
    }
    link->n_in = 0;
    link->code = 0;
    link->left = 0;
    link->bad = 0;
}

void odl_link_receive(odl_link *link, const uint8_t *bytes, size_t n)
{
    if (n > 0)
        link->heard_at = odl_board_micros();
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == 0)
            end_of_frame(link);
        else
            unstuff(link, bytes[i]);
    }
}

/* Info and Description are long enough for a host's frame to overrun what a board buffers
   meanwhile: they wait until nothing comes from there. Status is short. */
void odl_link_tick(odl_link *link, uint32_t now)
{
    int quiet = link->heard_at == 0 || now - link->heard_at >= QUIET;
    if (quiet && (!link->told || now - link->told_at >= TELL)) {
        link->told = 1;
        link->told_at = now;
        odl_send_info(link);
        odl_send_description(link);
    }
    if (link->configured && now - link->status_at >= STATUS) {
        link->status_at = now;
        odl_send_status(link);
    }
}
