/* SHESD: what the files of the plugin share. */
#ifndef SHESD_H
#define SHESD_H

#include <pynomaly_plugin.h>

enum direction { BOTH, POSITIVE, NEGATIVE };

/* The most parts of a season. */
#define MOST_PHASES 100000

typedef struct {
    const pyn_plugin_host *host;
    /* Options. */
    int64_t time_column; /* -1: rows have no time, and all are in phase 0 */
    int64_t phases;
    double period, alpha, most_anomalies;
    enum direction direction;
    /* What fit found. For column c: */
    int64_t columns;
    double *profile;  /* [c * phases + p]: the median of phase p */
    double *centre;   /* [c]: the median of what is left without the profile and the anomalies */
    double *scale;    /* [c]: its median absolute deviation, as a standard deviation; > 0 */
    double *critical; /* [c]: how many scales from the centre the test takes for an anomaly; > 0 */
    int64_t anomalies; /* values of the training data that are */
} shesd;

/* The phase of a time: which of `phases` equal parts of a period it falls in. */
int64_t phase_of(const shesd *model, double time);

/* shesd.c: memory for what fit finds. OUT_OF_MEMORY is not told. */
pyn_status make_room(shesd *model, int64_t columns);

/* fit.c */
pyn_status shesd_fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training);

/* esd.c: generalised extreme Studentised deviates (Rosner 1983) with median and MAD, on sorted values. */
typedef struct {
    int64_t anomalies;
    double centre, scale, critical;
} esd_result;
/* `heard` is asked now and then, and stops the test when it is not 0: then the result is not set. */
int32_t esd_test(const double *sorted, int64_t count, double alpha, double most_anomalies,
                 enum direction direction, int32_t (*heard)(void *), void *context, esd_result *result);
double esd_median(const double *sorted, int64_t count);
/* The upper tail of Student's t. */
double student_tail(double t, double degrees);

#endif
