#include <string.h>

#include "core.h"

/* What the heads say of one feature vector.
 *
 * Once something was learned, the image's heads and those in use are averaged, row by row; a class
 * that the image does not know has only the latter. Where the two choose different leaves, the gate
 * tells whether past answers speak for the average. */

static int is_leaf(const odl_state *s, const uint8_t *counted, int row)
{
    return !odl_is_inner(s, counted, s->row_class[row]);
}

/* The last class of a path if nothing hangs under it, else 255. */
static uint8_t leaf_of(const odl_state *s, const uint8_t *counted, const uint8_t *path, uint8_t length)
{
    if (length == 0 || odl_is_inner(s, counted, path[length - 1]))
        return ODL_NO_CLASS;
    return path[length - 1];
}

/* The classes from the root down to `cls`, which has a row; how many. */
static uint8_t path_to(const odl_state *s, unsigned cls, uint8_t *path)
{
    uint8_t length = 0;
    for (unsigned c = cls; c != ODL_NO_CLASS && length < ODL_MAX_HEADS; length++)
        c = s->head_parent[s->row_head[odl_row_of(s, c)]];
    for (uint32_t i = length; i-- > 0;) {
        path[i] = (uint8_t)cls;
        cls = s->head_parent[s->row_head[odl_row_of(s, cls)]];
    }
    return length;
}

/* Average the scores of the heads in use with `base`, those of the image's `known` rows. What the
   former give to new classes is no longer there for the latter. An inner row is the sum of its task. */
static void mix(const odl_state *s, const uint8_t *counted, int known, const uint16_t *base, uint16_t *scores)
{
    uint32_t fresh = 0;
    for (int r = known; r < s->n_rows; r++)
        if (is_leaf(s, counted, r))
            fresh += scores[r];
    uint32_t rest = fresh < ODL_ONE ? ODL_ONE - fresh : 0;
    for (int r = 0; r < known; r++)
        scores[r] = (uint16_t)((scores[r] + ((rest * base[r] + 16384) >> 15) + 1) >> 1);
    for (int head = s->n_heads; head-- > 1;) {
        uint32_t sum = 0, active = 0;
        for (int r = 0; r < s->n_rows; r++) {
            if (s->row_head[r] == head) {
                sum += scores[r];
                active += s->row_active[r] != 0 && (counted == NULL || counted[r] != ODL_REMOVED);
            }
        }
        if (active > 0)
            scores[odl_row_of(s, s->head_parent[head])] = (uint16_t)(sum < ODL_ONE ? sum : ODL_ONE);
    }
}

/* The leaf with the greatest score, the earlier row on ties, or 255. */
static uint8_t likeliest(const odl_state *s, const uint8_t *counted, const uint16_t *scores)
{
    uint8_t cls = ODL_NO_CLASS;
    uint16_t most = 0;
    for (int r = 0; r < s->n_rows; r++) {
        if (scores[r] > most && is_leaf(s, counted, r)) {
            most = scores[r];
            cls = s->row_class[r];
        }
    }
    return cls;
}

/* Run the heads on `features`; the length of the path.
 *
 * scores (ODL_MAX_ROWS) and path (ODL_MAX_HEADS) are what is shown. leaves[0] is the leaf that the
 * image's heads choose, leaves[1] the one that the average does; 255 is none. */
uint8_t odl_score(const odl_session *session, const uint8_t *features, uint16_t *scores, uint8_t *path,
                  uint8_t *leaves)
{
    const odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint8_t rows[ODL_MAX_ROWS];
    const uint8_t *counted = odl_count_changes(s, rows);
    const odl_heads in_use = {s->weights[0], s->row_active, counted, s->n_rows, s->n_heads};
    const odl_heads of_image = {net->base, NULL, counted, net->n_rows, net->n_heads};
    uint16_t base[ODL_MAX_ROWS];
    uint8_t length = odl_products(s, &in_use, features, scores, path);
    if (!s->learned) {
        leaves[0] = leaves[1] = leaf_of(s, counted, path, length);
        return length;
    }
    length = odl_products(s, &of_image, features, base, path);
    mix(s, counted, net->n_rows, base, scores);
    leaves[0] = leaf_of(s, counted, path, length);
    leaves[1] = likeliest(s, counted, scores);
    if (leaves[1] != ODL_NO_CLASS &&
        (leaves[0] == leaves[1] || odl_gate(session, counted, leaves[0], leaves[1])))
        return path_to(s, leaves[1], path);
    memcpy(scores, base, sizeof base);
    return length;
}

/* 1 - (p1 - p2) in Q15 over the leaves, 0 to 32768 (TActiLE's informativeness). */
int32_t odl_uncertainty(const odl_state *s, const uint16_t *scores)
{
    int32_t first = 0, second = 0;
    uint8_t rows[ODL_MAX_ROWS];
    const uint8_t *counted = odl_count_changes(s, rows);
    for (int r = 0; r < s->n_rows; r++) {
        if (!is_leaf(s, counted, r))
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
