#include "frame_out.h"

/* 0x00 COBS(seq u16, time u32, message, crc u32) 0x00, written as it is made: only the COBS group
   under construction is kept. COBS after Cheshire and Baker, IEEE/ACM Trans. Networking 7(2). */

static void write_group(odl_link *link)
{
    uint8_t code = (uint8_t)(link->n_out + 1);
    odl_board_write(&code, 1);
    odl_board_write(link->out, link->n_out);
    link->n_out = 0;
}

static void stuff(odl_link *link, uint8_t byte)
{
    if (link->n_out == sizeof link->out) /* a full group, and more to come: no zero stands for it */
        write_group(link);
    if (byte == 0)
        write_group(link);
    else
        link->out[link->n_out++] = byte;
}

void odl_put(odl_link *link, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    link->crc = odl_crc32(link->crc, from, n);
    for (size_t i = 0; i < n; i++)
        stuff(link, from[i]);
}

void odl_put_number(odl_link *link, uint32_t value, uint32_t n)
{
    uint8_t bytes[4];
    for (uint32_t i = 0; i < n; i++, value >>= 8)
        bytes[i] = (uint8_t)value;
    odl_put(link, bytes, n);
}

void odl_put_index(odl_link *link, int64_t value)
{
    odl_put_number(link, (uint32_t)value, 4);
    odl_put_number(link, (uint32_t)((uint64_t)value >> 32), 4);
}

void odl_begin_frame(odl_link *link, unsigned type)
{
    static const uint8_t delimiter = 0;
    odl_board_write(&delimiter, 1);
    link->n_out = 0;
    link->crc = 0;
    odl_put_number(link, link->frames++, 2);
    odl_put_number(link, odl_board_micros(), 4);
    odl_put_number(link, type, 1);
}

void odl_end_frame(odl_link *link)
{
    static const uint8_t delimiter = 0;
    odl_put_number(link, link->crc, 4);
    write_group(link);
    odl_board_write(&delimiter, 1);
}
