#include <string.h>

#include "core.h"

/* Softmax of one task over its active rows; how many there are, at most ODL_MAX_ROWS. `rows`
   and `out` receive the row numbers and their Q15 probabilities. */
uint32_t odl_head_probabilities(const odl_state *s, unsigned head, const uint8_t *features, uint8_t *rows,
                                int32_t *out)
{
    int64_t logits[ODL_MAX_ROWS];
    uint32_t n = 0;
    for (int r = 0; r < s->n_rows; r++) {
        if (s->row_head[r] == head && s->row_active[r] != 0) {
            rows[n] = (uint8_t)r;
            logits[n] = odl_dense(s->weights[r], features, ODL_FEATURES);
            n += 1;
        }
    }
    if (n > 0)
        odl_softmax(logits, n, s->head_format[head], out);
    return n;
}

/* The row of class `cls`, or -1. */
int odl_row_of(const odl_state *s, unsigned cls)
{
    for (int r = 0; r < s->n_rows; r++)
        if (s->row_class[r] == cls)
            return r;
    return -1;
}

/* The task that hangs under class `cls`, or -1. */
int odl_head_under(const odl_state *s, unsigned cls)
{
    for (int head = 0; head < s->n_heads; head++)
        if (s->head_parent[head] == cls)
            return head;
    return -1;
}

/* Run every task on `features`; the length of the path.
 *
 * scores (rows,) receives for each row the Q15 probability of its class, the product of the
 * probabilities along its path, each product rounded; rows that take no part get 0. path
 * receives class ids by hard routing from the root (ties: the earlier row). A task takes part
 * when it has at least two active rows. A task's parent stands in an earlier task, so one
 * pass is enough. */
uint8_t odl_score(const odl_state *s, const uint8_t *features, uint16_t *scores, uint8_t *path)
{
    uint8_t rows[ODL_MAX_ROWS], best[ODL_MAX_HEADS];
    int32_t chances[ODL_MAX_ROWS];
    memset(best, ODL_NO_CLASS, sizeof best);
    for (int r = 0; r < s->n_rows; r++)
        scores[r] = 0;
    for (int head = 0; head < s->n_heads; head++) {
        uint32_t above = ODL_ONE;
        if (s->head_parent[head] != ODL_NO_CLASS) {
            int parent = odl_row_of(s, s->head_parent[head]);
            above = parent >= 0 ? scores[parent] : 0;
        }
        uint32_t n = odl_head_probabilities(s, (unsigned)head, features, rows, chances);
        if (n < 2)
            continue;
        uint32_t top = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (chances[i] > chances[top])
                top = i;
            scores[rows[i]] = (uint16_t)(((uint32_t)chances[i] * above + 16384) >> 15); /* <= 2**30 */
        }
        best[head] = s->row_class[rows[top]];
    }
    uint8_t length = 0;
    int at = 0;
    while (at >= 0 && best[at] != ODL_NO_CLASS && length < ODL_MAX_HEADS) {
        path[length] = best[at];
        at = odl_head_under(s, best[at]);
        length += 1;
    }
    return length;
}

/* Whether a task hangs under class `cls` and takes part: it has two active rows. */
static int has_part_below(const odl_state *s, unsigned cls)
{
    int below = odl_head_under(s, cls), active = 0;
    if (below < 0)
        return 0;
    for (int r = 0; r < s->n_rows; r++)
        active += s->row_head[r] == below && s->row_active[r] != 0;
    return active >= 2;
}

/* 1 - (p1 - p2) in Q15 over the leaves, 0 to 32768 (TActiLE's informativeness). A leaf is a
   row without a task below it that takes part. */
int32_t odl_uncertainty(const odl_state *s, const uint16_t *scores)
{
    int32_t first = 0, second = 0;
    for (int r = 0; r < s->n_rows; r++) {
        if (has_part_below(s, s->row_class[r]))
            continue;
        int32_t value = scores[r];
        if (value > first) {
            second = first;
            first = value;
        } else if (value > second) {
            second = value;
        }
    }
    return ODL_ONE - (first - second);
}
