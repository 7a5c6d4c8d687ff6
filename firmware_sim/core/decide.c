#include "core.h"
#include "shift.h"

/* Whether to ask about a window: the budget first, then the policy's rule. After TActiLE
   (Pavan, Galimberti, Roveri, IJCNN 2025); docs/methods.md says what is the paper's. */

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Windows left in the period, this one (which ended at `end`, at least 1) included; at least 1.
   Starts the next period when its time has come. */
static int64_t windows_left(odl_session *session, int64_t end, int64_t hop)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    int64_t length = set->period, seen = s->counts[ODL_COUNT_WINDOWS], period, left;
    if (length == 0)
        return max64(1, set->horizon - seen);
    if (set->in_samples != 0) {
        period = (end - 1) / length;
        left = ((period + 1) * length - end) / hop + 1;
    } else {
        period = seen / length;
        left = (period + 1) * length - seen;
    }
    if (period != s->period) {
        s->period = period;
        s->issued = 0;
    }
    return left;
}

/* Uncertain enough: at least the reference value, a streaming (1 - rate) quantile. The first
   16 scores only set the reference. rate Q31, 0 to 2**31; utility Q15, 0 to 32768. */
static int informative(odl_session *session, int32_t utility, int64_t rate)
{
    odl_state *s = &session->state;
    if (s->n_warm < ODL_WARM) {
        int32_t at = s->n_warm;
        while (at > 0 && s->warm[at - 1] > utility) { /* insertion keeps them sorted */
            s->warm[at] = s->warm[at - 1];
            at -= 1;
        }
        s->warm[at] = (uint16_t)utility;
        s->n_warm += 1;
        if (s->n_warm == ODL_WARM) {
            uint64_t rank = ((uint64_t)(ODL_HIGHEST - rate) * ODL_WARM) >> 31;
            rank = rank < ODL_WARM ? rank : ODL_WARM - 1;
            s->rv_u = max64((int64_t)s->warm[rank] * 65536, ODL_LOWEST);
        }
        return 0;
    }
    int wanted = (int64_t)utility * 65536 >= s->rv_u;
    s->rv_u = odl_track_quantile(s->rv_u, utility, rate, (unsigned)session->settings.step);
    return wanted;
}

/* Different enough from the open batch: the distance to its nearest member. An empty batch
   accepts anything; the first distance after that only sets the reference. */
static int far_enough(odl_session *session, const uint8_t *features, int64_t rate)
{
    odl_state *s = &session->state;
    int32_t nearest = -1;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_batch[i] == s->batch) {
            int32_t d = odl_distance(features, s->ask_features[i], ODL_FEATURES);
            if (nearest < 0 || d < nearest)
                nearest = d;
        }
    }
    if (nearest < 0)
        return 1;
    if (s->n_far == 0) {
        s->n_far = 1;
        s->rv_d = max64((int64_t)nearest * 65536, ODL_LOWEST);
        return 0;
    }
    int wanted = (int64_t)nearest * 65536 >= s->rv_d;
    s->rv_d = odl_track_quantile(s->rv_d, nearest, rate, (unsigned)session->settings.step);
    return wanted;
}

/* Evenly spaced: the k-th question at the middle of the k-th equal part of the period. With
   period, horizon and allowed below 2**31 the products are below 2**63. */
static int periodic(const odl_session *session, int64_t left, int64_t hop)
{
    const odl_settings *set = &session->settings;
    int64_t total = set->period;
    if (total == 0)
        total = set->horizon;
    else if (set->in_samples != 0)
        total = max64(1, total / hop);
    int64_t passed = max64(0, total - left);
    int64_t due = ((2 * passed + 1) * set->allowed + total) / (2 * total);
    return session->state.issued < due;
}

/* Whether the window that ended at `end` is asked about. Once per window, in order. */
int odl_decide(odl_session *session, const uint8_t *features, int32_t utility, int64_t end, int64_t hop)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    int64_t left = windows_left(session, end, hop);
    int64_t purse = set->allowed - s->issued;
    int wanted;
    if (set->rule == ODL_RULE_NONE || purse <= 0)
        return 0;
    /* purse < 2**31 */
    int64_t rate = purse >= left ? ODL_HIGHEST : (int64_t)(((uint64_t)purse << 31) / (uint64_t)left);
    if (set->rule == ODL_RULE_INFORV) {
        wanted = informative(session, utility, rate);
    } else if (set->rule == ODL_RULE_DUALRV) {
        int64_t each = odl_root(rate * ODL_HIGHEST);
        int near = far_enough(session, features, each);
        wanted = informative(session, utility, each) && near;
    } else if (set->rule == ODL_RULE_RANDOM) {
        s->generator = odl_next_state(s->generator);
        wanted = odl_below(s->generator, (uint64_t)left) < purse;
    } else {
        wanted = periodic(session, left, hop);
    }
    wanted = wanted || purse >= left;
    int64_t room = ODL_MAX_PENDING;
    if ((set->rule == ODL_RULE_INFORV || set->rule == ODL_RULE_DUALRV) && 2 * set->batch < room)
        room = 2 * set->batch;
    if (wanted && s->n_ask >= room) {
        s->counts[ODL_COUNT_BLOCKED] += 1;
        return 0;
    }
    return wanted;
}
