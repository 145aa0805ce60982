#pragma once

#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace gpushare {

/// Fills up to `size` bytes and says how many; 0 at the end.
using ReadBlock = std::function<std::size_t(char* to, std::size_t size)>;

/// A text that is in memory, or comes in blocks of which only what is not yet consumed is kept.
class TextSource {
 public:
  static constexpr std::size_t kBlock = std::size_t{1} << 18;
  static constexpr std::size_t kLongestRecord = std::size_t{256} << 20;

  explicit TextSource(std::string_view whole) : rest_(whole), ended_(true) {}
  explicit TextSource(ReadBlock read, std::size_t block = kBlock) : read_(std::move(read)), block_(block) {}
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  /// What has come and is not consumed. `more` moves it.
  [[nodiscard]] std::string_view rest() const { return rest_; }
  /// Nothing follows the rest.
  [[nodiscard]] bool ended() const { return ended_; }
  void consume(std::size_t bytes) { rest_.remove_prefix(bytes); }
  /// Appends a block, or as much again as there is, so that a long record is not gone over too often. Throws TraceError
  /// beyond kLongestRecord.
  void more();
  /// The first bytes of the text, at least `kStart` of them unless it ends before.
  [[nodiscard]] std::string_view start();
  /// The first line that is not blank, up to 64 KiB of it; empty when there is none. Nothing is consumed.
  [[nodiscard]] std::string_view first_line();

 private:
  static constexpr std::size_t kStart = 64;

  ReadBlock read_;
  std::size_t block_ = kBlock;
  std::string buffer_;
  std::string_view rest_;
  bool ended_ = false;
};

/// An open file, read in blocks. Throws TraceError: a folder, a device, or a file that cannot be opened or read.
class TextFile {
 public:
  explicit TextFile(const std::string& path);
  [[nodiscard]] ReadBlock reader() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// Cuts a text into lines that are not blank, without LF or CRLF.
class LineCutter {
 public:
  explicit LineCutter(TextSource& text) : text_(text) {}
  /// The next line, valid until the next call; false at the end.
  [[nodiscard]] bool next(std::string_view& line);
  /// Of the line, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  TextSource& text_;
  std::size_t number_ = 0;
};

/// Cuts a text into JSON objects that are an array's elements, or follow each other over any number of lines. What is no
/// object comes as it stands.
class ObjectCutter {
 public:
  explicit ObjectCutter(TextSource& text) : text_(text) {}
  /// Whether a text is such a one and not an object a line: it begins with [, or its first line is {.
  [[nodiscard]] static bool fits(TextSource& text);
  /// The next object, valid until the next call; false at the end.
  [[nodiscard]] bool next(std::string_view& object);
  /// Of the line on which it begins, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }
  /// After the last: the array that was begun has ended.
  [[nodiscard]] bool closed() const { return !in_array_; }

 private:
  [[nodiscard]] bool find_start();
  [[nodiscard]] std::size_t find_end();
  void pass(std::size_t bytes);

  TextSource& text_;
  std::size_t number_ = 1;
  std::size_t lines_of_last_ = 0;
  bool begun_ = false;
  bool in_array_ = false;
};

}  // namespace gpushare
