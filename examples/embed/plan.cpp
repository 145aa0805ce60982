#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "gpushare/gpushare.hpp"

// The cheapest placement of a scenario within the objectives that its document has:
//   gpushare_plan mine.json a100=4 h100=2@1.8    (kinds of GPU, how many, and what one costs; 1 unless told)
namespace {

gpushare::GpuOffer offer_of(const std::string& text) {
  const auto count = text.find('='), price = text.find('@');
  gpushare::GpuOffer offer;
  offer.gpu = std::make_shared<const gpushare::GpuProfile>(
      gpushare::load_profile(text.substr(0, std::min(count, price))));
  if (count != std::string::npos) offer.count = std::stoi(text.substr(count + 1));
  if (price != std::string::npos) offer.price = std::stod(text.substr(price + 1));
  return offer;
}

// "llm", or under a cap of MPS "llm (70 %)".
std::string name_of(const gpushare::ProcessPlacement& process, const gpushare::Workload& workload) {
  const std::string name = workload.services[static_cast<std::size_t>(process.service)].name;
  if (process.active_thread_percentage == 100) return name;
  return name + " (" + std::to_string(std::lround(process.active_thread_percentage)) + " %)";
}

void print(const gpushare::Plan& plan) {
  const auto& gpus = plan.scenario->placement.gpus;
  for (std::size_t g = 0; g < gpus.size(); ++g) {
    const gpushare::GpuPlacement& gpu = gpus[g];
    for (std::size_t p = 0; p < gpu.partitions.size(); ++p) {
      std::string names;
      for (const auto& process : gpu.partitions[p].processes)
        names += " " + name_of(process, plan.scenario->workload);
      const std::string sharing(gpushare::to_string(gpu.partitions[p].sharing.mode));
      std::printf("gpu%zu %-8s %-12s %-12s%s\n", g, gpu.profile().name.c_str(), gpu.parts()[p].name.c_str(),
                  sharing.c_str(), names.c_str());
    }
  }
  for (const gpushare::Judged& one : plan.objectives)
    std::printf("%s %.4g (%.4g to %.4g), at %s %.4g: %s\n", one.bound.name.c_str(), one.value, one.low,
                one.high, one.bound.at_most ? "most" : "least", one.bound.value,
                std::string(gpushare::to_string(one.met)).c_str());
  if (plan.worst_loss)
    std::printf("the worst loss: without %s %s is %.4g\n", plan.worst_loss->lost.c_str(),
                plan.worst_loss->judged.bound.name.c_str(), plan.worst_loss->judged.value);
}

// What stands beside the placement: the next best, why less is not enough, and what breaks first under more load.
void print_around(const gpushare::Plan& plan) {
  if (plan.runner_up)
    std::printf("the next best costs %g: %s\n", plan.runner_up->cost, plan.runner_up->placement.c_str());
  for (const gpushare::RejectedConfig& one : plan.rejected)
    std::printf("not taken: %s: %s\n", one.config.c_str(), one.why.c_str());
  for (const gpushare::Break& one : plan.breaks)
    if (one.missed)
      std::printf("at %g times the load %s is %.4g\n", one.load, one.missed->bound.name.c_str(),
                  one.missed->value);
  std::printf("%s\n", plan.advice.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SCENARIO GPU[=COUNT][@PRICE]...\n", argv[0]);
    return 2;
  }
  try {
    const gpushare::Scenario scenario = gpushare::load_scenario(argv[1]);
    std::vector<gpushare::GpuOffer> offers;
    for (int i = 2; i < argc; ++i) offers.push_back(offer_of(argv[i]));
    const gpushare::Plan plan = gpushare::find_plan(scenario, scenario.workload.objectives, offers);
    if (!plan.scenario) {
      std::printf("no plan: %s\n", plan.why.c_str());
      return 3;
    }
    print(plan);
    print_around(plan);
    std::printf("cost %g, none costs less than %g; %llu runs\n", plan.cost, plan.lower_bound,
                static_cast<unsigned long long>(plan.runs));
    return plan.met == gpushare::Met::yes ? 0 : 5;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
