// TOML by toml++ (Mark Gillard, MIT licence).
#include "CPlugins.h"

#include <cstdio>
#include <stdexcept>
#include <string>

// Damaged text makes some of the parser's assertions fail ("[,key]"). They must end in an error, not the
// process, so they throw; which takes the build of toml++ that lets exceptions pass.
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : throw std::runtime_error("it cannot be understood"))
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wterminate"
#endif
#include <toml++/toml.h>

namespace {

struct Walk {
    cplugins_toml_visitor visit;
    void *context;

    void node(const std::string &place, const toml::node &value, int depth = 0) {
        if (depth > 8) throw std::runtime_error("it is nested too deeply");
        if (const toml::table *table = value.as_table()) {
            for (auto &&[key, item] : *table)
                node(place.empty() ? std::string(key.str()) : place + "." + std::string(key.str()), item, depth + 1);
        } else if (const toml::array *array = value.as_array()) {
            size_t index = 0;
            for (auto &&item : *array) node(place + "[" + std::to_string(index++) + "]", item, depth + 1);
        } else if (const auto *text = value.as_string()) {
            visit(place.c_str(), 0, text->get().data(), text->get().size(), 0, context);
        } else if (const auto *number = value.as_integer()) {
            visit(place.c_str(), 1, nullptr, 0, number->get(), context);
        } else {
            visit(place.c_str(), 2, nullptr, 0, 0, context);
        }
    }
};

}  // namespace

extern "C" int32_t cplugins_toml(const char *text, size_t length, cplugins_toml_visitor visit, void *context,
                                 char *message, size_t capacity) {
    try {
        const toml::table parsed = toml::parse(std::string_view(text, length));
        Walk{visit, context}.node("", parsed);
        return 0;
    } catch (const toml::parse_error &error) {
        const std::string why(error.description());
        std::snprintf(message, capacity, "line %u, column %u: %s", unsigned(error.source().begin.line),
                      unsigned(error.source().begin.column), why.c_str());
        return 1;
    } catch (const std::exception &exception) {
        std::snprintf(message, capacity, "%s", exception.what());
        return 1;
    }
}
