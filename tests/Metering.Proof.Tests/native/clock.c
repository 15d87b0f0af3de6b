/*
 * A wall clock that is METERING_CLOCK_AHEAD seconds ahead. Loaded with LD_PRELOAD before the C library. The monotonic clock, by which time
 * limits run, is left alone: two machines disagree about the time of day, not about how long a second is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(clock, time);
    const char *ahead = getenv("METERING_CLOCK_AHEAD");
    if (result == 0 && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += atol(ahead);
    return result;
}
