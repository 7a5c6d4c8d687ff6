#include "core.h"

/* Whether a question is due: the k-th at the middle of the k-th equal part of the period. With
   period, horizon and allowed below 2**31 the products are below 2**63. */
int odl_rule_periodic(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, int64_t left,
                      int64_t hop)
{
    const odl_settings *set = &session->settings;
    int64_t total = set->period;
    (void)features, (void)utility, (void)rate;
    if (total == 0)
        total = set->horizon;
    else if (set->in_samples != 0)
        total = odl_max64(1, (int64_t)odl_quotient((uint64_t)total, (uint64_t)hop));
    int64_t passed = odl_max64(0, total - left);
    uint64_t asked = (uint64_t)((2 * passed + 1) * set->allowed + total);
    return session->state.issued < (int64_t)odl_quotient(asked, (uint64_t)(2 * total));
}
