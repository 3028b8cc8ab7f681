// Conditions: the outcome of a comparison, which inside a query callback is a piece of query.
#pragma once

#include <cpprealm/internal/persisted.hpp>

#include <memory>

namespace realm {

namespace internal {

// An argument of a query, with its own storage.
struct query_argument {
    realm_value_t cell{};
    std::string text;// what a string or binary cell points to
    void own() {
        if (cell.type == REALM_TYPE_STRING || cell.type == REALM_TYPE_BINARY) text.assign(cell.u.data, cell.size);
    }
};

// A query under construction. The mark stands for the next argument: pieces are joined before arguments have numbers.
struct query_piece {
    static constexpr char mark = '\x1a';
    std::string text;
    std::vector<query_argument> arguments;
};

// Text with numbered arguments, ready for the C ABI.
struct query_text {
    std::string text;
    std::vector<query_argument> arguments;
    std::vector<realm_value_t> cells;

    CPPREALM_COLD static query_text of(query_piece&& piece) {
        query_text out;
        out.arguments = std::move(piece.arguments);
        out.text.reserve(piece.text.size() + 4 * out.arguments.size());
        size_t n = 0;
        for (char c: piece.text) {
            if (c == query_piece::mark) {
                out.text += '$';
                out.text += std::to_string(n++);
            } else
                out.text += c;
        }
        out.finish();
        return out;
    }
    // Points the cells to their texts; again after every move of the arguments.
    CPPREALM_COLD void finish() {
        cells.clear();
        cells.reserve(arguments.size());
        for (auto& a: arguments) {
            if (a.cell.type == REALM_TYPE_STRING || a.cell.type == REALM_TYPE_BINARY) {
                a.cell.u.data = a.text.data();
                a.cell.size = static_cast<uint32_t>(a.text.size());
            }
            cells.push_back(a.cell);
        }
    }
};

}// namespace internal

// A truth value, or inside a query callback a condition.
class rbool {
public:
    rbool(bool v) : m_value(v) {}
    rbool(internal::query_piece&& piece) : m_piece(std::make_unique<internal::query_piece>(std::move(piece))) {}
    rbool(const rbool& o) : m_value(o.m_value), m_piece(o.m_piece ? std::make_unique<internal::query_piece>(*o.m_piece) : nullptr) {}
    rbool(rbool&&) noexcept = default;
    rbool& operator=(const rbool& o) {
        rbool copy(o);
        return *this = std::move(copy);
    }
    rbool& operator=(rbool&&) noexcept = default;

    // The truth value. A condition has none.
    operator bool() const { return m_value; }
    CPPREALM_COLD rbool operator!() const {
        if (!m_piece) return !m_value;
        internal::query_piece out;
        out.text = "!(" + m_piece->text + ")";
        out.arguments = m_piece->arguments;
        return out;
    }

    bool is_query() const noexcept { return m_piece != nullptr; }
    // The condition as a query of its own.
    internal::query_piece take() {
        if (m_piece) return std::move(*m_piece);
        internal::query_piece out;
        out.text = m_value ? "TRUEPREDICATE" : "FALSEPREDICATE";
        return out;
    }
    CPPREALM_COLD static rbool join(const rbool& a, const rbool& b, bool conjunction) {
        auto left = rbool(a).take(), right = rbool(b).take();
        internal::query_piece out;
        out.text = conjunction ? left.text + " and " + right.text : "(" + left.text + " or " + right.text + ")";
        out.arguments = std::move(left.arguments);
        for (auto& x: right.arguments) out.arguments.push_back(std::move(x));
        return out;
    }

private:
    bool m_value = true;
    std::unique_ptr<internal::query_piece> m_piece;
};

inline rbool operator&&(const rbool& a, const rbool& b) {
    if (!a.is_query() && !b.is_query()) return bool(a) && bool(b);
    return rbool::join(a, b, true);
}
inline rbool operator||(const rbool& a, const rbool& b) {
    if (!a.is_query() && !b.is_query()) return bool(a) || bool(b);
    return rbool::join(a, b, false);
}
// With a plain truth value, which is ambiguous otherwise.
template <typename B, typename = std::enable_if_t<std::is_same_v<B, bool>>>
rbool operator&&(const rbool& a, B b) { return a && rbool(b); }
template <typename B, typename = std::enable_if_t<std::is_same_v<B, bool>>>
rbool operator&&(B a, const rbool& b) { return rbool(a) && b; }
template <typename B, typename = std::enable_if_t<std::is_same_v<B, bool>>>
rbool operator||(const rbool& a, B b) { return a || rbool(b); }
template <typename B, typename = std::enable_if_t<std::is_same_v<B, bool>>>
rbool operator||(B a, const rbool& b) { return rbool(a) || b; }

}// namespace realm
