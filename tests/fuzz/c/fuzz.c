#include "fuzz.h"

uint8_t *fuzz_model;
size_t fuzz_model_size;
odl_session fuzz_opened;
static odl_log_entry *entries; /* on the heap, so that a tool sees each overrun */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *path = getenv("ODL_FUZZ_MODEL");
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    (void)argc;
    (void)argv;
    fuzz_need(file != NULL, "ODL_FUZZ_MODEL names a model image");
    fseek(file, 0, SEEK_END);
    fuzz_model_size = (size_t)ftell(file);
    rewind(file);
    fuzz_model = malloc(fuzz_model_size);
    entries = calloc(ODL_MAX_LOG, sizeof *entries);
    fuzz_need(fuzz_model != NULL && entries != NULL, "there is memory");
    fuzz_need(fread(fuzz_model, 1, fuzz_model_size, file) == fuzz_model_size, "the image can be read");
    fclose(file);
    fuzz_need(odl_open(&fuzz_opened, fuzz_model, fuzz_model_size) == ODL_IMAGE_FINE, "the image can be used");
    return 0;
}

void fuzz_start(odl_session *session)
{
    memcpy(session, &fuzz_opened, sizeof *session);
    odl_host_use_log(entries, ODL_MAX_LOG, 0);
    odl_log_clear();
}

void fuzz_check(const odl_session *session, int whole)
{
    const odl_state *s = &session->state;
    int64_t answered = 0, labels = 0;
    fuzz_need(s->position >= 0 && s->position < ODL_MAX_POSITION, "the stream has a place");
    fuzz_need(s->n_ask >= 0 && s->n_ask <= ODL_MAX_PENDING, "questions have room");
    fuzz_need(s->n_rows >= 2 && s->n_rows <= ODL_MAX_ROWS && s->n_heads <= ODL_MAX_HEADS, "classes have room");
    fuzz_need(s->n_log >= 0 && s->n_log <= ODL_MAX_LOG, "the log has room");
    if (session->settings.period == 0 && session->settings.rule != ODL_RULE_NONE)
        fuzz_need(s->counts[ODL_COUNT_QUERIES] <= session->settings.allowed, "the budget is exact");
    for (int32_t i = 0; i < s->n_ask; i++)
        answered += s->ask_status[i] == ODL_ASKED_ANSWERED;
    for (int32_t i = 0; i < s->n_log; i++)
        labels += odl_log_at((uint32_t)i)->kind == ODL_ENTRY_LABEL;
    fuzz_need(!whole ||
              s->counts[ODL_COUNT_ANSWERED] + s->counts[ODL_COUNT_TAUGHT] - s->counts[ODL_COUNT_UNDONE] ==
                  answered + labels + s->counts[ODL_COUNT_GAVE_WAY],
              "each answer is somewhere");
}
