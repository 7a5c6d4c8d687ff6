#include "core.h"

/* Whether `cls` is `answer` or stands above it in the tree; 255 never does. */
static int right(const odl_state *s, unsigned cls, unsigned answer)
{
    while (answer != ODL_NO_CLASS) {
        if (answer == cls)
            return 1;
        int row = odl_row_of(s, answer);
        answer = row < 0 ? ODL_NO_CLASS : s->head_parent[s->row_head[row]];
    }
    return 0;
}

/* Whether past answers speak for the leaf `mixed` where the image's heads say `base`, another one or none.
 *
 * The balance counts the answers for which the two differed in the same way: for `mixed` less for
 * `base`. A class that the image does not know needs a balance that is not negative; one that it knows
 * a positive one, or to have been the answer at least twice, and as often as `base`, where the
 * image's heads said `base`. */
int odl_gate(const odl_session *session, const uint8_t *counted, unsigned base, unsigned mixed)
{
    const odl_state *s = &session->state;
    int32_t balance = 0, for_mixed = 0, for_base = 0;
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind != ODL_ENTRY_LABEL || odl_counts_as(s, counted, entry->base) != base)
            continue;
        unsigned cls = odl_counts_as(s, counted, entry->cls);
        if (cls == ODL_NO_CLASS)
            continue;
        for_mixed += cls == mixed;
        for_base += cls == base;
        if (odl_counts_as(s, counted, entry->mixed) == mixed)
            balance += right(s, mixed, cls) - right(s, base, cls);
    }
    if (odl_row_of(s, mixed) >= session->net.n_rows)
        return balance >= 0;
    return balance >= 1 || (balance >= 0 && for_mixed >= 2 && for_mixed >= for_base);
}
