// value.cc - see value.h.
#include "text/jinja/value.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::jinja {

Heap::~Heap() { clear_kept(); }

Error Heap::exhausted_error() const {
  if (out_of_memory_) {
    return {ErrorKind::invalid, cat("the template's values need more than ",
                                    human_bytes(limits_.live_bytes), " of memory")};
  }
  return {ErrorKind::invalid,
          cat("the template runs too long: more than ", limits_.steps, " steps")};
}

Result<void> Heap::check_room(std::size_t n) const {
  if (n <= limits_.live_bytes && live_ <= limits_.live_bytes - n) return {};
  return Error{ErrorKind::invalid, cat("the template's values need more than ",
                                       human_bytes(limits_.live_bytes), " of memory")};
}

Result<void> Heap::check_text(std::size_t n) const {
  if (n <= limits_.text_bytes) return {};
  return Error{ErrorKind::invalid,
               cat("a text of the template would be longer than ", limits_.text_bytes, " bytes")};
}

void Heap::keep(Object* object) {
  object->retain();
  kept_.push_back(object);
}

void Heap::clear_kept() {
  for (Object* object : kept_) object->clear();
  for (Object* object : kept_) object->release();
  kept_.clear();
}

const StringObject& Value::string() const {
  CHECK(is_string(), "a string");
  return *static_cast<const StringObject*>(object());
}

const ListObject& Value::list() const {
  CHECK(is_list(), "a list");
  return *static_cast<const ListObject*>(object());
}

const DictObject& Value::dict() const {
  CHECK(is_dict(), "a dict");
  return *static_cast<const DictObject*>(object());
}

const MarkedText& Value::text() const { return string().text; }
std::string_view Value::view() const { return string().text.view(); }
const std::vector<Value>& Value::items() const { return list().items; }

ListObject::ListObject(Heap* heap, std::vector<Value> values, Shape kind_of_list)
    : Object(heap, Kind::list), items(std::move(values)), shape(kind_of_list) {
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.nesting());
  set_nesting(deepest + 1);
  weigh(sizeof *this + items.size() * sizeof(Value));
}

DictObject::DictObject(Heap* heap, std::vector<Entry> unique_entries)
    : Object(heap, Kind::dict), entries(std::move(unique_entries)) {
  constexpr std::size_t kLinearSearch = 8;
  int deepest = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [key, value] = entries[i];
    deepest = std::max({deepest, key.nesting(), value.nesting()});
    if (entries.size() > kLinearSearch && key.is_string()) index_.emplace(key.view(), i);
  }
  set_nesting(deepest + 1);
  weigh(sizeof *this + entries.size() * sizeof(Entry) + index_.size() * 64);
}

const Value* DictObject::find(std::string_view key) const {
  if (!index_.empty()) {
    const auto it = index_.find(key);
    return it == index_.end() ? nullptr : &entries[it->second].second;
  }
  for (const auto& [name, value] : entries) {
    if (name.is_string() && name.view() == key) return &value;
  }
  return nullptr;
}

Result<std::optional<Value>> Object::own_attribute(Runtime&, std::string_view) {
  return std::optional<Value>();
}

Result<std::optional<Value>> NamespaceObject::own_attribute(Runtime&, std::string_view name) {
  const Value* const value = find(name);
  return value == nullptr ? std::optional<Value>() : std::optional<Value>(*value);
}

Value* NamespaceObject::find(std::string_view name) {
  for (auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void NamespaceObject::set(std::string_view name, Value value) {
  if (Value* slot = find(name)) {
    *slot = std::move(value);
    return;
  }
  weigh(sizeof(std::pair<std::string, Value>) + name.size());
  attributes.emplace_back(std::string(name), std::move(value));
}

FunctionObject::FunctionObject(Heap* heap, const Builtin& what, Value owner)
    : Object(heap, Kind::function), builtin(&what), self(std::move(owner)) {
  set_nesting(self.nesting() + 1);
  weigh(sizeof *this);
}

}  // namespace hearth::jinja
