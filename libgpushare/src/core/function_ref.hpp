#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace gpushare {

template <class Signature>
class FunctionRef;

/// A call that someone else answers: two pointers, nothing owned. What it refers to must outlive it.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class Callable>
  requires(!std::is_same_v<std::remove_cvref_t<Callable>, FunctionRef> &&
           std::is_invocable_r_v<Result, Callable&, Arguments...>) FunctionRef(Callable& callable)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<Callable*>(object))(std::forward<Arguments>(arguments)...);
        }) {}

  /// The member function of an object: FunctionRef<void(int)>::to<&Thing::take>(thing).
  template <auto member, class Object>
  [[nodiscard]] static FunctionRef to(Object& object) {
    return FunctionRef(std::addressof(object), [](void* self, Arguments... arguments) -> Result {
      return (static_cast<Object*>(self)->*member)(std::forward<Arguments>(arguments)...);
    });
  }

  Result operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  FunctionRef(void* object, Result (*call)(void*, Arguments...)) : object_(object), call_(call) {}

  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace gpushare
