/* The session on this computer, fed with lines: samples in, events out. A first try before there is a board.

   Lines: "V V V ..." one sample in the model's units; "# C C C ..." one in counts; "answer CLASS", "agree",
   "teach CLASS", "skip", "undo",
   "lost N". What depends on the computer is in board.h. */
#include <stdlib.h>
#include <string.h>

#include <odl.h>

#include "board.h"

static void sample(char *text, int in_counts)
{
    int16_t counts[ODL_MODEL_CHANNELS];

    for (unsigned i = 0; i < ODL_MODEL_CHANNELS; i++) {
        char *end;
        float value = strtof(text, &end);
        if (end == text)
            return; /* no sample */
        counts[i] = in_counts ? (int16_t)value : odl_device_count(i, value);
        text = end;
    }
    odl_device_push(counts);
}

static void print_events(void)
{
    static const char *const names[] = ODL_MODEL_CLASS_NAMES;
    static const unsigned char numbers[] = ODL_MODEL_CLASSES;
    odl_device_event event;

    while (odl_device_poll(&event)) {
        const char *name = "";
        for (unsigned i = 0; i < sizeof numbers; i++)
            if (numbers[i] == event.cls)
                name = names[i];
        if (event.kind == ODL_DEVICE_PREDICTION)
            printf("prediction %lld %u %u %s\n", (long long)event.window, event.cls, event.share, name);
        else if (event.kind == ODL_DEVICE_QUESTION)
            printf("question %lld %lld\n", (long long)event.window, (long long)event.expires);
        else if (event.kind == ODL_DEVICE_LEARNED)
            printf("learned %lld %u %s\n", (long long)event.window, event.cls, name);
        else
            printf("dropped %lld %u\n", (long long)event.window, event.why);
    }
}

int main(void)
{
    char text[1024];
    int wrong = odl_device_init(&board);

    if (wrong != 0) {
        fprintf(stderr, "the model image cannot be used (%d)\n", wrong);
        return 1;
    }
    while (fgets(text, sizeof text, stdin) != NULL) {
        if (strncmp(text, "answer ", 7) == 0)
            odl_device_answer((unsigned)atoi(text + 7));
        else if (strncmp(text, "teach ", 6) == 0)
            odl_device_teach((unsigned)atoi(text + 6));
        else if (strncmp(text, "agree", 5) == 0)
            odl_device_answer(ODL_DEVICE_AGREE);
        else if (strncmp(text, "skip", 4) == 0)
            odl_device_answer(ODL_DEVICE_SKIP);
        else if (strncmp(text, "undo", 4) == 0)
            odl_device_undo();
        else if (strncmp(text, "lost ", 5) == 0)
            odl_device_lost((uint32_t)strtoul(text + 5, NULL, 10));
        else
            sample(text[0] == '#' ? text + 1 : text, text[0] == '#');
        odl_device_save();
        print_events();
    }
    return 0;
}
