// The Arrow C data and stream interfaces, https://arrow.apache.org/docs/format/CDataInterface.html

#include <cerrno>
#include <cstdint>

#include "handles.hpp"

extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
#endif
}

namespace gpushare::python {

namespace {

using TablePointer = std::shared_ptr<const Table>;

template <class Node>
void release_child(Node* child) {
  if (child != nullptr && child->release != nullptr) child->release(child);
}

// A consumer may move a child out of its parent and drop the parent first, so every node owns what it shows.

struct SchemaOwner {
  std::string name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

void release_schema(ArrowSchema* schema) {
  auto* owner = static_cast<SchemaOwner*>(schema->private_data);
  for (ArrowSchema& child : owner->children) release_child(&child);
  release_child(owner->dictionary.get());
  schema->release = nullptr;
  delete owner;
}

void fill_schema(ArrowSchema& out, const char* format, std::unique_ptr<SchemaOwner> owner) {
  for (ArrowSchema& child : owner->children) owner->child_pointers.push_back(&child);
  out = {};
  out.format = format;
  out.name = owner->name.c_str();
  out.n_children = static_cast<std::int64_t>(owner->children.size());
  out.children = owner->child_pointers.data();
  out.dictionary = owner->dictionary.get();
  out.release = &release_schema;
  out.private_data = owner.release();
}

void column_schema(ArrowSchema& out, const Column& column) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->name = column.name;
  if (column.type != Column::Type::category) {
    fill_schema(out, column.type == Column::Type::float64 ? "g" : "l", std::move(owner));
    return;
  }
  owner->dictionary = std::make_unique<ArrowSchema>();
  fill_schema(*owner->dictionary, "u", std::make_unique<SchemaOwner>());
  fill_schema(out, "i", std::move(owner));
}

void table_schema(ArrowSchema& out, const Table& table) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->children.resize(table.columns.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) column_schema(owner->children[i], table.columns[i]);
  fill_schema(out, "+s", std::move(owner));
}

struct ArrayOwner {
  TablePointer table;
  std::vector<std::int32_t> offsets;
  std::string text;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  std::unique_ptr<ArrowArray> dictionary;
};

void release_array(ArrowArray* array) {
  auto* owner = static_cast<ArrayOwner*>(array->private_data);
  for (ArrowArray& child : owner->children) release_child(&child);
  release_child(owner->dictionary.get());
  array->release = nullptr;
  delete owner;
}

void fill_array(ArrowArray& out, std::size_t length, std::unique_ptr<ArrayOwner> owner) {
  for (ArrowArray& child : owner->children) owner->child_pointers.push_back(&child);
  out = {};
  out.length = static_cast<std::int64_t>(length);
  out.n_buffers = static_cast<std::int64_t>(owner->buffers.size());
  out.n_children = static_cast<std::int64_t>(owner->children.size());
  out.buffers = owner->buffers.data();
  out.children = owner->child_pointers.data();
  out.dictionary = owner->dictionary.get();
  out.release = &release_array;
  out.private_data = owner.release();
}

/// The data of a vector, never null: some readers refuse null buffers even for no rows.
template <class T>
const void* data_of(const std::vector<T>& values) {
  alignas(8) static constexpr std::uint64_t kNothing = 0;
  return values.empty() ? static_cast<const void*>(&kNothing) : values.data();
}

void strings_array(ArrowArray& out, const std::vector<std::string>& strings) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->offsets.push_back(0);
  for (const std::string& s : strings) {
    owner->text += s;
    owner->offsets.push_back(static_cast<std::int32_t>(owner->text.size()));
  }
  owner->buffers = {nullptr, owner->offsets.data(), owner->text.data()};
  fill_array(out, strings.size(), std::move(owner));
}

void column_array(ArrowArray& out, const TablePointer& table, const Column& column) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->table = table;
  const void* data = column.type == Column::Type::float64 ? data_of(column.numbers)
                     : column.type == Column::Type::int64 ? data_of(column.integers)
                                                          : data_of(column.codes);
  owner->buffers = {nullptr, data};
  if (column.type == Column::Type::category) {
    owner->dictionary = std::make_unique<ArrowArray>();
    strings_array(*owner->dictionary, column.categories);
  }
  fill_array(out, column.size(), std::move(owner));
}

void table_array(ArrowArray& out, const TablePointer& table) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->buffers = {nullptr};
  owner->children.resize(table->columns.size());
  for (std::size_t i = 0; i < table->columns.size(); ++i)
    column_array(owner->children[i], table, table->columns[i]);
  fill_array(out, table->rows(), std::move(owner));
}

struct StreamOwner {
  TablePointer table;
  bool done = false;
  std::string error;
};

/// Runs `fill` and turns an exception into the errno that the interface asks for.
template <class Fill>
int guarded(ArrowArrayStream* stream, Fill fill) {
  auto& owner = *static_cast<StreamOwner*>(stream->private_data);
  try {
    fill(owner);
    return 0;
  } catch (const std::exception& error) {
    owner.error = error.what();
    return ENOMEM;
  }
}

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  return guarded(stream, [out](const StreamOwner& owner) { table_schema(*out, *owner.table); });
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  return guarded(stream, [out](StreamOwner& owner) {
    *out = {};
    if (owner.done) return;
    table_array(*out, owner.table);
    owner.done = true;
  });
}

const char* get_last_error(ArrowArrayStream* stream) {
  const auto& error = static_cast<StreamOwner*>(stream->private_data)->error;
  return error.empty() ? nullptr : error.c_str();
}

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamOwner*>(stream->private_data);
  stream->release = nullptr;
}

void destroy_capsule(PyObject* capsule) {
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream"));
  if (stream == nullptr) return;
  if (stream->release != nullptr) stream->release(stream);
  delete stream;
}

}  // namespace

py::capsule arrow_stream(TablePointer table) {
  auto owner = std::make_unique<StreamOwner>();
  owner->table = std::move(table);
  auto stream = std::make_unique<ArrowArrayStream>();
  stream->get_schema = &get_schema;
  stream->get_next = &get_next;
  stream->get_last_error = &get_last_error;
  stream->release = &release_stream;
  stream->private_data = owner.get();
  PyObject* capsule = PyCapsule_New(stream.get(), "arrow_array_stream", &destroy_capsule);
  if (capsule == nullptr) throw py::error_already_set();
  static_cast<void>(owner.release());
  static_cast<void>(stream.release());
  return py::reinterpret_steal<py::capsule>(capsule);
}

}  // namespace gpushare::python
