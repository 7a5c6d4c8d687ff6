#include "core.h"

/* Whether to ask about a window: the budget first, then the policy's rule. After TActiLE
   (Pavan, Galimberti, Roveri, IJCNN 2025); docs/methods.md says what is the paper's. */

/* Windows left in the period, this one (which ended at `end`, at least 1) included; at least 1.
   Starts the next period when its time has come. */
static int64_t windows_left(odl_session *session, int64_t end, int64_t hop)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    int64_t length = set->period, seen = s->counts[ODL_COUNT_WINDOWS], period, left;
    if (length == 0)
        return odl_max64(1, set->horizon - seen);
    if (set->in_samples != 0) {
        period = (int64_t)odl_quotient((uint64_t)(end - 1), (uint64_t)length);
        left = (int64_t)odl_quotient((uint64_t)((period + 1) * length - end), (uint64_t)hop) + 1;
    } else {
        period = (int64_t)odl_quotient((uint64_t)seen, (uint64_t)length);
        left = (period + 1) * length - seen;
    }
    if (period != s->period) {
        s->period = period;
        s->issued = 0;
    }
    return left;
}

/* Whether the rule is to spend the budget to the last question. */
static int spends(const odl_settings *set)
{
#define SPENDS(name, function, batches, spends) [ODL_RULE_##name] = spends,
    static const uint8_t all[] = {ODL_ASKING_RULES(SPENDS)};
#undef SPENDS
    return all[set->rule];
}

/* How many questions may wait for answers. */
static int64_t room_of(const odl_settings *set)
{
#define BATCHES(name, function, batches, spends) [ODL_RULE_##name] = batches,
    static const uint8_t waiting[] = {ODL_ASKING_RULES(BATCHES)};
#undef BATCHES
    int64_t room = waiting[set->rule] * set->batch;
    return room > 0 && room < ODL_MAX_PENDING ? room : ODL_MAX_PENDING;
}

static int by_rule(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, int64_t left,
                   int64_t hop)
{
    switch (session->settings.rule) {
#define CASE(name, function, batches, spends) \
    case ODL_RULE_##name: \
        return odl_rule_##function(session, features, utility, rate, left, hop);
        ODL_ASKING_RULES(CASE)
#undef CASE
    default:
        return 0;
    }
}

/* Whether the window that ended at `end` is asked about. Once per window, in order. */
int odl_decide(odl_session *session, const uint8_t *features, int32_t utility, int64_t end, int64_t hop)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    int64_t left = windows_left(session, end, hop);
    int64_t purse = odl_max64(0, set->allowed - s->issued);
    if (set->rule == ODL_RULE_NONE || (purse == 0 && spends(set)))
        return 0;
    /* purse < 2**31 */
    int64_t rate = purse >= left ? ODL_HIGHEST : (int64_t)odl_quotient((uint64_t)purse << 31, (uint64_t)left);
    int wanted = by_rule(session, features, utility, rate, left, hop);
    wanted = wanted || (purse >= left && spends(set));
    if (!wanted || purse == 0 || (s->asked_at != 0 && end - s->asked_at < set->every))
        return 0;
    if (s->n_ask >= room_of(set)) {
        s->counts[ODL_COUNT_BLOCKED] += 1;
        return 0;
    }
    return 1;
}
