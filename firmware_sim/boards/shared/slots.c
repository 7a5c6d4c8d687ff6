/* Two places for a model image in flash: one in use, one to upload the next to.

   Which one is in use says the last good mark of a sector of its own, where marks are appended.
   The sector lies among those that a new firmware is written over, so that a new firmware starts
   with the image built into it, and each mark names that image for the case that it does not.
   Without a mark slot 0 is used, and where an image cannot be, the other slot. A mark is written
   when its image is whole and checked, and nothing ever touches the slot in use: whenever the
   power fails, the old image or the new one is there to start with. */
#include <string.h>

#include "board.h"
#include "core.h"
#include "odl_messages.h"

typedef struct {
    uint32_t built_in, image, slot; /* checksums; which slot holds `image` */
    uint32_t crc;                   /* of the above; written last */
} mark;

enum { MARKS = BOARD_MARKS_SIZE / sizeof(mark), ANSWERED = 20000 /* us */ };

extern const uint32_t odl_image_checksum;

static uint8_t slot, installed, spoilt;

static const odl_image_header *image_in(unsigned s)
{
    return (const odl_image_header *)board_flash_bank(BOARD_FLASH_SLOT + s);
}

static const mark *marks(void)
{
    return (const mark *)board_flash_bank(BOARD_FLASH_MARKS);
}

static uint32_t crc_of(const mark *m)
{
    return odl_crc32(0, (const uint8_t *)m, offsetof(mark, crc));
}

int board_slots_open(odl_session *session)
{
    const mark *m = marks();
    unsigned n = MARKS;
    int wrong;

    while (n > 0 && (m[n - 1].built_in != odl_image_checksum || m[n - 1].crc != crc_of(&m[n - 1])))
        n--;
    slot = n > 0 && m[n - 1].slot == 1 && m[n - 1].image == image_in(1)->crc;
    wrong = odl_open(session, image_in(slot), BOARD_IMAGE_ROOM);
    if (wrong) {
        slot = !slot;
        wrong = odl_open(session, image_in(slot), BOARD_IMAGE_ROOM);
    }
    return wrong;
}

/* If the sector is full it is erased first: both images are whole then, so that a start without
   any mark is one with the old image or the new. */
static int set_mark(uint32_t image, unsigned s)
{
    mark m = {odl_image_checksum, image, s, 0};
    unsigned n = MARKS;

    m.crc = crc_of(&m);
    while (n > 0 && board_flash_blank((uintptr_t)(marks() + n - 1), sizeof m))
        n--;
    if (n == MARKS) {
        n = 0;
        if (!board_flash_erase(BOARD_FLASH_MARKS))
            return 0;
    }
    return board_flash_program((uintptr_t)(marks() + n), &m, sizeof m);
}

static int same(const uint8_t *there, const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (there[i] != bytes[i])
            return 0;
    return 1;
}

uint32_t odl_board_image_room(void)
{
    return BOARD_IMAGE_ROOM;
}

/* Whether `word` says what `there` says, but for bytes that are still erased. Other bytes would be
   taken by the flash where they only clear bits, and spoil an image that is being uploaded. */
static int fits(uint32_t there, uint32_t word)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t byte = there >> shift & 0xff;

        if (byte != 0xff && byte != (word >> shift & 0xff))
            return 0;
    }
    return 1;
}

static int written(uintptr_t to, const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t there = *(const uint32_t *)(to + i), word = there;

        memcpy(&word, bytes + i, n - i < 4 ? n - i : 4);
        if (!fits(there, word) || (there != word && !board_flash_program(to + i, &word, 4)))
            return 0;
    }
    return 1;
}

/* Other first bytes than those that are there begin another image. The same ones begin the same
   image again: where a word of it could not be written the slot is erased, else there is nothing
   to do. */
int odl_board_upload(uint32_t offset, const uint8_t *bytes, uint32_t n)
{
    unsigned bank = BOARD_FLASH_SLOT + !slot;
    uintptr_t to = board_flash_bank(bank) + offset;

    if (offset % 4 || offset > BOARD_IMAGE_ROOM || n > BOARD_IMAGE_ROOM - offset)
        return ODL_REFUSAL_PLACE;
    if (offset == 0 && (spoilt || !same((const uint8_t *)to, bytes, n)) &&
        !board_flash_blank(to, BOARD_IMAGE_ROOM) && !board_flash_erase(bank))
        return ODL_REFUSAL_STORE;
    spoilt = spoilt && offset != 0;
    if (written(to, bytes, n))
        return 0;
    spoilt = 1;
    return ODL_REFUSAL_STORE;
}

int odl_board_install(uint32_t size, uint32_t checksum)
{
    const odl_image_header *image = image_in(!slot);
    odl_net net;

    if (image_in(slot)->crc == checksum && image_in(slot)->total_size == size)
        return 0;
    if (size > BOARD_IMAGE_ROOM || image->total_size != size || image->crc != checksum ||
        odl_open_net(&net, image, size) != ODL_IMAGE_FINE)
        return ODL_REFUSAL_IMAGE;
    if (!set_mark(checksum, !slot))
        return ODL_REFUSAL_STORE;
    installed = 1;
    return 0;
}

/* What is still to be sent takes 11 ms at most. */
void board_slots_settle(void)
{
    if (installed) {
        board_wait(ANSWERED);
        board_restart();
    }
}
