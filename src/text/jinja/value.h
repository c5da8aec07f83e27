// value.h - the values a template computes with: Python's, as far as chat templates need them.
//
//   undefined none boolean integer floating          held in the Value itself
//   string list dict iterator function macro loop name_space      reference-counted objects
//
// Integers have 128 bits (a JSON number up to 2^64 - 1 must print exactly); a result beyond is an
// error. Strings are valid UTF-8 with a mark per byte (marked_text.h); a number that came from a
// variable is untrusted too, and so is its text.
//
// Bounds. Every object belongs to the Heap of one rendering, which counts steps and live bytes;
// objects without a heap are constants of a parsed template: they are never counted, so that
// threads may share them. All objects but namespaces are immutable, hence a container knows its
// nesting when it is made, and that nesting is limited: recursion over a value is bounded. A
// namespace can hold itself; the Heap empties all namespaces and captured scopes at the end, which
// breaks such cycles.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/marked_text.h"

// Keeps the locals of the rarer branches out of the frames of the functions that recurse.
#define HEARTH_JINJA_NOINLINE [[gnu::noinline]]

namespace hearth::jinja {

__extension__ typedef __int128 Int;
__extension__ typedef unsigned __int128 UInt;

struct Limits {
  std::uint64_t steps = 20'000'000;  // about a second on a slow core
  std::size_t live_bytes = std::size_t{256} << 20;
  std::size_t text_bytes = std::size_t{16} << 20;  // one string, and the whole output
  // Nested evaluations, macro calls included. With kMaxNesting and the parser's own limit chosen so
  // that an optimised build needs less than 128 KiB of stack (jinja_test.cc runs on such a thread).
  int depth = 96;
};

inline constexpr int kMaxNesting = 64;     // containers in containers
inline constexpr int kMaxRange = 100'000;  // elements of range(), as in Python's sandbox

enum class Kind : std::uint8_t {
  undefined,
  none,
  boolean,
  integer,
  floating,
  string,
  list,
  dict,
  iterator,
  function,
  macro,
  loop,
  name_space,
};

class Object;
class Runtime;
class Value;

// Counts what one rendering uses. Once exhausted it stays so; the evaluator looks after each step.
class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits), steps_left_(limits.steps) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  const Limits& limits() const { return limits_; }
  std::size_t live_bytes() const { return live_; }
  // From here on.
  void set_steps(std::uint64_t steps) { limits_.steps = steps_left_ = steps; }
  // False when the steps are used up.
  bool charge(std::uint64_t steps) {
    steps_left_ = steps < steps_left_ ? steps_left_ - steps : 0;
    return steps_left_ != 0;
  }
  bool charge_bytes(std::size_t n) { return charge(1 + n / 64); }
  void grow(std::size_t n) {
    live_ += n;
    if (live_ > limits_.live_bytes) out_of_memory_ = true;
  }
  void shrink(std::size_t n) { live_ -= n; }
  bool exhausted() const { return out_of_memory_ || steps_left_ == 0; }
  Error exhausted_error() const;
  // An error when n more bytes of values would be too many: asked before a large allocation.
  Result<void> check_room(std::size_t n) const;
  // An error when a text of n bytes would be too long.
  Result<void> check_text(std::size_t n) const;

  // Keeps an object to the end of the rendering and calls its clear() then.
  void keep(Object* object);
  std::size_t n_kept() const { return kept_.size(); }
  void clear_kept();

 private:
  Limits limits_;
  std::uint64_t steps_left_;
  std::size_t live_ = 0;
  bool out_of_memory_ = false;
  std::vector<Object*> kept_;
};

class Object {
 public:
  explicit Object(Heap* heap, Kind kind = Kind::none) : heap_(heap), kind_(kind) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() {
    if (heap_ != nullptr) heap_->shrink(weight_);
  }
  virtual void clear() {}  // drops references, see Heap::keep
  // An attribute that only this kind of object has (loop.index, ns.x); nothing when there is none.
  virtual Result<std::optional<Value>> own_attribute(Runtime& runtime, std::string_view name);

  Heap* heap() const { return heap_; }
  Kind kind() const { return kind_; }
  int nesting() const { return nesting_; }
  bool is_shared() const { return refs_ > 1; }
  void set_nesting(int nesting) { nesting_ = nesting; }
  void weigh(std::size_t bytes) {
    if (heap_ == nullptr) return;
    weight_ += bytes;
    heap_->grow(bytes);
  }
  void retain() {
    if (heap_ != nullptr) ++refs_;
  }
  void release() {
    if (heap_ != nullptr && --refs_ == 0) delete this;
  }

 private:
  Heap* heap_;
  std::size_t weight_ = 0;
  std::uint32_t refs_ = 0;
  int nesting_ = 0;
  Kind kind_;
};

// A counted reference.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->release();
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

struct StringObject;
struct ListObject;
struct DictObject;
class IteratorObject;
struct FunctionObject;

class Value {
 public:
  Value() = default;  // undefined, without a name
  static Value none(bool trusted = true) { return {Kind::none, 0, trusted}; }
  static Value boolean(bool b, bool trusted = true) { return {Kind::boolean, b ? 1 : 0, trusted}; }
  static Value integer(Int i, bool trusted = true) { return {Kind::integer, i, trusted}; }
  static Value floating(double d, bool trusted = true) {
    return {Kind::floating, static_cast<Int>(std::bit_cast<std::uint64_t>(d)), trusted};
  }
  explicit Value(Object* object) : kind_(object->kind()), object_(object) {}

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_dict() const { return kind_ == Kind::dict; }
  bool is_float() const { return kind_ == Kind::floating; }
  // An integer or a boolean, which Python counts as one.
  bool is_int_like() const { return kind_ == Kind::integer || kind_ == Kind::boolean; }
  bool is_number() const { return is_int_like() || is_float(); }

  // Of a scalar; strings have a mark per byte.
  bool trusted() const { return trusted_; }
  Int as_int() const { return bits_; }  // boolean or integer
  double as_double() const {            // any number
    return is_float() ? std::bit_cast<double>(static_cast<std::uint64_t>(bits_))
                      : static_cast<double>(bits_);
  }
  Object* object() const { return object_.get(); }
  const StringObject& string() const;
  const ListObject& list() const;
  const DictObject& dict() const;
  const MarkedText& text() const;           // of a string
  std::string_view view() const;            // of a string
  const std::vector<Value>& items() const;  // of a list, tuple, …
  int nesting() const { return object_ ? object_->nesting() : 0; }

 private:
  Value(Kind kind, Int bits, bool trusted) : kind_(kind), trusted_(trusted), bits_(bits) {}

  Kind kind_ = Kind::undefined;
  bool trusted_ = true;
  Ref<Object> object_;
  Int bits_ = 0;  // the integer, or the bits of the double
};

struct UndefinedObject : Object {
  UndefinedObject(Heap* heap, std::string why)
      : Object(heap, Kind::undefined), message(std::move(why)) {
    weigh(sizeof *this + message.size());
  }
  std::string message;  // what using it further says
};

struct StringObject : Object {
  StringObject(Heap* heap, MarkedText value, bool is_markup)
      : Object(heap, Kind::string), text(std::move(value)), markup(is_markup) {
    weigh(sizeof *this + text.weight());
  }
  MarkedText text;
  bool markup;  // result of `escape` or `safe`: adding other text to it escapes that text
};

// What a sequence is in Python: decides its name, its printed form and what may be done with it.
enum class Shape : std::uint8_t { list, tuple, group, range, keys, values, items };

struct ListObject : Object {
  ListObject(Heap* heap, std::vector<Value> values, Shape kind_of_list);
  std::vector<Value> items;
  Shape shape;
  Int range_start = 0, range_stop = 0, range_step = 1;  // of a range
  bool is_tuple() const { return shape == Shape::tuple || shape == Shape::group; }
};

// Keeps insertion order. Keys are scalars, strings or tuples.
struct DictObject : Object {
  using Entry = std::pair<Value, Value>;
  DictObject(Heap* heap, std::vector<Entry> unique_entries);
  const Value* find(std::string_view key) const;
  std::vector<Entry> entries;

 private:
  std::unordered_map<std::string_view, std::size_t> index_;  // only when there are many entries
};

// Used up as it is read, like a Python generator.
class IteratorObject : public Object {
 public:
  explicit IteratorObject(Heap* heap) : Object(heap, Kind::iterator) { weigh(96); }
  // False at the end.
  virtual Result<bool> next(Runtime& runtime, Value& out) = 0;
};

struct NamespaceObject : Object {
  explicit NamespaceObject(Heap* heap) : Object(heap, Kind::name_space) { weigh(sizeof *this); }
  void clear() override { attributes.clear(); }
  Result<std::optional<Value>> own_attribute(Runtime& runtime, std::string_view name) override;
  Value* find(std::string_view name);
  void set(std::string_view name, Value value);
  std::vector<std::pair<std::string, Value>> attributes;
};

struct Builtin;
struct Slots;

// A global function, or a method with the value it belongs to.
struct FunctionObject : Object {
  FunctionObject(Heap* heap, const Builtin& what, Value owner);
  const Builtin* builtin;
  Value self;
  std::size_t state = 0;  // of a cycler or joiner
};

}  // namespace hearth::jinja
