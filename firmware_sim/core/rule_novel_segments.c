#include "core.h"

enum {
    FIRST = 6,      /* windows of a segment before it is weighed up; */
    AGAIN = 16,     /* and how many until it is again */
    UNKNOWN = 6554, /* distance where nothing was answered yet: 0.2 */
    LEAST = 3277,   /* doubt of a segment without any: 0.1 */
    FRONT = 2,      /* how much earlier than evenly the budget is spent */
};

/* The least distance of the segment's mean to an item that was answered, or is asked about. */
static int32_t novelty(const odl_state *s)
{
    uint8_t mean[ODL_FEATURES];
    int32_t least = -1;
    odl_segment_mean(s, mean);
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind == ODL_ENTRY_LABEL) {
            int32_t d = odl_distance(mean, entry->features, ODL_FEATURES);
            least = least < 0 || d < least ? d : least;
        }
    }
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_status[i] == ODL_ASKED_OPEN || s->ask_status[i] == ODL_ASKED_ANSWERED) {
            int32_t d = odl_distance(mean, s->ask_features[i], ODL_FEATURES);
            least = least < 0 || d < least ? d : least;
        }
    }
    return least < 0 ? UNKNOWN : least;
}

/* Whether the segment is unlike all that was answered, and in doubt, more than most of the last
   segments were: by how much, says what is left of the budget. It is weighed up a few windows after
   its beginning and now and then after that, until it is asked about. Runs without a budget, too, so
   that the scores are there when the next period begins. */
int odl_rule_novel_segments(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate,
                            int64_t left, int64_t hop)
{
    odl_state *s = &session->state;
    (void)features, (void)rate, (void)hop;
    s->doubt += utility;
    if (s->asked || s->age < FIRST || (uint32_t)(s->age - FIRST) % AGAIN != 0)
        return 0;
    /* At most 32768 * (3277 + 32768), below 2**31. */
    uint32_t doubt = (uint32_t)odl_quotient((uint64_t)s->doubt, (uint64_t)s->age);
    int32_t score = (int32_t)(((uint32_t)novelty(s) * (LEAST + doubt)) >> 15);
    s->recent[s->recent_at] = (uint16_t)score;
    s->recent_at = s->recent_at + 1 < ODL_RECENT ? s->recent_at + 1 : 0;
    if (s->n_recent < ODL_RECENT)
        s->n_recent += 1;
    s->points += 1;
    int64_t purse = session->settings.allowed - s->issued;
    if (purse <= 0)
        return 0;
    uint64_t weighed = (uint64_t)((s->points + 2) * left), windows = (uint64_t)(s->counts[ODL_COUNT_WINDOWS] + 17);
    int64_t rest = odl_max64(1, (int64_t)odl_quotient(weighed, windows));
    int64_t rank = s->n_recent - (int64_t)odl_quotient((uint64_t)(FRONT * purse * s->n_recent), (uint64_t)rest);
    int64_t below = 0; /* scores that this one reaches: with more than `rank` it reaches the one of that rank */
    for (int32_t i = 0; i < s->n_recent; i++)
        below += s->recent[i] <= score;
    if (rank > s->n_recent - 1)
        rank = s->n_recent - 1;
    return below > odl_max64(rank, 0) && score >= session->settings.floor;
}
