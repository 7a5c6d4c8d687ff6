/* Two banks, of which the valid one with the higher generation counts. A bank is a header and a place
   for each entry; an entry has its CRC-32, which covers the generation, so that what a bank held before is
   none of its entries. New and undone entries are written in place. A log that was cleared or compacted
   goes to the other bank, its header last. So a power cut leaves at most one torn entry, which is
   read as an undone one and keeps its place. */
#include "odl_store.h"

#include <string.h>

#include "core/core.h"
#include "core/odl_messages.h"

#define MARK 0x314C444Fu /* "ODL1" */

typedef struct {
    uint32_t mark, generation, image, size;
    uint32_t crc; /* of the above */
    uint32_t spare[3];
} header;

typedef struct {
    odl_log_entry entry;
    uint32_t crc; /* of image, generation and entry */
    uint32_t spare;
} record;

enum { BANK = sizeof(header) + ODL_MAX_LOG * sizeof(record) };
_Static_assert(2 * BANK == ODL_DEVICE_STORE, "odl_model.h is of another model");

static const odl_device_setup *board;
static odl_log_entry entries[ODL_MAX_LOG];
static uint8_t changed[(ODL_MAX_LOG + 7) / 8];
static uint32_t used, image, generation;
static uint8_t moved; /* the next save goes to the other bank */

static void change(uint32_t index)
{
    changed[index / 8] |= (uint8_t)(1u << index % 8);
}

/* All that the log holds goes to a bank of its own. */
static void move(void)
{
    moved = 1;
    memset(changed, 0, sizeof changed);
    for (uint32_t i = 0; i < used; i++)
        change(i);
}

void odl_store_open(const odl_device_setup *setup, uint32_t image_checksum)
{
    board = setup;
    image = image_checksum;
    used = 0;
    generation = 0;
    move();
}

/* --- the log, as the core sees it -------------------------------------------------- */

const odl_log_entry *odl_log_at(uint32_t index)
{
    return &entries[index];
}

int odl_log_append(const odl_log_entry *entry)
{
    if (used >= ODL_MAX_LOG)
        return -1;
    change(used);
    entries[used++] = *entry;
    return 0;
}

int odl_log_strike(uint32_t index)
{
    entries[index].kind = ODL_ENTRY_UNDONE;
    change(index);
    return 0;
}

int odl_log_clear(void)
{
    if (used > 0) {
        used = 0;
        move();
    }
    return 0;
}

int odl_board_compact(void)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < used; i++)
        if (entries[i].kind != ODL_ENTRY_UNDONE)
            entries[kept++] = entries[i];
    used = kept;
    move();
    return (int)used;
}

/* --- the store --------------------------------------------------------------------- */

static uint32_t bank_of(uint32_t number)
{
    return (number & 1u) * (uint32_t)BANK;
}

static uint32_t place_of(uint32_t number, uint32_t index)
{
    return bank_of(number) + (uint32_t)(sizeof(header) + index * sizeof(record));
}

static uint32_t crc_of(uint32_t number, const odl_log_entry *entry)
{
    uint32_t whose[2] = {image, number};
    uint32_t crc = odl_crc32(0, (const uint8_t *)whose, sizeof whose);

    return odl_crc32(crc, (const uint8_t *)entry, sizeof *entry);
}

static uint32_t crc_of_header(const header *h)
{
    return odl_crc32(0, (const uint8_t *)h, offsetof(header, crc));
}

/* The generation of a bank with a log of this image, or 0. */
static uint32_t generation_in(uint32_t bank)
{
    header h;

    if (board->store_read(bank * (uint32_t)BANK, &h, sizeof h) != 0 || h.mark != MARK || h.size != sizeof(record) ||
        h.crc != crc_of_header(&h) || h.image != image || (h.generation & 1u) != bank)
        return 0;
    return h.generation;
}

static int read_entry(uint32_t number, uint32_t index, record *r)
{
    return board->store_read(place_of(number, index), r, sizeof *r) == 0 && r->crc == crc_of(number, &r->entry);
}

int odl_store_load(void)
{
    record r;

    if (board->store_read == NULL)
        return -1;
    uint32_t a = generation_in(0), b = generation_in(1);
    used = 0;
    generation = a > b ? a : b;
    moved = generation == 0;
    memset(changed, 0, sizeof changed);
    for (uint32_t i = 0; generation != 0 && i < ODL_MAX_LOG; i++) {
        if (read_entry(generation, i, &r)) {
            memset(entries + used, 0, (i - used) * sizeof entries[0]); /* torn ones: ODL_ENTRY_UNDONE is 0 */
            entries[i] = r.entry;
            used = i + 1;
        }
    }
    return (int)used;
}

static int write_entry(uint32_t number, uint32_t index)
{
    record r;

    memset(&r, 0, sizeof r);
    r.entry = entries[index];
    r.crc = crc_of(number, &r.entry);
    return board->store_write(place_of(number, index), &r, sizeof r);
}

/* An earlier attempt at this generation, which a power cut ended, may have left entries behind. */
static int forget_rest(uint32_t number)
{
    record r;

    for (uint32_t i = used; i < ODL_MAX_LOG; i++) {
        if (!read_entry(number, i, &r))
            continue;
        memset(&r, 0, sizeof r);
        if (board->store_write(place_of(number, i), &r, sizeof r) != 0)
            return -1;
    }
    return 0;
}

static int write_header(uint32_t number)
{
    header h;

    memset(&h, 0, sizeof h);
    h.mark = MARK;
    h.generation = number;
    h.image = image;
    h.size = sizeof(record);
    h.crc = crc_of_header(&h);
    return board->store_write(bank_of(number), &h, sizeof h);
}

int odl_store_save(void)
{
    uint32_t number = generation + moved;
    int written = 0;

    if (board->store_write == NULL || board->store_read == NULL)
        return -1;
    if (moved && used == 0 && generation == 0)
        return 0; /* a log that never was */
    for (uint32_t i = 0; i < used; i++) {
        if ((changed[i / 8] >> i % 8 & 1) == 0)
            continue;
        if (write_entry(number, i) != 0)
            return -1;
        changed[i / 8] &= (uint8_t)~(1u << i % 8);
        written = 1;
    }
    if (moved) {
        if (forget_rest(number) != 0 || write_header(number) != 0)
            return -1;
        generation = number;
        moved = 0;
        written = 1;
    }
    return written;
}
