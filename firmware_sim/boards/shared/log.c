/* The label log in flash, so that what was learned outlives a reset and a power cut.

   Two banks, of which the valid one with the higher generation counts. A bank is a header and
   records; a record is an entry, its CRC-32, and a word written last that says that all before
   it is there. A power cut therefore leaves whole records and at most one torn one, which is
   skipped for good: flash only goes from 1 to 0, so its place cannot be used again before an
   erase. Removing an entry clears the one bit of its kind. A table in RAM says which records count.
   When a bank has no place left, those that count are written into the other one, which is
   erased for that. A header names the model image that its entries belong to; a log of another
   image is left alone until its bank is needed. */
#include "board.h"
#include "core.h"
#include "odl_messages.h"

#define MARK 0x4C444F21u   /* "!ODL" */
#define DONE 0x0D0E5EA1u

typedef struct {
    uint32_t mark, generation, image, record_size, crc, done;
    uint32_t spare[2];
} header;

typedef struct {
    odl_log_entry entry;
    uint32_t crc, done;
} record;

enum {
    SLOTS = (BOARD_FLASH_BANK - sizeof(header)) / sizeof(record),
    SPARE = 16,  /* places beyond a full log, so that not each label needs an erase */
    REMOVED = 0, /* kind of an entry that no longer counts */
};
_Static_assert((int)SLOTS >= ODL_MAX_LOG + SPARE, "the label log does not fit into a bank");
_Static_assert(ODL_ENTRY_LABEL == 1 && ODL_ENTRY_CHANGE == 4, "removing clears one bit, whole or not at all");
_Static_assert(sizeof(record) % 8 == 0 && sizeof(header) % 8 == 0, "entries are aligned to 8");

static unsigned bank;           /* the one in use */
static uint32_t image, used, live;  /* slots in use, and those with an entry that counts */
static uint16_t slots[ODL_MAX_LOG]; /* the latter, ascending */

static const header *header_of(unsigned b)
{
    return (const header *)board_flash_bank(b);
}

static const record *slot_of(unsigned b, uint32_t slot)
{
    return (const record *)(board_flash_bank(b) + sizeof(header)) + slot;
}

static int header_good(const header *h)
{
    return h->mark == MARK && h->done == DONE && h->record_size == sizeof(record) &&
           h->crc == odl_crc32(0, (const uint8_t *)h, offsetof(header, crc));
}

/* A label that was removed has the CRC of the label that it was. */
static uint32_t crc_of(const odl_log_entry *entry)
{
    enum { AT = offsetof(odl_log_entry, kind) };
    const uint8_t *bytes = (const uint8_t *)entry;
    uint8_t kind = entry->kind == REMOVED ? ODL_ENTRY_LABEL : entry->kind;
    uint32_t crc = odl_crc32(0, bytes, AT);

    crc = odl_crc32(crc, &kind, 1);
    return odl_crc32(crc, bytes + AT + 1, sizeof *entry - AT - 1);
}

static int record_good(const record *r)
{
    return r->done == DONE && r->crc == crc_of(&r->entry);
}

/* Whether the bank in use is there, and the image's own. */
static int ready(void)
{
    return header_good(header_of(bank)) && header_of(bank)->image == image;
}

/* A header on an erased bank: the bank counts from the moment that its last word is there. */
static int write_header(unsigned b, uint32_t generation)
{
    header h = {MARK, generation, image, sizeof(record), 0, DONE, {BOARD_FLASH_ERASED, BOARD_FLASH_ERASED}};

    h.crc = odl_crc32(0, (const uint8_t *)&h, offsetof(header, crc));
    return board_flash_program(board_flash_bank(b), &h, offsetof(header, spare));
}

static int write_record(unsigned b, uint32_t slot, const odl_log_entry *entry, uint32_t crc)
{
    uintptr_t at = (uintptr_t)slot_of(b, slot);
    uint32_t seal[2] = {crc, DONE};

    return board_flash_program(at, entry, sizeof *entry) &&
           board_flash_program(at + sizeof *entry, seal, sizeof seal);
}

static int erase(unsigned b)
{
    return board_flash_blank(board_flash_bank(b), BOARD_FLASH_BANK) || board_flash_erase(b);
}

/* Start the other bank afresh with the first `kept` entries of this one. */
static int move_over(uint32_t kept)
{
    unsigned other = 1 - bank;
    const header *now = header_of(bank), *then = header_of(other);
    uint32_t generation = 1;

    if (header_good(now))
        generation = now->generation + 1;
    else if (header_good(then))
        generation = then->generation + 1;
    if (!erase(other))
        return 0;
    for (uint32_t i = 0; i < kept; i++) {
        const record *r = slot_of(bank, slots[i]);
        if (!write_record(other, i, &r->entry, r->crc)) /* a damaged one is still told by its CRC */
            return 0;
    }
    if (!write_header(other, generation))
        return 0;
    bank = other;
    used = live = kept;
    for (uint32_t i = 0; i < live; i++)
        slots[i] = (uint16_t)i;
    return 1;
}

/* Which records of the bank count. */
static void scan(void)
{
    used = live = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const record *r = slot_of(bank, slot);
        if (board_flash_blank((uintptr_t)r, sizeof *r))
            continue;
        used = slot + 1;
        if (record_good(r) && r->entry.kind != REMOVED && live < ODL_MAX_LOG)
            slots[live++] = (uint16_t)slot;
    }
}

uint32_t board_log_open(uint32_t image_checksum)
{
    const header *a = header_of(0), *b = header_of(1);
    int mine[2], newer;

    image = image_checksum;
    mine[0] = header_good(a) && a->image == image;
    mine[1] = header_good(b) && b->image == image;
    newer = (int32_t)(b->generation - a->generation) > 0;
    if (!mine[0] && !mine[1]) {
        /* Another image's log is kept as long as there is another bank. */
        bank = header_good(a) && (!header_good(b) || !newer) ? 0 : 1;
        move_over(0);
        return 0;
    }
    bank = mine[1] && (!mine[0] || newer);
    scan();
    return live;
}

int odl_board_compact(void)
{
    if (ready())
        scan(); /* what has been damaged since does not count any more */
    return move_over(live) ? (int)live : -ODL_REFUSAL_STORE;
}

const odl_log_entry *odl_log_at(uint32_t index)
{
    return &slot_of(bank, slots[index])->entry;
}

int odl_log_append(const odl_log_entry *entry)
{
    if (live >= ODL_MAX_LOG || !ready() || (used >= SLOTS && !move_over(live)))
        return -1;
    used++; /* spent, even if what is there then is no record */
    if (!write_record(bank, used - 1, entry, crc_of(entry)))
        return -1;
    slots[live++] = (uint16_t)(used - 1);
    return 0;
}

int odl_log_remove(uint32_t index)
{
    const odl_log_entry *entry = odl_log_at(index);
    uintptr_t at = (uintptr_t)&entry->kind;
    uint32_t word = *(const uint32_t *)(at & ~(uintptr_t)3);

    word &= ~((uint32_t)0xFF << 8 * (at & 3));
    if (!board_flash_program(at & ~(uintptr_t)3, &word, sizeof word))
        return -1;
    live--;
    for (uint32_t i = index; i < live; i++)
        slots[i] = slots[i + 1];
    return 0;
}

int odl_log_clear(void)
{
    if (used == 0 && ready())
        return 0;
    return move_over(0) ? 0 : -1;
}
