#include "CPlugins.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <exception>
#include <new>

namespace {

// Make a call of a plugin; an exception becomes words.
template <typename Call>
pyn_status guarded(cplugins_exception *thrown, Call call) noexcept(false) {
    try {
        return call();
    } catch (const abi::__forced_unwind &) {
        throw;  // a thread that is being cancelled goes on unwinding
    } catch (const std::bad_alloc &) {
        return PYN_ERROR_OUT_OF_MEMORY;
    } catch (const std::exception &exception) {
        std::snprintf(thrown->what, sizeof thrown->what, "%s", exception.what());
    } catch (...) {
        std::snprintf(thrown->what, sizeof thrown->what, "not a std::exception");
    }
    return CPLUGINS_THREW;
}

}  // namespace

extern "C" {

pyn_status cplugins_init(pyn_plugin_init_function init, const pyn_plugin_host *host, int32_t abi,
                         pyn_plugin *plugin, cplugins_exception *thrown) {
    return guarded(thrown, [&] { return init(host, abi, plugin); });
}

pyn_status cplugins_create(const pyn_plugin_class *of, pyn_plugin_call *call, const pyn_value *values,
                           int64_t count, void **instance, cplugins_exception *thrown) {
    return guarded(thrown, [&] { return of->create(of, call, values, count, instance); });
}

pyn_status cplugins_learn(const pyn_plugin_class *of, int32_t in_part, void *instance, pyn_plugin_call *call,
                          const pyn_plugin_training *training, cplugins_exception *thrown) {
    const auto method = in_part ? of->partial_fit : of->fit;
    return guarded(thrown, [&] { return method(instance, call, training); });
}

pyn_status cplugins_rate(pyn_status (*function)(const void *, pyn_plugin_call *, const pyn_matrix *, double *),
                         const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *values,
                         cplugins_exception *thrown) {
    return guarded(thrown, [&] { return function(instance, call, X, values); });
}

pyn_status cplugins_threshold(const pyn_plugin_class *of, const void *instance, pyn_plugin_call *call,
                              double *threshold, cplugins_exception *thrown) {
    return guarded(thrown, [&] { return of->threshold(instance, call, threshold); });
}

pyn_status cplugins_fitted(const pyn_plugin_class *of, const void *instance, int64_t index, const char **name,
                           double *value, cplugins_exception *thrown) {
    return guarded(thrown, [&] { return of->fitted(instance, index, name, value); });
}

pyn_status cplugins_save(const pyn_plugin_class *of, const void *instance, pyn_plugin_call *call,
                         cplugins_exception *thrown) {
    return guarded(thrown, [&] { return of->save(instance, call); });
}

pyn_status cplugins_load(const pyn_plugin_class *of, pyn_plugin_call *call, const pyn_value *values,
                         int64_t count, int64_t feature_count, const void *data, size_t size, void **instance,
                         cplugins_exception *thrown) {
    return guarded(thrown, [&] { return of->load(of, call, values, count, feature_count, data, size, instance); });
}

pyn_status cplugins_chunk(pyn_plugin_chunk body, pyn_plugin_call *call, int64_t chunk, int32_t worker,
                          void *context, cplugins_exception *thrown) {
    return guarded(thrown, [&] { return body(call, chunk, worker, context); });
}

const char *cplugins_environment(const char *name) { return secure_getenv(name); }

void cplugins_destroy(const pyn_plugin_class *of, void *instance) {
    cplugins_exception thrown;
    guarded(&thrown, [&] {
        of->destroy(instance);
        return PYN_OK;
    });
}
}
