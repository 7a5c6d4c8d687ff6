/* Two banks, of which the valid one with the higher generation counts. A bank is a header and a place
   for each entry of a full log. An entry has a number, which rises in the order of the log, whatever
   its place is, and a CRC-32, which covers the generation, so that what a bank held before is none of its
   entries. A new entry is written into a free place, a removed one is overwritten with zeros. A log that
   was cleared goes to the other bank, its header last. So a power cut leaves at most one torn
   entry, which is none. */
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
    uint32_t number;
    uint32_t crc; /* of image, generation, number and entry */
} record;

enum { BANK = sizeof(header) + ODL_MAX_LOG * sizeof(record) };
_Static_assert(2 * BANK == ODL_DEVICE_STORE, "odl_model.h is of another model");

static const odl_device_setup *board;
static odl_log_entry entries[ODL_MAX_LOG]; /* by place */
static uint32_t numbers[ODL_MAX_LOG];     /* of the entry at each place, 0: free */
static uint16_t places[ODL_MAX_LOG];      /* of each entry, in the order of the log */
static uint8_t changed[(ODL_MAX_LOG + 7) / 8];
static uint32_t used, last, image, generation;
static uint8_t moved; /* the next save goes to the other bank */

static void change(uint32_t place)
{
    changed[place / 8] |= (uint8_t)(1u << place % 8);
}

/* An empty log, for a bank of its own. */
static void empty(void)
{
    used = last = 0;
    moved = 1;
    memset(changed, 0, sizeof changed);
    memset(numbers, 0, sizeof numbers);
}

void odl_store_open(const odl_device_setup *setup, uint32_t image_checksum)
{
    board = setup;
    image = image_checksum;
    generation = 0;
    empty();
}

/* --- the log, as the core sees it -------------------------------------------------- */

const odl_log_entry *odl_log_at(uint32_t index)
{
    return &entries[places[index]];
}

int odl_log_append(const odl_log_entry *entry)
{
    uint32_t place = 0;

    if (used >= ODL_MAX_LOG)
        return -1;
    while (numbers[place] != 0)
        place++;
    entries[place] = *entry;
    numbers[place] = ++last;
    change(place);
    places[used++] = (uint16_t)place;
    return 0;
}

int odl_log_remove(uint32_t index)
{
    uint32_t place = places[index];

    numbers[place] = 0;
    memset(&entries[place], 0, sizeof entries[place]);
    change(place);
    used--;
    for (uint32_t i = index; i < used; i++)
        places[i] = places[i + 1];
    return 0;
}

int odl_log_clear(void)
{
    if (used > 0)
        empty();
    return 0;
}

int odl_board_compact(void)
{
    return (int)used; /* a removed entry leaves nothing behind */
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

static uint32_t crc_of(uint32_t bank, const record *r)
{
    uint32_t whose[2] = {image, bank};
    uint32_t crc = odl_crc32(0, (const uint8_t *)whose, sizeof whose);

    return odl_crc32(crc, (const uint8_t *)r, offsetof(record, crc));
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

static int read_entry(uint32_t bank, uint32_t place, record *r)
{
    return board->store_read(place_of(bank, place), r, sizeof *r) == 0 && r->crc == crc_of(bank, r) &&
           r->number != 0;
}

/* Take up the entry at `place`, which stands in the log by its number. */
static void take(uint32_t place, const record *r)
{
    uint32_t at = used++;

    entries[place] = r->entry;
    numbers[place] = r->number;
    last = r->number > last ? r->number : last;
    for (; at > 0 && numbers[places[at - 1]] > r->number; at--)
        places[at] = places[at - 1];
    places[at] = (uint16_t)place;
}

int odl_store_load(void)
{
    record r;

    if (board->store_read == NULL)
        return -1;
    uint32_t a = generation_in(0), b = generation_in(1);
    empty();
    generation = a > b ? a : b;
    moved = generation == 0;
    for (uint32_t i = 0; generation != 0 && i < ODL_MAX_LOG; i++)
        if (read_entry(generation, i, &r))
            take(i, &r);
    return (int)used;
}

static int write_entry(uint32_t bank, uint32_t place)
{
    record r;

    memset(&r, 0, sizeof r);
    if (numbers[place] != 0) {
        r.entry = entries[place];
        r.number = numbers[place];
        r.crc = crc_of(bank, &r);
    }
    return board->store_write(place_of(bank, place), &r, sizeof r);
}

/* An earlier attempt at this generation, which a power cut ended, may have left entries behind. */
static int forget_rest(uint32_t bank)
{
    record r;

    for (uint32_t i = 0; i < ODL_MAX_LOG; i++)
        if (numbers[i] == 0 && read_entry(bank, i, &r) && write_entry(bank, i) != 0)
            return -1;
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

static int save_place(uint32_t bank, uint32_t place, int *written)
{
    if ((changed[place / 8] >> place % 8 & 1) == 0)
        return 0;
    if (write_entry(bank, place) != 0)
        return -1;
    changed[place / 8] &= (uint8_t)~(1u << place % 8);
    *written = 1;
    return 0;
}

int odl_store_save(void)
{
    uint32_t number = generation + moved;
    int written = 0;

    if (board->store_write == NULL || board->store_read == NULL)
        return -1;
    if (moved && used == 0 && generation == 0)
        return 0; /* a log that never was */
    for (uint32_t i = 0; i < ODL_MAX_LOG; i++)
        if (numbers[i] == 0 && save_place(number, i, &written) != 0)
            return -1;
    for (uint32_t i = 0; i < used; i++) /* in the order of the log: a class before its labels */
        if (save_place(number, places[i], &written) != 0)
            return -1;
    if (moved) {
        if (forget_rest(number) != 0 || write_header(number) != 0)
            return -1;
        generation = number;
        moved = 0;
        written = 1;
    }
    return written;
}
