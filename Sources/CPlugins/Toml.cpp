// TOML by toml++ (Mark Gillard, MIT licence).
#include "CPlugins.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <cstdio>
#include <string>

namespace {

struct Walk {
    cplugins_toml_visitor visit;
    void *context;

    void node(const std::string &place, const toml::node &value) {
        if (const toml::table *table = value.as_table()) {
            for (auto &&[key, item] : *table)
                node(place.empty() ? std::string(key.str()) : place + "." + std::string(key.str()), item);
        } else if (const toml::array *array = value.as_array()) {
            size_t index = 0;
            for (auto &&item : *array) node(place + "[" + std::to_string(index++) + "]", item);
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
        const toml::parse_result parsed = toml::parse(std::string_view(text, length));
        if (!parsed) {
            const auto &error = parsed.error();
            const std::string why(error.description());
            std::snprintf(message, capacity, "line %u, column %u: %s", unsigned(error.source().begin.line),
                          unsigned(error.source().begin.column), why.c_str());
            return 1;
        }
        Walk{visit, context}.node("", parsed.table());
        return 0;
    } catch (const std::exception &exception) {
        std::snprintf(message, capacity, "%s", exception.what());
        return 1;
    }
}
