/* The session in C: samples and answers in, events out. The one public header.
 *
 * C99, no heap, no floating point, nothing of libc but memcpy and memset. Sizes come from
 * odl_state.h, which is written for one model image. Every function is the twin of the
 * Python kernel of its name: equal inputs give equal state blocks, byte for byte.
 *
 * Little-endian machines only (the state block and the image are used where they lie). */
#ifndef ODL_H
#define ODL_H

#include "odl_state.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the state block and the model image are little-endian"
#endif

#define ODL_NO_CLASS 255u
#define ODL_NO_WINDOW ((int64_t)-1)
#define ODL_MAX_POSITION ((int64_t)1 << 62) /* no stream gets here */

/* Why a model image cannot be used by this build. */
enum {
    ODL_IMAGE_FINE = 0,
    ODL_IMAGE_NOT_ONE = 1,     /* no image, or cut short */
    ODL_IMAGE_VERSION_BAD = 2, /* another major version */
    ODL_IMAGE_DAMAGED = 3,     /* the checksum differs */
    ODL_IMAGE_PLACES = 4,      /* a section lies outside, or is not aligned */
    ODL_IMAGE_SIZES = 5,       /* sizes that this build was not made for */
    ODL_IMAGE_LAYERS = 6,      /* convolutions that cannot be run */
    ODL_IMAGE_HEADS = 7        /* heads, rows, stored vectors or learning parameters */
};

/* What the kernels read of the image, in place, and never write. */
typedef struct {
    const odl_layer *layers;
    const int8_t *weights;
    const int32_t *biases;
    const int32_t *mults;
    const uint8_t *shifts;
    const odl_head *heads;
    const odl_row *rows;
    const int32_t *base; /* rows x (ODL_FEATURES + 1) */
    const uint8_t *stored;
    const uint8_t *owners;
    const odl_image_header *image; /* all of it, and its card */
    uint64_t seed;
    uint32_t checksum;
    uint32_t rate_mhz;
    uint16_t window;
    uint16_t hop;
    uint16_t n_stored;
    uint16_t max_log;
    uint16_t max_items;   /* what an epoch of a refit learns from at most, */
    uint16_t refit_items; /* and at each hop */
    uint8_t n_layers;
    uint8_t n_heads;
    uint8_t n_rows;
    uint8_t epochs;
    uint8_t rate_shift;
    uint8_t imprint;
    uint8_t inside; /* no weight of a head can reach the limit, however much is learned */
} odl_net;

/* Raw counts to int8: round(raw * mult / 2**shift) + offset, per channel. */
typedef struct {
    int32_t mult[ODL_CHANNELS]; /* 0 to 2**31 - 1 */
    int16_t offset[ODL_CHANNELS];
    uint8_t shift[ODL_CHANNELS]; /* 0 to 60 */
} odl_scaling;

/* One session. `state` comes first and is what Python's state block is, byte for byte. */
typedef struct {
    odl_state state;
    odl_settings settings;
    odl_scaling scaling;
    odl_net net;
} odl_session;

/* --- the session ------------------------------------------------------------------- */

/* Check an image of `size` bytes at `bytes` (aligned to 8) and point `session` at it. */
int odl_open(odl_session *session, const void *bytes, size_t size);

/* The same check for an image that is not to be used yet. */
int odl_open_net(odl_net *net, const void *bytes, size_t size);

/* Whether settings, seed and scaling lie in the ranges of odl.core.config; 0 if they do. */
int odl_settings_bad(const odl_settings *settings, uint64_t seed, const odl_scaling *scaling);

/* A fresh session from the opened image, its log empty, at `position` (0 to ODL_MAX_POSITION - 1),
   where `issued` questions (0 to 2**31 - 1) have been spent of the budget's period. Clears the
   log; 0 when done, else nothing has changed. */
int odl_begin(odl_session *session, const odl_settings *settings, uint64_t seed, const odl_scaling *scaling,
              int64_t position, int64_t issued);

/* A session that knows what the log's first n_log entries taught, once a refit that begins is done:
   until then the heads are the image's. The stream goes on at `position`, or where the log's last
   entry can have stood if that is later. */
void odl_resume(odl_session *session, const odl_settings *settings, uint64_t seed, const odl_scaling *scaling,
                uint32_t n_log, int64_t position, int64_t issued);

/* Consume `n` samples of ODL_CHANNELS int16 each. */
void odl_samples(odl_session *session, const int16_t *raw, size_t n);

/* `lost` samples are missing: 0 <= lost, position + lost < ODL_MAX_POSITION. */
void odl_gap(odl_session *session, int64_t lost);

/* Commands, at the current position. `cls` 255 is a skip; `name` has 1 to 32 bytes. */
void odl_label(odl_session *session, int64_t window, unsigned cls);
void odl_teach(odl_session *session, unsigned cls); /* the stream is of class `cls`: nobody asked */
void odl_undo(odl_session *session);
void odl_add_class(odl_session *session, unsigned cls, unsigned head, const uint8_t *name, size_t length);
void odl_split(odl_session *session, unsigned leaf, unsigned head);
/* Class `cls`, called `name`, counts as `into` of its task: another class, itself, or 255 for none. */
void odl_change_class(odl_session *session, unsigned cls, unsigned into, const uint8_t *name, size_t length);

/* Place of the open question that was asked first and has not expired, or -1. */
int odl_oldest_question(const odl_state *state);

/* --- the link: bytes from the line in, frames out (docs/protocol.md) ---------------- */

/* Most bytes of a frame to the board: envelope, message, checksum, before COBS. */
#ifndef ODL_LINK_FRAME
#define ODL_LINK_FRAME 768
#endif

typedef struct {
    odl_session *session;
    union { /* the samples of a frame lie at its byte 16, so they are read in place */
        uint8_t bytes[ODL_LINK_FRAME];
        int16_t counts[ODL_LINK_FRAME / 2];
    } in;
    uint8_t out[254]; /* a COBS group under construction */
    int64_t done_at;  /* where the stream stood when the frame `done` had been dealt with */
    uint32_t crc;     /* of the frame going out */
    uint32_t n_in;    /* bytes of the frame coming in */
    uint32_t number;  /* the session's, as Configure gave it; 0 before */
    uint32_t frames;  /* sent so far */
    uint32_t dropped; /* samples of the board's own sensor that were lost */
    uint32_t damaged; /* frames that came broken */
    uint32_t heard_at, told_at, status_at; /* microseconds: bytes came; Info, Status were sent */
    uint16_t reply;   /* sequence number of the frame being dealt with */
    uint16_t done;    /* that of the last one accepted since Hello */
    uint8_t code;     /* COBS: the group's code byte, and what is left of the group */
    uint8_t left;
    uint8_t n_out;
    uint8_t bad;      /* this frame is broken already */
    uint8_t greeted, configured, has_done, told;
} odl_link;

/* A link for `session`, whose image is open; the log holds `n_log` entries from before. */
void odl_link_begin(odl_link *link, odl_session *session, uint32_t n_log);

/* Bytes that came in; whole frames are dealt with before this returns. */
void odl_link_receive(odl_link *link, const uint8_t *bytes, size_t n);

/* Call often: says unasked what the board is and how it does. */
void odl_link_tick(odl_link *link, uint32_t now_micros);

/* Send an output, or samples that the board's own sensor gave (n of ODL_CHANNELS int16). */
void odl_link_event(odl_link *link, const odl_event *event);
void odl_link_samples(odl_link *link, int64_t start, const int16_t *raw, size_t n);

/* The board's own sensor lost samples: tell the host, then the session. */
void odl_link_gap(odl_link *link, int64_t lost, const char *why);

/* What a button can say; told to the host like its own commands: the oldest open question is
   answered with the class that is now shown for what it asks about; the last answer is taken back.
   Of a button that is held the host only hears: it asks what is done now. */
void odl_link_agree(odl_link *link);
void odl_link_undo(odl_link *link);
void odl_link_held(odl_link *link);

/* --- what a board supplies --------------------------------------------------------- */

/* An output, in order. The event is gone when this returns. */
void odl_emit(const odl_event *event);

/* The label log, a list: entry `index` below their number, aligned to 8; append at the end; remove
   a label or a change of a class, so that later entries move up; forget all. A pointer to an entry
   holds until the log is changed. Those that return int give 0 when done; what cannot be stored is
   refused as if the log were full. */
const odl_log_entry *odl_log_at(uint32_t index);
int odl_log_append(const odl_log_entry *entry);
int odl_log_remove(uint32_t index);
int odl_log_clear(void);

/* For the link: bytes to the line, all of them; microseconds of a clock that wraps; bytes from
   the line that were lost; the firmware's name and version, at most 64 characters of ASCII; what
   its numbers mean, a JSON object (docs/protocol.md, Description). */
void odl_board_write(const uint8_t *bytes, size_t n);
uint32_t odl_board_micros(void);
uint32_t odl_board_missed(void);
const char *odl_board_version(void);
const char *odl_board_description(void);

/* A session begins: what the sensor has kept until now is not part of it. */
void odl_board_begin(void);

/* A new model image, beside the one in use: how large it may be; some bytes of it; use it from
   the next start on, which follows as soon as the answer has left. Those that return int give 0, or
   an ODL_REFUSAL_ reason. */
uint32_t odl_board_image_room(void);
int odl_board_upload(uint32_t offset, const uint8_t *bytes, uint32_t n);
int odl_board_install(uint32_t size, uint32_t checksum);

/* The stored label log rewritten without what was removed from it: how many entries it has, or less
   than 0, an ODL_REFUSAL_ reason. */
int odl_board_compact(void);

#endif
