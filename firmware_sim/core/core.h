/* The kernels, for each other. Ranges stand where each is written. */
#ifndef ODL_CORE_H
#define ODL_CORE_H

#include "odl.h"

#define ODL_BIAS 128               /* the constant feature that a row's last weight is for */
#define ODL_ONE 32768              /* 1.0 in Q15 */
#define ODL_LIMIT ((int32_t)1 << 30) /* head weights saturate here */
#define ODL_ROW_LENGTH (ODL_FEATURES + 1)
#define ODL_LOWEST ((int64_t)1 << 16)
#define ODL_HIGHEST ((int64_t)1 << 31)

/* Whether the build's model has an operation of this number; others are left out. */
#define ODL_HAS(op) ((ODL_OPERATIONS >> (op)) & 1)
#define ODL_REACHING (ODL_OPERATIONS >> ODL_OP_BRANCH != 0) /* some layer takes the outputs of an earlier one */
#define ODL_BESIDE INT16_MIN                                /* an input of odl_average that is padding */

#define ODL_REMOVED 255 /* what a row of a removed class counts as */

/* Heads over the tree's first rows and tasks: weights row by row, which rows take part (NULL: all), and what each
   counts as (changes.c; NULL: itself). */
typedef struct {
    const int32_t *weights;
    const uint8_t *active, *counted;
    int32_t n_rows, n_heads;
} odl_heads;

/* A function whose locals its caller shall not carry down into everything else that it calls. */
#if defined(__GNUC__)
#define ODL_APART __attribute__((noinline))
#else
#define ODL_APART
#endif

/* Padding before a layer's first input; one that reaches back has that distance in its place. */
static inline uint32_t odl_left(const odl_layer *layer)
{
    return layer->op < ODL_OP_BRANCH ? layer->left : 0u;
}

static inline int64_t odl_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* quotient.c */
uint64_t odl_quotient(uint64_t dividend, uint64_t divisor);
/* requantise.c */
uint8_t odl_requantise_relu_u8(int32_t acc, int32_t mult, unsigned shift);
/* conv.c */
void odl_conv(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
              const int16_t *taps, uint32_t n, uint32_t cout, unsigned op, unsigned zero, int16_t *out);
/* requantise_zero.c */
int32_t odl_scale_twice(int32_t value, int32_t mult, unsigned shift);
uint8_t odl_requantise_zero(int32_t acc, int32_t mult, unsigned shift, unsigned zero, unsigned twice);
/* operations.c */
void odl_depthwise(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
                   const int16_t *taps, uint32_t kernel, uint32_t channels, unsigned zero, int16_t *out);
void odl_largest(const int16_t *taps, uint32_t kernel, uint32_t channels, int32_t more, int16_t *out);
void odl_lookup(const int8_t *tables, const int16_t *taps, uint32_t channels, int32_t more, int16_t *out);
void odl_average(const int16_t *taps, uint32_t kernel, uint32_t channels, int32_t more, int16_t *out);
/* join.c */
void odl_add(const int16_t *one, const int16_t *other, uint32_t channels, const int32_t *zeros,
             const int32_t *mults, const uint8_t *shifts, unsigned zero, int16_t *out);
void odl_hand_on(odl_session *session, uint32_t i, int16_t *taps, const int16_t *x);
int odl_join(odl_session *session, uint32_t i, int16_t *taps, uint32_t numbers, int here, int16_t *x);
/* pool.c */
void odl_pool(const uint8_t *ring, uint32_t positions, uint32_t channels, uint32_t first, uint8_t *features);
/* dense.c */
int64_t odl_dense(const int32_t *row, const uint8_t *features, uint32_t n);
/* softmax.c */
int32_t odl_exp_q15(int64_t logit_below, unsigned format);
void odl_softmax(const int64_t *logits, uint32_t n, unsigned format, int32_t *out);
/* distance.c */
int32_t odl_distance(const uint8_t *a, const uint8_t *b, uint32_t n);
/* generator.c */
uint64_t odl_next_state(uint64_t state);
uint32_t odl_below(uint64_t state, uint64_t n);
uint64_t odl_shuffle(uint16_t *order, uint32_t n, uint64_t state);
/* quantile.c */
int64_t odl_track_quantile(int64_t reference, int32_t score, int64_t rate, unsigned step);
/* scale_input.c */
int64_t odl_scale_input(int16_t raw, int32_t mult, unsigned shift, int16_t offset);
/* imprint.c */
void odl_mean_stored(const uint8_t *stored, uint32_t n_stored, uint32_t n, uint8_t *centre);
void odl_imprint(int32_t *row, const uint8_t *features, const uint8_t *centre, uint32_t n, unsigned gain);
/* sgd.c */
void odl_sgd(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift);
void odl_sgd_inside(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift);
/* extract.c */
void odl_restart(odl_state *s, int64_t lost);
size_t odl_extract(odl_session *session, const int16_t *raw, size_t n, size_t first);
int odl_window_complete(const odl_session *session);
/* heads.c */
int odl_row_of(const odl_state *s, unsigned cls);
int odl_head_under(const odl_state *s, unsigned cls);
uint32_t odl_head_probabilities(const odl_state *s, const odl_heads *heads, unsigned head,
                                const uint8_t *features, uint8_t *rows, int32_t *out);
uint8_t odl_products(const odl_state *s, const odl_heads *heads, const uint8_t *features, uint16_t *scores,
                     uint8_t *path);
/* changes.c */
const uint8_t *odl_count_changes(const odl_state *s, uint8_t *counted);
unsigned odl_counts_as(const odl_state *s, const uint8_t *counted, unsigned cls);
int odl_is_inner(const odl_state *s, const uint8_t *counted, unsigned cls);
int odl_is_shown(const odl_state *s, unsigned cls);
int odl_can_change(const odl_session *session, const uint8_t *counted, unsigned cls, unsigned into);
/* score.c */
uint8_t odl_score(const odl_session *session, const uint8_t *features, uint16_t *scores, uint8_t *path,
                  uint8_t *leaves);
int32_t odl_uncertainty(const odl_state *s, const uint16_t *scores);
/* gate.c */
int odl_gate(const odl_session *session, const uint8_t *counted, unsigned base, unsigned mixed);
/* segment.c */
void odl_segment_mean(const odl_state *s, uint8_t *mean);
void odl_end_segment(odl_state *s);
void odl_segment(odl_session *session, const uint8_t *features, int64_t window);
/* hold.c */
void odl_hold(odl_session *session, unsigned cls, unsigned said);
void odl_shown(odl_state *s, unsigned said);
/* refit.c */
void odl_rebuild(odl_session *session);
void odl_start_refit(odl_session *session);
void odl_refit(odl_session *session);
void odl_advance(odl_session *session, uint32_t visits);
/* log.c */
int odl_make_room(odl_session *session);
int odl_learn(odl_session *session, int64_t now, odl_log_entry *label);
/* ask.c */
void odl_ask(odl_session *session, int64_t window, int64_t end, int32_t utility);
void odl_expire(odl_session *session, int64_t now);
void odl_answer(odl_session *session, int64_t at, int64_t window, unsigned cls);
int64_t odl_settled_batch(const odl_state *s);
int odl_collect(odl_session *session, int64_t batch, int64_t now);
int odl_taught(odl_session *session, int64_t at, unsigned cls);
/* grow.c */
void odl_base_rows(const odl_net *net, int32_t (*weights)[ODL_ROW_LENGTH], uint8_t *active);
void odl_load_base(odl_session *session);
void odl_add_row(odl_state *s, unsigned cls, unsigned head);
void odl_add_head(odl_state *s, unsigned leaf);
int odl_undo_last(odl_session *session, int64_t at);
/* rule_*.c: whether a rule wants the window that has `features` and `utility` (Q15, 0 to 32768), at
   `rate` (Q31, 0 to 2**31), with so many windows left, this one included. One that need not spend the
   budget runs when nothing is left of it, too. */
#define ODL_DECLARE(name, function, batches, spends) \
    int odl_rule_##function(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, \
                            int64_t left, int64_t hop);
ODL_ASKING_RULES(ODL_DECLARE)
#undef ODL_DECLARE
/* decide.c */
int odl_decide(odl_session *session, const uint8_t *features, int32_t utility, int64_t end, int64_t hop);
/* run.c */
size_t odl_run(odl_session *session, const int16_t *raw, size_t n, size_t first);
/* emit.c */
void odl_emit_query(int64_t window, int32_t utility, int64_t expires, int64_t since);
void odl_emit_learned(int64_t at, int64_t window, unsigned cls, unsigned head);
void odl_emit_dropped(int64_t at, int64_t window, unsigned why);
/* crc32.c */
uint32_t odl_crc32(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
