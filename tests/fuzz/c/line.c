/* The line: frames with a true checksum around any message, and bytes that are no frame. */
#include "fuzz.h"
#include "odl_messages.h"

enum { ROOM = 4096 }; /* bytes of an uploaded image */

static odl_session session;
static odl_link line;
static uint8_t *slot;

static void nobody(const uint8_t *bytes, size_t n)
{
    (void)bytes;
    (void)n;
}

/* `payload`, envelope and all, with its checksum, as the line carries it. */
static void send(const uint8_t *payload, size_t n)
{
    uint8_t whole[ODL_LINK_FRAME + 64], out[2 * sizeof whole];
    uint32_t crc = odl_crc32(0, payload, n);
    size_t length = 0, code = 0;
    memcpy(whole, payload, n);
    for (int i = 0; i < 4; i++)
        whole[n++] = (uint8_t)(crc >> (8 * i));
    out[length++] = 0;
    code = length++;
    for (size_t i = 0; i < n; i++) {
        if (whole[i] != 0)
            out[length++] = whole[i];
        if (whole[i] == 0 || length - code == 255) {
            out[code] = (uint8_t)(length - code);
            code = length++;
        }
    }
    out[code] = (uint8_t)(length - code);
    out[length++] = 0;
    odl_link_receive(&line, out, length);
}

/* The session's place, so that samples and gaps come where they are due. */
static void put_position(uint8_t *message)
{
    memcpy(message + 1, &session.state.position, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    uint8_t payload[ODL_LINK_FRAME + 40];
    int whole = 1;
    if (slot == NULL)
        slot = malloc(ROOM);
    memset(slot, 0, ROOM);
    fuzz_start(&session);
    odl_host_use_slot(slot, ROOM);
    odl_link_begin(&line, &session, 0);
    odl_host_listen(&line, nobody);
    for (int frames = 0; in.left > 0 && frames < 64; frames++) {
        uint8_t kind = fuzz_u8(&in), *message = payload + 6;
        size_t n = fuzz_u8(&in) * (kind & 1 ? 4u : 1u);
        if (n > ODL_LINK_FRAME)
            n = ODL_LINK_FRAME;
        memset(payload, 0, sizeof payload);
        payload[0] = (uint8_t)(kind & 2 ? frames : kind); /* a sequence number, new or a repeat */
        if (kind % 8 == 7) {
            n = fuzz_bytes(&in, payload, n);
            odl_link_receive(&line, payload, n);
        } else if (kind % 8 == 5) {
            odl_link_tick(&line, (uint32_t)fuzz_number(&in, 4));
        } else if (kind % 8 == 6) {
            (kind & 8 ? odl_link_agree : kind & 32 ? odl_link_held : odl_link_undo)(&line);
        } else {
            n = fuzz_bytes(&in, message, n);
            if ((kind & 16) == 0 && n > 9 && (message[0] == ODL_MSG_SAMPLES || message[0] == ODL_MSG_GAP))
                put_position(message);
            if ((kind & 16) == 0 && n == ODL_INSTALL_FIXED && message[0] == ODL_MSG_INSTALL)
                memcpy(message + ODL_INSTALL_IMAGE, slot + 4, 4); /* the checksum that the image says */
            if (message[0] == ODL_MSG_CONFIGURE && message[ODL_CONFIGURE_KEEP] != 0)
                whole = 0;
            send(payload, 6 + n);
        }
        if (line.configured)
            fuzz_check(&session, whole);
    }
    payload[0] = 0;
    send((const uint8_t *)"\0\0\0\0\0\0\x02\x00\x00", 9);
    return 0;
}
