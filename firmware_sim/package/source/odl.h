/* A model that learns while it is worn: samples in, predictions and questions out, answers back in.

   One session, no heap, no floating point in it. Call these functions from one thread, and
   `odl_device_init` before any other: until it has succeeded, the others do nothing, and give what they give
   without a question, an event or a store. Everything that belongs to the board comes as functions in
   `odl_device_setup`. */
#ifndef ODL_DEVICE_H
#define ODL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "odl_model.h" /* sizes, rate, channels and classes of this package's model */

#ifdef __cplusplus
extern "C" {
#endif

#define ODL_DEVICE_SKIP 255u  /* as an answer: the question is put off for good */
#define ODL_DEVICE_AGREE 256u /* as an answer: the class that is now shown for what it asks about */

/* What a board supplies. A function that it has not is NULL. */
typedef struct {
    const char *name; /* of the board, ASCII, for the host */
    /* Microseconds of a clock that wraps around; needed. */
    uint32_t (*micros)(void);
    /* Bytes to the host, all of them; NULL: no line. */
    void (*write)(const uint8_t *bytes, size_t n);
    /* ODL_DEVICE_STORE bytes that outlive a power cut and can be written again at any place, such as a
       file or an EEPROM; 0 when done. A piece is always read whole, as it was written, so the offset can
       be a key, too. NULL: what was learned is lost with the power. */
    int (*store_read)(uint32_t offset, void *bytes, size_t n);
    int (*store_write)(uint32_t offset, const void *bytes, size_t n);
    /* 1: samples come from the host over the line; 0: from odl_device_push. */
    int fed_by_host;
} odl_device_setup;

enum {
    ODL_DEVICE_PREDICTION = 1, /* cls, share */
    ODL_DEVICE_QUESTION = 2,   /* window, expires: somebody should say which class this was */
    ODL_DEVICE_LEARNED = 3,    /* window, cls: an answer is in the heads now */
    ODL_DEVICE_DROPPED = 4     /* window, why (odl_messages.h, ODL_WHY_): something had no effect */
};

typedef struct {
    int64_t window;  /* number of its first sample */
    int64_t expires; /* the sample at which the question ends */
    uint16_t share;  /* of 32768: how sure the prediction is among its neighbours in the tree */
    uint8_t kind;
    uint8_t cls;
    uint8_t why;
} odl_device_event;

/* Start the session; what was stored is used from the first window on. `setup` has to stay there.
   0; -1 without a setup or its clock; or why the model image cannot be used (core/odl.h, ODL_IMAGE_). */
int odl_device_init(const odl_device_setup *setup);

/* One sample: ODL_MODEL_CHANNELS counts, in the order of odl_model.h. */
void odl_device_push(const int16_t *counts);

/* `n` samples were lost just before the next one. */
void odl_device_lost(uint32_t n);

/* The next event, oldest first; 0 if there is none. At most ODL_DEVICE_EVENTS wait; further ones push out
   the oldest. */
#define ODL_DEVICE_EVENTS 16
int odl_device_poll(odl_device_event *event);

/* The window of the oldest open question, or -1. */
int64_t odl_device_question(void);

/* Answer the oldest open question with a class, ODL_DEVICE_SKIP or ODL_DEVICE_AGREE; 0 if there is none, or `cls` is
   no such number. */
int odl_device_answer(unsigned cls);

/* Without a question: what has been worn since it last changed is of class `cls`. If a question is open about
   it, this is its answer. 0 if `cls` is no class of any model; what came of it is an event. */
int odl_device_teach(unsigned cls);

/* Take back what was answered or taught last. */
void odl_device_undo(void);

/* Tell the host, if there is one, that a person wants to say what is done now: `odl live` then asks. */
void odl_device_held(void);

/* Write what changed since the last time to the store: 1 if something was written, 0 if nothing had
   changed, -1 if it could not be written. A power cut at any moment costs at most the newest answer. */
int odl_device_save(void);

/* Go on with what the store holds for this model: the number of entries, or -1 without a store. */
int odl_device_load(void);

/* Bytes from the host; what they ask for is done, and answered, before this returns. */
void odl_device_receive(const uint8_t *bytes, size_t n);

/* Call often: sends what is due to the host. */
void odl_device_tick(void);

/* A value in the model's unit as a count, rounded and limited to 16 bits; -32768 if it is not a number. */
int16_t odl_device_count(unsigned channel, float value);

#ifdef __cplusplus
}
#endif

#endif
