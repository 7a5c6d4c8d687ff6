#include <string.h>

#include "core.h"

/* One set of heads on one feature vector. */

/* Softmax of one task over its active rows, those of removed classes left out; how many there are, at most
   ODL_MAX_ROWS. `rows` and `out` receive the row numbers and their Q15 probabilities. */
uint32_t odl_head_probabilities(const odl_state *s, const odl_heads *heads, unsigned head,
                                const uint8_t *features, uint8_t *rows, int32_t *out)
{
    int64_t logits[ODL_MAX_ROWS];
    uint32_t n = 0;
    for (int r = 0; r < heads->n_rows; r++) {
        if (s->row_head[r] == head && (heads->active == NULL || heads->active[r] != 0) &&
            (heads->counted == NULL || heads->counted[r] != ODL_REMOVED)) {
            rows[n] = (uint8_t)r;
            logits[n] = odl_dense(heads->weights + r * ODL_ROW_LENGTH, features, ODL_FEATURES);
            n += 1;
        }
    }
    if (n > 0)
        odl_softmax(logits, n, s->head_format[head], out);
    return n;
}

/* Add the chances of merged classes to those that they count as; how many rows there are then, in order. */
static ODL_APART uint32_t fold(const odl_state *s, const uint8_t *counted, uint8_t *rows, int32_t *chances,
                               uint32_t n)
{
    int32_t sums[ODL_MAX_ROWS];
    uint32_t left = 0;
    memset(sums, 0xFF, sizeof sums);
    for (uint32_t i = 0; i < n; i++) {
        int32_t *sum = &sums[counted[rows[i]]];
        *sum = (*sum < 0 ? 0 : *sum) + chances[i];
    }
    for (int r = 0; r < s->n_rows; r++) {
        if (sums[r] >= 0) {
            rows[left] = (uint8_t)r;
            chances[left] = sums[r] < ODL_ONE ? sums[r] : ODL_ONE;
            left += 1;
        }
    }
    return left;
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

/* Run every task of `heads`; the length of the path.
 *
 * scores (ODL_MAX_ROWS) receives for each row the Q15 probability of its class, the product of the
 * probabilities along its path, each product rounded; rows that take no part get 0. path
 * receives class ids by hard routing from the root (ties: the earlier row). A task takes part
 * when it has an active row. A task's parent stands in an earlier task, so one pass is enough.
 *
 * The image's rows and tasks are the first ones of the tree, so fewer of both are the image's tree. */
uint8_t odl_products(const odl_state *s, const odl_heads *heads, const uint8_t *features, uint16_t *scores,
                     uint8_t *path)
{
    uint8_t rows[ODL_MAX_ROWS], best[ODL_MAX_HEADS];
    int32_t chances[ODL_MAX_ROWS];
    memset(best, ODL_NO_CLASS, sizeof best);
    memset(scores, 0, ODL_MAX_ROWS * sizeof *scores);
    for (int head = 0; head < heads->n_heads; head++) {
        uint32_t above = ODL_ONE;
        if (s->head_parent[head] != ODL_NO_CLASS) {
            int parent = odl_row_of(s, s->head_parent[head]);
            above = parent >= 0 ? scores[parent] : 0;
        }
        uint32_t n = odl_head_probabilities(s, heads, (unsigned)head, features, rows, chances);
        if (heads->counted != NULL)
            n = fold(s, heads->counted, rows, chances, n);
        uint32_t top = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (chances[i] > chances[top])
                top = i;
            scores[rows[i]] = (uint16_t)(((uint32_t)chances[i] * above + 16384) >> 15); /* <= 2**30 */
        }
        if (n > 0)
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
