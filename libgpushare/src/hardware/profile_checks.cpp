
#include <algorithm>

#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "hardware/profile_reader.hpp"

namespace gpushare {

namespace {

/// Throws ProfileErrors that point into the document.
class Checker {
 public:
  Checker(std::string source, std::string pointer)
      : source_(std::move(source)), pointer_(std::move(pointer)) {}

  void at_most(const char* key, double found, double limit, std::string_view of_what) const {
    if (found > limit) fail(key, text::format("expected at most {}, {}; found {}", limit, of_what, found));
  }
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw ProfileError(text::format("{}#{}/{}", source_, pointer_, key), what);
  }

 private:
  std::string source_;
  std::string pointer_;
};

void check_starts(const MigProfile& mig, int memory_slots, const Checker& check) {
  for (std::size_t i = 0; i < mig.starts.size(); ++i) {
    if (i > 0 && mig.starts[i] <= mig.starts[i - 1]) {
      check.fail("starts",
                 text::format("starts must ascend: {} follows {}", mig.starts[i], mig.starts[i - 1]));
    }
    if (mig.starts[i] + mig.memory_slices > memory_slots) {
      check.fail("starts", text::format("{} memory slices from slot {} leave the lattice of {} slots",
                                        mig.memory_slices, mig.starts[i], memory_slots));
    }
  }
  check.at_most("max_count", mig.max_count, static_cast<double>(mig.starts.size()), "the number of starts");
}

void check_name(const MigProfile& mig, const Checker& check) {
  if (!mig.name.starts_with(text::format("{}g.", mig.compute_slices))) {
    check.fail("name", text::format("\"{}\" has {} compute slices, so its name must begin with \"{}g.\"",
                                    mig.name, mig.compute_slices, mig.compute_slices));
  }
  if (mig.name.ends_with("+me") != mig.media_extension) {
    check.fail(
        "media_extension",
        text::format("\"{}\": exactly the names that end in \"+me\" have the media extension", mig.name));
  }
  if (mig.name.find_first_of("@() ,*") != std::string::npos)
    check.fail("name", text::format("\"{}\" may not hold any of \"@(), *\"", mig.name));
}

void check_resources(const MigProfile& mig, const GpuProfile& profile, const Checker& check) {
  check.at_most("sms", mig.sms, profile.mig_sms, "the SMs usable with MIG on");
  check.at_most("memory_bytes", mig.memory_bytes, profile.memory_bytes, "the memory of the GPU");
  check.at_most("nominal_memory_bytes", mig.nominal_memory_bytes, profile.nominal_memory_bytes,
                "the nominal memory of the GPU");
  check.at_most("copy_engines", mig.copy_engines, profile.copy_engines, "the copy engines of the GPU");
  check.at_most("decoders", mig.decoders, profile.decoders, "the decoders of the GPU");
}

void check_mig(const GpuProfile& profile, const std::string& source) {
  for (std::size_t i = 0; i < profile.mig.size(); ++i) {
    const auto& mig = profile.mig[i];
    const Checker check(source, text::format("/mig/profiles/value/{}", i));
    check_name(mig, check);
    check_starts(mig, profile.memory_slots, check);
    check_resources(mig, profile, check);
    for (std::size_t j = 0; j < i; ++j) {
      if (profile.mig[j].name == mig.name)
        check.fail("name", text::format("\"{}\" is already row {}", mig.name, j));
      if (profile.mig[j].id == mig.id)
        check.fail("id", text::format("{} is already the id of {}", mig.id, profile.mig[j].name));
    }
  }
}

}  // namespace

void check_profile(const GpuProfile& profile, const std::string& source) {
  const Checker root(source, {});
  root.at_most("power/idle_w/value", profile.power.idle_w, profile.power.limit_w, "the power limit");
  root.at_most("context_bytes/value", profile.context_bytes, profile.memory_bytes, "the memory of the GPU");
  root.at_most("mps/sm_granularity/value", profile.mps.sm_granularity, profile.sms, "the SMs of the GPU");
  root.at_most("mig/sms/value", profile.mig_sms, profile.sms, "the SMs of the GPU");
  check_mig(profile, source);
}

}  // namespace gpushare
