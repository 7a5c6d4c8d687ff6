/* Whole sessions: settings, then samples, gaps, answers, classes and what nobody would do. */
#include "fuzz.h"

static int64_t wide(fuzz_input *in)
{
    static const int64_t edges[] = {(int64_t)1 << 31, (int64_t)1 << 32, (int64_t)1 << 53, ODL_MAX_POSITION};
    uint8_t kind = fuzz_u8(in);
    if (kind < 200)
        return kind;
    return edges[kind % 4] - 400 + (int64_t)fuzz_number(in, 2) % 400;
}

static int begin(odl_session *session, fuzz_input *in)
{
    odl_settings set;
    odl_scaling scaling;
    memset(&set, 0, sizeof set);
    memset(&scaling, 0, sizeof scaling);
    set.rule = fuzz_u8(in) % (ODL_LAST_RULE + 2);
    set.allowed = (int64_t)fuzz_number(in, 1);
    set.period = (int64_t)fuzz_number(in, 2);
    set.horizon = (int64_t)fuzz_number(in, 2);
    set.batch = fuzz_u8(in);
    set.in_samples = fuzz_u8(in) % 3;
    set.patience = wide(in);
    set.step = fuzz_u8(in) % 18;
    set.hold = fuzz_u8(in) % 2;
    set.change = (int64_t)fuzz_number(in, 2);
    set.every = fuzz_u8(in);
    set.floor = (int64_t)fuzz_number(in, 2);
    for (int c = 0; c < ODL_CHANNELS; c++) {
        scaling.mult[c] = (int32_t)fuzz_number(in, 4);
        scaling.shift[c] = fuzz_u8(in) % 62;
        scaling.offset[c] = (int16_t)fuzz_number(in, 2);
    }
    int64_t position = wide(in), issued = fuzz_u8(in);
    uint64_t seed = fuzz_number(in, 2);
    if (odl_settings_bad(&set, seed, &scaling) || position >= ODL_MAX_POSITION)
        return 0;
    return odl_begin(session, &set, seed, &scaling, position, issued) == 0;
}

static void feed(odl_session *session, fuzz_input *in)
{
    int16_t raw[32 * ODL_CHANNELS];
    size_t n = fuzz_u8(in) % 33;
    uint8_t base = fuzz_u8(in), spread = fuzz_u8(in);
    if ((int64_t)n >= ODL_MAX_POSITION - session->state.position)
        return;
    for (size_t i = 0; i < n * ODL_CHANNELS; i++)
        raw[i] = (int16_t)((base - 128) * 256 + (int)((i * 37u) % 256u) * spread / 4);
    odl_samples(session, raw, n);
}

static int64_t window(const odl_session *session, fuzz_input *in)
{
    const odl_state *s = &session->state;
    uint8_t which = fuzz_u8(in);
    return s->n_ask > 0 && which < 220 ? s->ask_window[which % s->n_ask] : wide(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static odl_session session;
    static const uint8_t name[] = "a class with a name of 32 bytes";
    fuzz_input in = {data, size};
    odl_event events[64];
    fuzz_start(&session);
    if (!begin(&session, &in))
        return -1; /* nothing to learn from */
    for (int acts = 0; in.left > 0 && acts < 200; acts++) {
        uint8_t act = fuzz_u8(&in);
        int64_t lost;
        switch (act % 9) {
        case 0:
            lost = wide(&in);
            if (lost < ODL_MAX_POSITION - session.state.position)
                odl_gap(&session, lost);
            break;
        case 1:
            odl_label(&session, window(&session, &in), fuzz_u8(&in));
            break;
        case 2:
            odl_label(&session, window(&session, &in), act / 9u % 8u);
            break;
        case 3:
            odl_teach(&session, fuzz_u8(&in) % 255);
            break;
        case 4:
            odl_undo(&session);
            break;
        case 5:
            odl_add_class(&session, act / 9u, fuzz_u8(&in), name, 1u + fuzz_u8(&in) % ODL_NAME_BYTES);
            break;
        case 6:
            odl_split(&session, act / 9u, fuzz_u8(&in));
            break;
        default:
            feed(&session, &in);
        }
        (void)odl_host_take(events, 64);
        fuzz_check(&session, 1);
    }
    odl_resume(&session, &session.settings, 1, &session.scaling, (uint32_t)session.state.n_log,
               session.state.position, 0);
    fuzz_need(session.state.n_log <= ODL_MAX_LOG, "a session can be gone on with");
    return 0;
}
