// What the plugin wing needs of C++: calls of plugins that catch exceptions, and TOML.
#ifndef CPLUGINS_H
#define CPLUGINS_H

#include "../../../include/pynomaly_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a call returns when the plugin's function threw: `what` then says what it was, in UTF-8.
enum { CPLUGINS_THREW = -2147483647 - 1 };

typedef struct cplugins_exception {
    char what[200];
} cplugins_exception;

pyn_status cplugins_init(pyn_plugin_init_function init, const pyn_plugin_host *host, int32_t abi,
                         pyn_plugin *plugin, cplugins_exception *thrown);
pyn_status cplugins_create(const pyn_plugin_class *of, pyn_plugin_call *call, const pyn_value *values,
                           int64_t count, void **instance, cplugins_exception *thrown);
pyn_status cplugins_learn(const pyn_plugin_class *of, int32_t in_part, void *instance, pyn_plugin_call *call,
                          const pyn_plugin_training *training, cplugins_exception *thrown);
// function: the class's score or explain.
pyn_status cplugins_rate(pyn_status (*function)(const void *, pyn_plugin_call *, const pyn_matrix *, double *),
                         const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *values,
                         cplugins_exception *thrown);
pyn_status cplugins_threshold(const pyn_plugin_class *of, const void *instance, pyn_plugin_call *call,
                              double *threshold, cplugins_exception *thrown);
pyn_status cplugins_fitted(const pyn_plugin_class *of, const void *instance, int64_t index, const char **name,
                           double *value, cplugins_exception *thrown);
pyn_status cplugins_save(const pyn_plugin_class *of, const void *instance, pyn_plugin_call *call,
                         cplugins_exception *thrown);
pyn_status cplugins_load(const pyn_plugin_class *of, pyn_plugin_call *call, const pyn_value *values,
                         int64_t count, int64_t feature_count, const void *data, size_t size, void **instance,
                         cplugins_exception *thrown);
pyn_status cplugins_chunk(pyn_plugin_chunk body, pyn_plugin_call *call, int64_t chunk, int32_t worker,
                          void *context, cplugins_exception *thrown);
void cplugins_destroy(const pyn_plugin_class *of, void *instance);

// Tells every leaf of a TOML document: its place ("library.linux-x86_64", "detectors[0]") and its value, either
// a string or an integer (text is NULL); values of other types have kind 2 and nothing more.
// kind: 0 string, 1 integer, 2 other. Returns 0, or 1 when it is no TOML: then `message` says why.
typedef void (*cplugins_toml_visitor)(const char *place, int32_t kind, const char *text, size_t length,
                                      int64_t integer, void *context);
int32_t cplugins_toml(const char *text, size_t length, cplugins_toml_visitor visit, void *context,
                      char *message, size_t capacity);

// The variable, but NULL in a program that has more rights than whoever started it.
const char *cplugins_environment(const char *name);

#ifdef __cplusplus
}
#endif

#endif
